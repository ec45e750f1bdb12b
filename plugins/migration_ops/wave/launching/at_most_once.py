"""Sends StartTest, StartCutover and TerminateTargetInstances at most once per intent.

These calls take no idempotency token (MGN API reference). So the intent is written to the ledger first and sent as a
tag of the job. An unknown outcome is looked up (``reconcile``) before anything is sent again. The caller checks its
gates again in between, because hours may pass between a lost call and the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from migration_ops.aws.errors import ConflictError
from migration_ops.aws.mgn.jobs import INTENT_TAG, JobView
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import MigrationError, OutcomeUnknownError, StepFailedError, ThrottledError, UnknownError
from migration_ops.core.field_text import distinct_tag_value
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Intent, Record
from migration_ops.wave.launching.intents import (
    NOTHING_HAPPENED,
    LaunchState,
    collect,
    note_no,
    record_job,
    same_intent,
)
from migration_ops.wave.launching.job_lookup import (
    EARLIER_JOBS,
    Action,
    has_unsettled_intent,
    in_flight,
    last_job,
    started_job,
    written_at,
)
from migration_ops.wave.launching.late_jobs import adopt_late
from migration_ops.wave.launching.reconcile import reconcile
from migration_ops.wave.services import Services

_KEPT_EARLIER_JOBS = 20
JOBS_IN_FLIGHT_QUOTA = 20
SERVERS_IN_FLIGHT_QUOTA = 200


def launch_once(
    services: Services,
    records: list[Record],
    action: Action,
    phase: Phase | None,
    lags: dict[str, float | None] | None = None,
    views: dict[str, ServerView] | None = None,
) -> LaunchState:
    """Makes sure each record's server has exactly one job of ``action`` for its present attempt.

    After a failed attempt a record gets the next one: only a task that a person cleared comes here again.

    :param records: looked up before (``reconcile``): an intent without a job is refused here.
    :param phase: the ledger phase written together with the intent; None leaves each record in its own.
    :param lags: the lag in seconds that was judged right before, by source server id; kept with the intent.
    :param views: the servers as read right before: a job that they name already is not the one sent now.
    :raises UnknownError: an intent without a job was not looked up, or the ledger does not say when it was written.
    :raises RefusedError: MGN refused for good and nothing was started.
    :raises StepFailedError: a job that is not ours works on a server.
    """
    name = action.value
    unclear = [r.migration_id for r in records if has_unsettled_intent(r, action) and not r.intents[name].job_id]
    if unclear:
        raise UnknownError("these intents must be looked up before anything is sent", action=name, migrationIds=unclear)
    # A last look before an intent is sent again: checking the gates took time since the look before.
    records = adopt_late(services, records, action)
    known = [r for r in records if has_unsettled_intent(r, action)]
    by_id = {record.migration_id: record for record in records}
    jobs: dict[str, str] = {}
    waits: list[tuple[float, str]] = []
    collect(_follow(services, known, action, phase), by_id, jobs, waits)
    looked_since: float | None = None
    for batch in _to_send([r for r in records if r not in known], name, services.settings.launch_batch_size):
        part = _write_and_send(services, batch, action, phase, lags or {}, views or {})
        looked_since = part.looked_since or looked_since
        collect(part, by_id, jobs, waits)
    ordered = [by_id[record.migration_id] for record in records]
    if waits:
        return LaunchState(ordered, jobs, *max(waits), looked_since=looked_since)
    return LaunchState(ordered, jobs)


def _follow(services: Services, known: list[Record], action: Action, phase: Phase | None) -> LaunchState:
    """Jobs that run already, for example from before the application was stopped: back to the phase that says so."""
    jobs = {r.source_server_id: str(r.intents[action.value].job_id) for r in known}
    old = [r for r in known if phase is not None and r.phase is not phase]
    if not old or phase is None:
        return LaunchState(known, jobs)
    new = [r.to(phase, dag_run_id=services.holder.run_id) for r in old]
    return LaunchState(services.ledger.write(old, new, f"{action.value} followed", holder=services.holder), jobs)


def _write_and_send(
    services: Services,
    batch: list[Record],
    action: Action,
    phase: Phase | None,
    lags: dict[str, float | None],
    views: dict[str, ServerView],
) -> LaunchState:
    name = action.value
    attempt, intent_id = _attempt_of(batch, name)
    again = any(r.intents[name].intent_id == intent_id for r in batch if name in r.intents)
    intent = Intent(action=name, intent_id=intent_id, attempt=attempt, written_at=services.now().isoformat())
    intended = [
        r.to(
            phase or r.phase,
            intents={**r.intents, name: intent},
            facts=_remember_jobs(r, action, views.get(r.source_server_id)),
            dag_run_id=services.holder.run_id,
            replication_lag_seconds=lags.get(r.source_server_id, r.replication_lag_seconds),
            error_code=None,
            error_message=None,
        )
        for r in batch
    ]
    written = services.ledger.write(
        batch, intended, event=f"{name} intended", detail={"intentId": intent_id}, holder=services.holder
    )
    return _send(services, written, action, intent_id, again)


def _attempt_of(batch: list[Record], name: str) -> tuple[int, str]:
    """Number and intent id of the next attempt. An attempt of which nothing happened keeps both: if its first call
    takes effect late, the job carries the tag that is looked for."""
    first = batch[0].intents.get(name)
    if first is not None and all((i := r.intents.get(name)) and _may_be_resent(i, first) for r in batch):
        return first.attempt, first.intent_id
    attempt = 1 + max((r.intents[name].attempt for r in batch if name in r.intents), default=0)
    ids = "\n".join(sorted(r.migration_id for r in batch))
    return attempt, f"{name}-{attempt}-{hashlib.sha256(ids.encode()).hexdigest()[:20]}"


def _may_be_resent(intent: Intent, first: Intent) -> bool:
    return intent.outcome == NOTHING_HAPPENED and intent.intent_id == first.intent_id


def _remember_jobs(record: Record, action: Action, view: ServerView | None) -> dict[str, Any]:
    """The facts with the jobs from before this attempt, so that a look-up never adopts one of them."""
    earlier = record.intents.get(action.value)
    found = [earlier.job_id if earlier else None, last_job(view, action)]
    jobs = dict.fromkeys([*record.facts.get(EARLIER_JOBS, []), *(one for one in found if one)])
    return {**record.facts, EARLIER_JOBS: list(jobs)[-_KEPT_EARLIER_JOBS:]} if jobs else record.facts


def _send(services: Services, batch: list[Record], action: Action, intent_id: str, again: bool) -> LaunchState:
    """:param again: an earlier call under the same tag had no answer, and may still take effect."""
    call: dict[Action, Callable[[list[str], dict[str, str]], JobView]] = {
        Action.TEST: services.mgn.start_test,
        Action.CUTOVER: services.mgn.start_cutover,
        Action.TERMINATE: services.mgn.terminate_instances,
    }
    record = batch[0]
    tags = {
        INTENT_TAG: intent_id,
        "migration-ops:wave": distinct_tag_value(record.wave),
        "migration-ops:application": distinct_tag_value(record.app_name),
        "migration-ops:run": distinct_tag_value(services.holder.run_id),
    }
    servers = [r.source_server_id for r in batch]
    try:
        job = call[action](servers, tags)
    except ThrottledError as error:
        return _later(services, batch, action, again, str(error))
    except OutcomeUnknownError as error:
        services.log.warning("%s of %s: outcome unknown (%s); looking it up", action, servers, error)
        return reconcile(services, batch, action)
    except ConflictError as error:
        return _after_conflict(services, batch, action, again, error)
    except MigrationError as error:
        # A definite no: nothing was started, so the next attempt may be sent at once.
        note_no(services, batch, action, again, "REFUSED", error)
        raise
    services.log.info("%s of %s: job %s (intent %s)", action, servers, job.job_id, intent_id)
    return record_job(services, batch, action, job, "sent")


def _after_conflict(
    services: Services, batch: list[Record], action: Action, again: bool, error: ConflictError
) -> LaunchState:
    """MGN did not execute this call: its job runs already, or MGN's quota is full for the moment, or it refused."""
    job = started_job(services, batch, action)
    if job is not None:
        services.log.warning("%s: conflict with our own job %s; adopting it", action, job.job_id)
        return record_job(services, batch, action, job, "adopted")
    servers = {r.source_server_id for r in batch}
    busy = in_flight(services, written_at(batch, action))
    foreign = [one.job_id for one in busy if one.is_active and set(one.launch_status) & servers]
    busy_servers = sum(len(one.launch_status) for one in busy)
    is_full = len(busy) >= JOBS_IN_FLIGHT_QUOTA or busy_servers + len(batch) > SERVERS_IN_FLIGHT_QUOTA
    # MGN has no error of its own for a full quota of jobs: it answers ConflictException.
    if not foreign and (is_full or "quota" in error.message.lower()):
        return _later(services, batch, action, again, f"MGN has {len(busy)} jobs and {busy_servers} servers in flight")
    note_no(services, batch, action, again, "REFUSED", error)
    if foreign:
        raise StepFailedError(
            "another MGN job works on this application's servers", jobIds=foreign, servers=sorted(servers)
        ) from error
    raise error


def _later(services: Services, batch: list[Record], action: Action, again: bool, why: str) -> LaunchState:
    """The call did nothing and may be sent later: the state with the time of the next attempt."""
    noted = note_no(services, batch, action, again, "NOT_NOW", None)
    pause = max(services.settings.first_poll_seconds, 30.0 if services.settings.first_poll_seconds >= 15 else 0.0)
    return LaunchState(noted, {}, services.epoch() + pause, f"{action.value} later: {why}")


def _to_send(records: list[Record], name: str, size: int) -> list[list[Record]]:
    """One batch per intent that is sent again, and the others together, as few as the size allows."""
    again = [r for r in records if (i := r.intents.get(name)) and i.outcome == NOTHING_HAPPENED]
    others = [r for r in records if r not in again]
    return [*same_intent(again, name), *[others[start : start + size] for start in range(0, len(others), size)]]
