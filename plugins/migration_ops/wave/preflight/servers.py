"""Preflight of the source servers: presence, lifecycle, replication, jobs, locks, quotas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.aws.mgn.states import (
    AFTER_FINALIZE,
    REPLICATION_READY,
    REPLICATION_TERMINAL,
    REPLICATION_WAITING,
    WAVE_CAN_START,
)
from migration_ops.core.errors import MigrationError
from migration_ops.core.states import ENDED, IN_CUTOVER, IN_TEST
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.at_most_once import JOBS_IN_FLIGHT_QUOTA, SERVERS_IN_FLIGHT_QUOTA
from migration_ops.wave.launching.external_launches import find_external_launches
from migration_ops.wave.launching.intents import same_intent
from migration_ops.wave.launching.job_lookup import Action, has_unsettled_intent, started_jobs
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.preflight.facts import Facts, known
from migration_ops.wave.rules.replication import agentless_reason
from migration_ops.wave.services import Services

# An earlier run left the server in this state; the wave goes on from the ledger's phase.
_PHASES_OF_STATE = {"TESTING": IN_TEST, "CUTTING_OVER": IN_CUTOVER}


def presence(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """Every server is listed by MGN and not archived."""
    views = known(facts.views)
    checks = []
    for server in plan.server_ids:
        view = views.get(server)
        if view is None:
            reason = "MGN does not list this source server in this account and Region"
            checks.append(GateResult("present", server, Verdict.BLOCKED, "absent", "present", reason))
        elif view.is_archived is None:
            checks.append(GateResult("present", server, Verdict.UNKNOWN, None, "present", "MGN did not say isArchived"))
        else:
            bad = view.is_archived
            reason = "the source server is archived" if bad else ""
            value = "archived" if bad else "present"
            checks.append(
                GateResult("present", server, Verdict.BLOCKED if bad else Verdict.OK, value, "present", reason)
            )
    return checks


def lifecycle(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """Every server is in a lifecycle state from which this wave can go on."""
    views, records = known(facts.views), known(facts.records)
    by_server = {record.source_server_id: record for record in records.values()}
    foreign = _foreign(services, by_server, views)
    checks = []
    for server, view in views.items():
        state, record = view.lifecycle_state, by_server.get(server)
        if state is None:
            checks.append(GateResult("lifecycle", server, Verdict.UNKNOWN, None, None, "MGN did not say the state"))
            continue
        good = server not in foreign and (state in WAVE_CAN_START or _ours(record, state))
        job = f" (job {foreign[server]})" if server in foreign else ""
        reason = "" if good else f"a wave cannot start from {state}{_hint(state)}{job}"
        checks.append(
            GateResult(
                "lifecycle", server, Verdict.OK if good else Verdict.BLOCKED, state, sorted(WAVE_CAN_START), reason
            )
        )
    return checks


def _foreign(services: Services, records: Mapping[str, Record], views: Mapping[str, ServerView]) -> dict[str, str]:
    """The jobs of somebody else's launches by server, without those that the step will adopt as ours."""
    foreign = find_external_launches(services, records, views)
    batches = [
        (batch, action)
        for action in (Action.TEST, Action.CUTOVER)
        for batch in same_intent([one for one in records.values() if has_unsettled_intent(one, action)], action.value)
        if any(one.source_server_id in foreign for one in batch)
    ]
    for batch, job in started_jobs(services, batches, views):
        mine = {one.source_server_id for one in batch}
        foreign = {one: of for one, of in foreign.items() if one not in mine or of != job.job_id}
    return foreign


def finalized(servers: Iterable[str], facts: Facts) -> list[GateResult]:
    """Servers that are finalized in the ledger are finalized in MGN too, or were archived or removed there since."""
    if isinstance(facts.views, MigrationError):
        reason = f"MGN could not be asked: {facts.views}"
        return [GateResult("lifecycle", one, Verdict.UNKNOWN, None, "finalized", reason) for one in sorted(servers)]
    return [_finalized(server, facts.views.get(server)) for server in sorted(servers)]


def _finalized(server: str, view: ServerView | None) -> GateResult:
    if view is None or view.is_archived:
        value = "archived" if view else "not listed by MGN"
        return GateResult("lifecycle", server, Verdict.OK, value, "finalized")
    state = view.lifecycle_state
    if state is None:
        return GateResult("lifecycle", server, Verdict.UNKNOWN, None, "finalized", "MGN did not say the state")
    if state in AFTER_FINALIZE:
        return GateResult("lifecycle", server, Verdict.OK, state, "finalized")
    reason = f"this wave finalized it, and MGN shows {state}: to migrate it again, name another wave"
    return GateResult("lifecycle", server, Verdict.BLOCKED, state, "finalized", reason)


def _ours(record: Record | None, state: str) -> bool:
    return record is not None and record.phase in _PHASES_OF_STATE.get(state, frozenset())


def _hint(state: str) -> str:
    hints = {
        "TESTING": "; somebody else's test is in progress: mark it ready or revert it first",
        "CUTTING_OVER": "; somebody else's cutover is in progress: revert or finalize it, or run migration_rollback",
        "CUTOVER": "; it was finalized, there is nothing left to migrate",
        "DISCONNECTED": "; it no longer replicates",
    }
    return hints.get(state, "")


def replication(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """No server's replication has stopped. A server that still catches up is OK here: the wave waits for it."""
    checks = []
    for server, view in known(facts.views).items():
        state = view.replication_state
        if state is None:
            checks.append(GateResult("replication", server, Verdict.UNKNOWN, None, None, "MGN did not say the state"))
            continue
        verdict, reason = _replication(view, state)
        value = {"state": state, "lagSeconds": view.lag_seconds}
        limit = plan.conf.replication.max_lag_seconds
        checks.append(GateResult("replication", server, verdict, value, limit, reason))
    return checks


def _replication(view: ServerView, state: str) -> tuple[Verdict, str]:
    if (reason := agentless_reason(view)) is not None:
        return Verdict.BLOCKED, reason
    if state in REPLICATION_TERMINAL:
        return Verdict.BLOCKED, f"{state}: {view.replication_error or 'needs a person'}"
    if state not in REPLICATION_READY | REPLICATION_WAITING:
        return Verdict.UNKNOWN, f"the state {state} is not known"
    if view.replication_error:
        return Verdict.BLOCKED, f"{state}, but MGN reports {view.replication_error}"
    return Verdict.OK, ""


def jobs(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """No server is in an active job, unless the ledger shows that job as ours."""
    # A migration that has ended starts again: a job from before counts as a foreign one.
    under_way = [record for record in known(facts.records).values() if record.phase not in ENDED]
    ours = {i.job_id for r in under_way for i in r.intents.values() if i.job_id}
    intents = {i.intent_id for r in under_way for i in r.intents.values()}
    busy: dict[str, str] = {}
    for job in known(facts.active_jobs):
        if job.job_id in ours or job.intent_id in intents:
            continue
        busy |= {server: f"{job.job_id} ({job.initiated_by})" for server in job.launch_status}
    return [
        GateResult("no active job", server, Verdict.BLOCKED, busy[server], None, f"job {busy[server]} works on it")
        if server in busy
        else GateResult("no active job", server, Verdict.OK)
        for server in plan.server_ids
    ]


def locks(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """No server belongs to another run that has not ended."""
    held = known(facts.locks)
    checks = []
    for server in plan.server_ids:
        holder = held.get(server)
        if holder is None or holder.is_same_run(services.holder):
            checks.append(GateResult("not locked", server, Verdict.OK))
            continue
        ended = services.run_ended(holder)
        verdict = {True: Verdict.OK, False: Verdict.BLOCKED, None: Verdict.UNKNOWN}[ended]
        words = {True: "has ended; its lock is taken over", False: "is not over", None: "cannot be asked for its state"}
        who = f"{holder.dag_id} / {holder.run_id}"
        checks.append(
            GateResult("not locked", server, verdict, who, None, f"wave {holder.wave}: run {who} {words[ended]}")
        )
    return checks


def quota(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """The largest application fits MGN's quota of servers in flight. A quota that is full now is only named."""
    active = known(facts.active_jobs)
    in_flight = sum(len(job.launch_status) for job in active)
    largest = max(len(app.servers) for app in plan.applications)
    fits = largest <= SERVERS_IN_FLIGHT_QUOTA
    value = {"jobs": len(active), "servers": in_flight, "largestApplication": largest}
    limit = {"jobs": JOBS_IN_FLIGHT_QUOTA, "servers": SERVERS_IN_FLIGHT_QUOTA}
    busy = len(active) >= JOBS_IN_FLIGHT_QUOTA or in_flight + largest > SERVERS_IN_FLIGHT_QUOTA
    reason = "" if fits else "an application has more servers than all active jobs may have"
    reason = reason or ("MGN is busy now; launches of this wave wait for free capacity" if busy else "")
    return [GateResult("free quota", plan.wave, Verdict.OK if fits else Verdict.BLOCKED, value, limit, reason)]
