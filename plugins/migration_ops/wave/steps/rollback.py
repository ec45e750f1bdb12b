"""Takes an application back to before its launch (earlier lifecycle state, no instance), or freezes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.aws.mgn.states import LIFECYCLE_STATES
from migration_ops.core.errors import FrozenError, MigrationError, OutcomeUnknownError, UnknownError
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import LockHeldError, Record
from migration_ops.wave.launching.after_rollback import look_after_rollback
from migration_ops.wave.launching.carry import TerminationCarry
from migration_ops.wave.launching.external_launches import find_external_launches
from migration_ops.wave.launching.intents import NOTHING_HAPPENED
from migration_ops.wave.launching.job_lookup import Action
from migration_ops.wave.launching.late_jobs import adopt_late
from migration_ops.wave.launching.lifecycle import bring_all_to, views_of
from migration_ops.wave.launching.reconcile import reconcile
from migration_ops.wave.launching.terminate import claims_of, instances_left, terminate
from migration_ops.wave.permission import require_permitted
from migration_ops.wave.records import records_of, to_act, transition, wait_until, with_phase, write
from migration_ops.wave.rules.approvals import ended
from migration_ops.wave.rules.refusals import GateShutError
from migration_ops.wave.rules.standing import APPROVALS, ENDS_APPROVALS, RETRY, ROLLED_BACK
from migration_ops.wave.services import Services, StepInput, StepSkipped
from migration_ops.wave.steps.quiesce import undo
from migration_ops.wave.waits.outcome import Done, Outcome, Topic, Wait

# The state that each lifecycle state goes back to. From all others MGN has no way back.
BACK_TO = {
    "NOT_READY": "NOT_READY",
    "READY_FOR_TEST": "READY_FOR_TEST",
    "TESTING": "READY_FOR_TEST",
    "READY_FOR_CUTOVER": "READY_FOR_CUTOVER",
    "CUTTING_OVER": "READY_FOR_CUTOVER",
}
_NO_WAY_BACK = LIFECYCLE_STATES - set(BACK_TO)
_AFTERWARDS = (
    "MGN has no way back after finalize. What a person can still do: keep or stop the instance in EC2, start the "
    "source server again, reinstall the replication agent and wait for a full initial sync."
)


def run(services: Services, inp: StepInput) -> Outcome:
    """Rolls the application back, or marks it FROZEN and fails: only a verified rollback counts.

    ``inputs["decision"]["decision"]`` is ``rollback`` or ``hold``; on ``hold`` everything is left as it is and marked
    for a person. Without a decision nothing is done.

    :raises GateShutError, LockHeldError: it may not be rolled back (``require_permitted``); nothing was touched.
    :raises FrozenError: it could not be finished or verified, with the reason.
    :raises StepSkipped: the decision was to leave the application as it is, or there was none.
    :raises MigrationError: a retryable error; the task tries again.
    """
    records = records_of(services, inp.application)
    answer = inp.inputs.get("decision") or {}
    if answer.get("decision") != "rollback":
        why = answer.get("reason") or "left as it is on request; a person must look"
        if answer.get("decision") == "hold":
            # What is frozen already keeps its reason.
            _freeze(services, [one for one in records if one.phase is not Phase.FROZEN], "HELD", why)
        raise StepSkipped(why, appName=inp.application.app_name)
    try:
        return _roll_back(services, inp, records)
    except (FrozenError, GateShutError, LockHeldError):
        # Another run's lock: the servers are that run's now, and stay as they are.
        raise
    except MigrationError as error:
        if error.retryable:
            raise
        _freeze(services, records_of(services, inp.application), error.code, str(error))
        raise FrozenError(
            "the rollback could not be finished", appName=inp.application.app_name, cause=str(error)
        ) from error


def _roll_back(services: Services, inp: StepInput, records: list[Record]) -> Outcome:
    app = inp.application
    carry = inp.carried(TerminationCarry)
    deadline = carry.deadline or services.epoch() + 60 * services.settings.job_timeout_minutes
    if inp.resumed is None:
        records = look_after_rollback(services, records, freeze_all=True).records
    todo = [record for record in records if record.phase is not Phase.ROLLED_BACK]
    if not todo:
        return Done({"appName": app.app_name, "passed": "rolled back before"})
    require_permitted(services, inp, "rollback")
    views = views_of(services, [record.source_server_id for record in todo])
    _refuse_after_no_return(services, todo, views)
    todo = _begun(services, inp, todo)
    wait = _jobs_to_end(services, todo, carry.looked_since, deadline, app.app_name)
    if wait is None:
        # Read again: a job that ended in between may have left an instance that the first look did not show.
        views = views_of(services, [record.source_server_id for record in todo])
        _refuse_after_no_return(services, todo, views)
        _refuse_unseen(services, inp, todo, views)
        back_to = {server: BACK_TO[str(view.lifecycle_state)] for server, view in views.items()}
        views = bring_all_to(services, views, back_to)
        todo = _rolling_back(services, inp)
        wait = terminate(services, todo, claims_of(todo, views), carry.looked_since, deadline, app.app_name)
    if wait is None:
        wait = undo(services, inp, _rolling_back(services, inp), deadline)
    if wait is not None:
        if services.epoch() >= deadline:
            _freeze(services, _rolling_back(services, inp), "TIMED_OUT", f"not rolled back in time: {wait.why}")
            raise FrozenError("the rollback did not end in time", appName=app.app_name, waiting=wait.why)
        return wait
    return _verified(services, inp)


def _begun(services: Services, inp: StepInput, todo: list[Record]) -> list[Record]:
    started = [record for record in todo if record.phase is not Phase.ROLLING_BACK]
    if not started:
        return todo
    transition(services, started, Phase.ROLLING_BACK, "rollback started", dict(inp.inputs.get("decision") or {}))
    return _rolling_back(services, inp)


def _rolling_back(services: Services, inp: StepInput) -> list[Record]:
    return [r for r in records_of(services, inp.application) if r.phase is Phase.ROLLING_BACK]


def _refuse_after_no_return(services: Services, todo: list[Record], views: dict[str, ServerView]) -> None:
    gone = {s: v.lifecycle_state for s, v in views.items() if v.lifecycle_state in _NO_WAY_BACK or v.is_archived}
    if not gone:
        _require_states(views)
        return
    finalized = any(state == "CUTOVER" for state in gone.values())
    why = f"past the point of no return. {_AFTERWARDS}" if finalized else "there is no way back from these states"
    _freeze(services, [r for r in todo if r.source_server_id in gone], "NO_WAY_BACK", f"{gone}: {why}")
    raise FrozenError(why, states=gone)


def _require_states(views: dict[str, ServerView]) -> None:
    """From a missing or unknown lifecycle state the way back is not known.

    :raises UnknownError: MGN gives no state for a server, or one that is not known.
    """
    unknown = {s: v.lifecycle_state for s, v in views.items() if v.lifecycle_state not in LIFECYCLE_STATES}
    if unknown:
        raise UnknownError("MGN does not say in which lifecycle state these servers are", states=unknown)


def _refuse_late_launches(services: Services, todo: list[Record]) -> None:
    """A launch that took effect during the last reads is undone by the next try.

    :raises OutcomeUnknownError: there is such a launch.
    """
    for action in (Action.TEST, Action.CUTOVER):
        late = [new.job_id for old, new in zip(todo, adopt_late(services, todo, action), strict=True) if new is not old]
        if late:
            raise OutcomeUnknownError("a launch took effect while it was rolled back", jobs=sorted(map(str, late)))


def _refuse_unseen(services: Services, inp: StepInput, todo: list[Record], views: dict[str, ServerView]) -> None:
    """A launch of somebody else may be in use: it is undone only when it was shown to whoever decided.

    :raises FrozenError: there is one that was not shown.
    """
    shown = set((inp.inputs.get("decision") or {}).get("foreignJobs") or [])
    found = find_external_launches(services, {record.source_server_id: record for record in todo}, views)
    unseen = {server: job for server, job in found.items() if job not in shown}
    if unseen:
        why = f"somebody else launched these servers: {unseen}; run migration_rollback to undo that too"
        _freeze(services, todo, "NOT_OURS", why)
        raise FrozenError(why, jobs=unseen)


def _jobs_to_end(
    services: Services, todo: list[Record], looked_since: float | None, deadline: float, app_name: str
) -> Wait | None:
    """No API cancels a job, and a launch whose answer was lost may still begin: both are waited out first."""
    for action in (Action.TEST, Action.CUTOVER):
        found = reconcile(services, todo, action, looked_since)
        if found.wait_until is not None:
            carry = TerminationCarry(deadline, found.looked_since)
            return wait_until(services, found.wait_until, f"{app_name}: {found.why}", deadline, carry)
        todo = found.records
    servers = {record.source_server_id for record in todo}
    active = sorted(job.job_id for job in services.mgn.active_jobs() if set(job.launch_status) & servers)
    if not active:
        return None
    return Wait(
        topic=Topic.JOBS,
        subjects=tuple(active),
        until={},
        poll_seconds=services.settings.job_poll_seconds,
        deadline=deadline,
        why=f"{app_name}: jobs {', '.join(active)} must end before the rollback",
        carry=TerminationCarry(deadline).as_document(),
    )


def _verified(services: Services, inp: StepInput) -> Done:
    """Reads everything again and notes ROLLED_BACK only when the lifecycle is back and no instance is left."""
    app, todo = inp.application, _rolling_back(services, inp)
    _refuse_late_launches(services, todo)
    views = views_of(services, [record.source_server_id for record in todo])
    _require_states(views)
    wrong = {s: v.lifecycle_state for s, v in views.items() if v.lifecycle_state != BACK_TO.get(str(v.lifecycle_state))}
    if wrong:
        _freeze(services, todo, "NOT_BACK", f"the lifecycle is not back: {wrong}")
        raise FrozenError("the rollback could not be verified", states=wrong)
    left = instances_left(services, list(views))
    if left:
        _freeze(services, todo, "INSTANCES_LEFT", f"EC2 still has instances of these servers: {left}")
        raise FrozenError("the rollback left instances behind; terminate them by hand", instances=left)
    decision = inp.inputs.get("decision") or {}
    fact = {
        "at": services.now().isoformat(),
        "because": str(decision.get("reason") or "")[:300],
        # Nobody has seen what the conf undid by itself: it counts in ``stop_reason``.
        "byConf": decision.get("by") == "conf",
        ENDS_APPROVALS: True,
    }
    closed = [_closed(record, fact) for record in todo]
    evidence = {"lifecycle": {s: v.lifecycle_state for s, v in views.items()}, "instancesLeft": []}
    write(services, todo, closed, "rolled back", evidence)
    return Done({"appName": app.app_name, "rolledBack": sorted(views), **evidence})


def _closed(record: Record, fact: dict[str, Any]) -> Record:
    """The record with its open intents ended, so that the next launch is a new attempt, and without its retry."""
    open_ones = {n for n, i in record.intents.items() if not i.outcome}
    # A launch noted as NOTHING_HAPPENED may still begin and stays looked for under its tag. A termination is over.
    if Action.TERMINATE in record.intents and record.intents[Action.TERMINATE].outcome == NOTHING_HAPPENED:
        open_ones.add(Action.TERMINATE)
    intents = {n: replace(i, outcome="ROLLED_BACK") if n in open_ones else i for n, i in record.intents.items()}
    facts = {k: v for k, v in record.facts.items() if k != RETRY} | {ROLLED_BACK: fact}
    if record.facts.get(APPROVALS):
        facts[APPROVALS] = ended(record.facts[APPROVALS], fact["at"])
    return with_phase(record, Phase.ROLLED_BACK, intents=intents, instance_id=None, facts=facts)


def _freeze(services: Services, records: list[Record], code: str, why: str, **detail: Any) -> None:
    todo = to_act(records, "rollback")
    transition(
        services, todo, Phase.FROZEN, "frozen", {"reason": why, **detail}, error_code=code, error_message=why[:1000]
    )
