"""Reads and writes the ledger records of one application, and the waits that every step shares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from migration_ops.core.errors import MigrationError, StepFailed, StepTimedOut, Unknown
from migration_ops.core.states import ENDED, Phase
from migration_ops.ledger.protocol import LockHeld, Record
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.waits.outcome import Reason, Resumed, Topic, Wait

# Where a migration was when it was stopped (FAILED, FROZEN), so that a cleared task goes on from there.
STOPPED_IN = "stoppedIn"
_STOPPED = frozenset({Phase.FAILED, Phase.FROZEN})
# A rollback that was frozen half-way is not gone on with by the work, only by another rollback.
_RESUMABLE = frozenset(Phase) - ENDED - {Phase.ROLLING_BACK}


def records_of(services: Services, app: PlannedApplication) -> list[Record]:
    """The records of the application's servers, in the plan's order.

    :raises Unknown: the ledger does not know one of them: preflight registers them all, so something removed it.
    """
    found = services.ledger.read(list(app.migration_ids))
    missing = [one for one in app.migration_ids if one not in found]
    if missing:
        raise Unknown("the ledger does not know these migrations", migrationIds=missing, appName=app.app_name)
    return [found[one] for one in app.migration_ids]


def begin(services: Services, inp: StepInput, among: Iterable[Phase] = _RESUMABLE) -> list[Record]:
    """The application's records for a step of its work.

    A step that starts afresh after its application was stopped was cleared by a person: what was stopped goes on
    from the phase it was in, and the failure that stopped it is no longer its state (the history keeps it).

    :param among: only what was stopped in one of these phases is taken up again.
    """
    records = records_of(services, inp.application)
    if inp.resumed is not None:
        return records
    wanted = frozenset(among)
    # A retry that nobody asked for keeps the reason of the failure it repeats.
    old = [
        record
        for record in records
        if stopped_in(record) in wanted or (record.error_code and record.phase not in ENDED and not inp.is_retry)
    ]
    if not old:
        return records
    detail = {"clearedErrors": sorted({r.error_code for r in old if r.error_code})}
    new = [_going_on(services, record) for record in old]
    written = {r.migration_id: r for r in save(services, old, new, "taken up again", detail)}
    return [written.get(record.migration_id, record) for record in records]


def stopped_in(record: Record) -> Phase | None:
    """The phase in which a FAILED or FROZEN migration was stopped; None when it was not, or nobody noted it."""
    noted = record.facts.get(STOPPED_IN)
    return Phase(noted) if noted and record.phase in _STOPPED and Phase(noted) in _RESUMABLE else None


def effective_phase(record: Record) -> Phase:
    """Where the work would go on: the phase, or the one it was stopped in."""
    return stopped_in(record) or record.phase


def _going_on(services: Services, record: Record) -> Record:
    return moved(record, effective_phase(record), dag_run_id=services.holder.run_id)


def moved(record: Record, phase: Phase, **changes: Any) -> Record:
    """A copy in another phase, its error cleared unless given; one that is stopped remembers where."""
    facts = dict(changes.pop("facts", record.facts))
    if phase not in _STOPPED:
        facts.pop(STOPPED_IN, None)
    elif record.phase not in _STOPPED:
        facts[STOPPED_IN] = record.phase.value
    return record.to(phase, facts=facts, **({"error_code": None, "error_message": None} | changes))


def require_lock(services: Services, records: list[Record]) -> None:
    """Before a call that has no intent in the ledger: nothing is sent for a server that another run holds.

    :raises LockHeld:
    """
    holders = services.ledger.locks([record.source_server_id for record in records])
    others = {server: f"{h.dag_id} / {h.run_id}" for server, h in holders.items() if not h.is_same_run(services.holder)}
    if others:
        raise LockHeld("these servers belong to another run", holders=others)


def require_past(records: Iterable[Record], passed: Iterable[Phase], what: str) -> None:
    """:raises StepFailed: a server neither needs this step nor has it behind it, so that passing it would be a lie."""
    elsewhere = {r.source_server_id: r.phase.value for r in records if r.phase not in frozenset(passed)}
    if elsewhere:
        raise StepFailed(f"{what}: these servers are not there yet", phases=elsewhere)


def move(
    services: Services,
    records: list[Record],
    phase: Phase,
    event: str,
    detail: dict[str, Any] | None = None,
    **changes: Any,
) -> list[Record]:
    """Writes the records in another phase, holding the servers' locks; nothing to write is no write."""
    if not records:
        return []
    new = [moved(record, phase, dag_run_id=services.holder.run_id, **changes) for record in records]
    return save(services, records, new, event, detail)


def save(
    services: Services, old: list[Record], new: list[Record], event: str, detail: dict[str, Any] | None = None
) -> list[Record]:
    """One conditional write of all records, and one line and metric per migration for the operators."""
    written = services.ledger.write(old, new, event=event, detail=detail, holder=services.holder)
    for before, record in zip(old, written, strict=True):
        services.emit(event=event, record=record, detail=detail or {}, previous=before)
    return written


def note_failure(services: Services, app: PlannedApplication, error: MigrationError) -> None:
    """Writes why a step failed to every migration of the application that is still on its way.

    One that has its own reason (its launch failed) keeps that; a step that starts afresh forgets it (``begin``).
    """
    records = [record for record in records_of(services, app) if record.phase not in ENDED and not record.error_code]
    if records:
        new = [replace(record, error_code=error.code, error_message=error.message[:1000]) for record in records]
        save(services, records, new, "step failed", error.as_document())


def in_phases(records: Iterable[Record], phases: Iterable[Phase]) -> list[Record]:
    wanted = frozenset(phases)
    return [record for record in records if record.phase in wanted]


def wait_until(services: Services, at: float, why: str, deadline: float, carry: dict[str, Any] | None = None) -> Wait:
    """A wait for a moment (epoch seconds), ended by ``deadline`` at the latest."""
    return Wait(
        topic=Topic.CLOCK,
        subjects=(),
        until={"at": max(at, services.epoch() + services.settings.first_poll_seconds)},
        poll_seconds=services.settings.first_poll_seconds,
        deadline=deadline,
        why=why,
        carry=carry or {},
    )


def require_met(resumed: Resumed, what: str, app_name: str) -> None:
    """:raises StepFailed, StepTimedOut: the wait did not end as hoped; the reasons per subject are in the message."""
    if resumed.reason is Reason.MET:
        return
    reasons = {
        subject: one.get("reason") or one.get("verdict")
        for subject, one in resumed.observed.items()
        if one.get("verdict") != "OK"
    }
    kind = StepTimedOut if resumed.reason is Reason.TIMED_OUT else StepFailed
    how = "timed out" if resumed.reason is Reason.TIMED_OUT else "failed"
    raise kind(f"{what} of {app_name} {how}", appName=app_name, reasons=reasons)


def note_decision(services: Services, plan: WavePlan, decision: dict[str, Any]) -> None:
    """Writes who decided what, when and why to the history of every migration of the wave."""
    found = services.ledger.read(list(plan.migration_ids))
    records = [found[one] for one in plan.migration_ids if one in found]
    if records:
        name = f"{decision['approval']} {'approved' if decision.get('approved') else 'not approved'}"
        facts = {"approvals": {decision["approval"]: decision}}
        new = [
            replace(r, facts={**r.facts, "approvals": {**r.facts.get("approvals", {}), **facts["approvals"]}})
            for r in records
        ]
        save(services, records, new, name, decision)
