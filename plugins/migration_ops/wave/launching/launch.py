"""Starts MGN launch jobs once only and judges them when they end; shared by the test launch and the cutover."""

from __future__ import annotations

from dataclasses import dataclass, replace

from migration_ops.aws.mgn.jobs import JobView
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import StepFailedError, StepTimedOutError, UnknownError
from migration_ops.core.states import Phase
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.at_most_once import launch_once
from migration_ops.wave.launching.carry import LaunchCarry
from migration_ops.wave.launching.intents import LaunchState, with_outcome
from migration_ops.wave.launching.job_lookup import FAILED_LAUNCH, Action
from migration_ops.wave.launching.reconcile import reconcile
from migration_ops.wave.records import wait_until, write
from migration_ops.wave.rules.replication import STALE_SNAPSHOT, judge_launch
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.waits.outcome import Reason, Resumed, Topic, Wait


@dataclass(frozen=True)
class LaunchKind:
    """How a test launch and a cutover differ.

    :param step: the step of ``STEP_TABLE`` that launches.
    :param name: in messages.
    :param stale_is_failure: an instance started from an old snapshot is useless after a cutover, harmless in a test.
    """

    step: str
    name: str
    action: Action
    launching: Phase
    launched: Phase
    stale_is_failure: bool


TEST = LaunchKind(
    "test_launch", "test launch", Action.TEST, Phase.TEST_LAUNCHING, Phase.TEST_LAUNCHED, stale_is_failure=False
)
CUTOVER = LaunchKind(
    "cutover", "cutover", Action.CUTOVER, Phase.CUTTING_OVER, Phase.CUTOVER_LAUNCHED, stale_is_failure=True
)


def resolve_unknown_outcomes(
    services: Services, inp: StepInput, kind: LaunchKind, records: list[Record]
) -> Wait | list[Record]:
    """The records once it is known for every begun launch whether it has a job; until then a wait. Nothing is sent.

    Afterwards a record either follows its job, or may be sent after the gates, like one that was never sent.

    :raises StepFailedError: Airflow retries the task by itself, and the last launch of a server failed.
    :raises StepTimedOutError: an outcome was still unknown at the deadline for sending.
    """
    if inp.is_retry:
        _refuse_relaunch(kind, records)
    found = reconcile(services, records, kind.action, inp.carried(LaunchCarry).looked_since)
    return found.records if found.wait_until is None else _wait_to_send(services, inp, kind, found)


def _refuse_relaunch(kind: LaunchKind, records: list[Record]) -> None:
    """Airflow 3.3.2 also retries a task whose failure report was lost; only a person may repeat a failed launch.

    :raises StepFailedError: the last launch of a server failed.
    """
    failed = {
        record.source_server_id: record.error_message or "launch failed"
        for record in records
        if (intent := record.intents.get(kind.action.value)) and intent.outcome in FAILED_LAUNCH
    }
    if failed:
        raise StepFailedError(f"{kind.action.value} failed and is not repeated by itself", failed=failed)


def start(
    services: Services,
    inp: StepInput,
    kind: LaunchKind,
    records: list[Record],
    views: dict[str, ServerView],
    lags: dict[str, float | None] | None = None,
) -> Wait:
    """Sends what was not sent, follows what was, and returns the wait until the jobs are over.

    :param records: as ``resolve_unknown_outcomes`` returned them.
    :param views: the servers as read right before.
    :raises RefusedError, StepFailedError, UnknownError: see ``launch_once`` in ``wave/launching/at_most_once.py``.
    :raises StepTimedOutError: the launch could not be sent before its deadline.
    """
    sent = launch_once(services, records, kind.action, kind.launching, lags, views)
    if sent.wait_until is not None:
        return _wait_to_send(services, inp, kind, sent)
    jobs = sorted(set(sent.jobs.values()))
    return Wait(
        topic=Topic.JOBS,
        subjects=tuple(jobs),
        until={},
        poll_seconds=services.settings.job_poll_seconds,
        deadline=services.epoch() + 60 * services.settings.job_timeout_minutes,
        why=f"{kind.action.value} of {inp.application.app_name}: {', '.join(jobs)}",
        carry=LaunchCarry(jobs=tuple(jobs)).as_document(),
    )


def _wait_to_send(services: Services, inp: StepInput, kind: LaunchKind, sent: LaunchState) -> Wait:
    known = inp.carried(LaunchCarry).launch_deadline
    deadline = known or services.epoch() + 60 * services.settings.job_timeout_minutes
    if services.epoch() >= deadline:
        raise StepTimedOutError(f"{kind.action.value} could not be sent in time", waiting=sent.why)
    carry = LaunchCarry(launch_deadline=deadline, looked_since=sent.looked_since)
    return wait_until(services, float(sent.wait_until or 0), sent.why, deadline, carry)


def finish(services: Services, kind: LaunchKind, records: list[Record], resumed: Resumed) -> list[Record]:
    """Judges the jobs per server and writes the verdicts: launched servers move on, failed ones get the reason.

    COMPLETED says nothing about the servers: ``launchStatus`` of each does, and the log shows an old snapshot.

    :raises StepFailedError: at least one server was not launched, or (cutover) from an old snapshot.
    :raises StepTimedOutError: a job did not end in time.
    :raises UnknownError: MGN's answer allows no verdict on a server; nothing is written for it.
    """
    jobs = _jobs_over(resumed)
    checks: dict[str, GateResult] = {}
    instances: dict[str, str] = {}
    for job in jobs.values():
        mine = [r.source_server_id for r in records if _follows(r, kind, job.job_id)]
        failed = any(job.launch_status.get(server) != "LAUNCHED" for server in mine)
        log = services.mgn.job_log(job.job_id) if kind.stale_is_failure or failed else []
        checks |= judge_launch(job, mine, log, stale_is_failure=kind.stale_is_failure)
        instances |= job.instance_ids
    new = [_after(record, kind, checks.get(record.source_server_id), instances) for record in records]
    changed = [(old, one) for old, one in zip(records, new, strict=True) if one is not old]
    if changed:
        stored = write(
            services,
            [old for old, _ in changed],
            [one for _, one in changed],
            event=f"{kind.action.value} judged",
            detail={"checks": [check.as_document() for check in checks.values()]},
        )
        by_id = {record.migration_id: record for record in stored}
        new = [by_id.get(record.migration_id, record) for record in new]
    _raise_for(kind, records, checks)
    return new


def _follows(record: Record, kind: LaunchKind, job_id: str) -> bool:
    intent = record.intents.get(kind.action.value)
    return intent is not None and intent.job_id == job_id and intent.outcome is None


def _jobs_over(resumed: Resumed) -> dict[str, JobView]:
    if resumed.reason is Reason.TIMED_OUT:
        raise StepTimedOutError("the MGN job did not end in time; no API cancels a job", jobIds=list(resumed.observed))
    views = {job_id: one.get("view") for job_id, one in resumed.observed.items()}
    absent = [job_id for job_id, view in views.items() if not view]
    if absent:
        raise UnknownError("MGN no longer lists these jobs", jobIds=absent)
    return {job_id: JobView.from_document(view) for job_id, view in views.items() if view}


def _after(record: Record, kind: LaunchKind, check: GateResult | None, instances: dict[str, str]) -> Record:
    if check is None or check.verdict is Verdict.UNKNOWN:
        return record
    server = record.source_server_id
    if check.verdict is Verdict.OK:
        [done] = with_outcome([record], kind.action, {server: "LAUNCHED"})
        return done.to(kind.launched, instance_id=instances[server], error_code=None, error_message=None)
    is_stale = check.value == STALE_SNAPSHOT
    [failed] = with_outcome([record], kind.action, {server: STALE_SNAPSHOT if is_stale else "FAILED"})
    code = STALE_SNAPSHOT if is_stale else "LAUNCH_FAILED"
    return replace(failed, error_code=code, error_message=check.reason[:1000])


def _raise_for(kind: LaunchKind, records: list[Record], checks: dict[str, GateResult]) -> None:
    unjudged = [r.source_server_id for r in records if r.source_server_id not in checks]
    unknown = {c.subject: c.reason for c in checks.values() if c.verdict is Verdict.UNKNOWN}
    failed = {c.subject: c.reason for c in checks.values() if c.verdict is Verdict.BLOCKED}
    if failed:
        raise StepFailedError(f"{kind.action.value} did not launch every server", failed=failed, unknown=unknown)
    if unknown or unjudged:
        raise UnknownError(f"{kind.action.value}: no verdict on some servers", unknown=unknown, unjudged=unjudged)
