"""Reads and writes the ledger records of one application, and the waits that every step shares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from migration_ops.core.errors import MigrationError, StepFailedError, StepTimedOutError, UnknownError
from migration_ops.core.frozen import changed
from migration_ops.core.states import ENDED, STOPPED, Phase
from migration_ops.ledger.protocol import LockHeldError, Record
from migration_ops.wave.plan.plan import PlannedApplication
from migration_ops.wave.rules.refusals import ApplicationHeldError, GateShutError
from migration_ops.wave.rules.standing import NEEDS_SHEET, RESET, RETRY, STOPPED_AT, STOPPED_IN, standing_of
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.waits.carry import Carry
from migration_ops.wave.waits.outcome import Reason, Resumed, Topic, Wait


def records_of(services: Services, app: PlannedApplication) -> list[Record]:
    """The records of the application's servers, in the plan's order.

    :raises UnknownError: the ledger does not know one of them: preflight registers them all, so something removed it.
    """
    found = services.ledger.read(list(app.migration_ids))
    missing = [one for one in app.migration_ids if one not in found]
    if missing:
        raise UnknownError("the ledger does not know these migrations", migrationIds=missing, appName=app.app_name)
    return [found[one] for one in app.migration_ids]


def load_and_resume(services: Services, inp: StepInput, step: str) -> list[Record]:
    """The application's records for a step of the test; after a wait as they are, else see ``take_up``.

    A step that has nothing to do for them leaves them as they are: it also runs when the whole wave was cleared. Only
    ``mark_ready`` takes up what was stopped after the test.

    :raises ApplicationHeldError: it is held, and the whole wave was cleared, or Airflow retries the task by itself.
    """
    records = records_of(services, inp.application)
    if inp.resumed is not None:
        return records
    _refuse_reset(services, records)
    acts = step == "mark_ready" or any(standing_of(record).acts(step) for record in records)
    if not acts:
        return records
    if inp.is_retry:
        _refuse_held(records, "Airflow tries this task again by itself")
    return take_up(services, inp, records, needs_sheet=True)


def _refuse_reset(services: Services, records: list[Record]) -> None:
    """Once for each time that the whole wave is cleared: a task that is cleared after this one is asked for itself."""
    reset = [record for record in records if RESET in record.facts]
    if not reset:
        return
    new = [changed(one, facts={k: v for k, v in one.facts.items() if k != RESET}) for one in reset]
    write(services, reset, new, "stays held", {"because": "the whole wave was cleared"})
    _refuse_held(records, "the whole wave was cleared, and nobody asked for this application")


def _refuse_held(records: list[Record], why: str) -> None:
    held = {r.source_server_id: r.error_message or r.error_code for r in records if standing_of(r).held}
    if held:
        where = "; ".join(f"{server} is held ({reason})" for server, reason in held.items())
        raise ApplicationHeldError(f"{where}: {why}", appName=records[0].app_name)


def take_up(services: Services, inp: StepInput, records: list[Record], *, needs_sheet: bool = False) -> list[Record]:
    """A step that starts afresh after its application was stopped was cleared by a person.

    What was stopped goes on from the phase it was in. Its failure is cleared: the history keeps it, and the next sheet
    shows a retry. A rollback that was stopped half-way is left alone here. A retry by Airflow itself keeps the
    recorded failure.

    :param needs_sheet: its next launch needs a sheet that shows the retry.
    """
    old = [
        record
        for record in records
        if ((at := standing_of(record)).interrupted_at is not None and not at.is_rolling_back)
        or (record.error_code and record.phase not in ENDED and not inp.is_retry)
    ]
    if not old:
        return records
    detail = {"clearedErrors": sorted({r.error_code for r in old if r.error_code})}
    new = [_resumed(services, record, needs_sheet) for record in old]
    written = {r.migration_id: r for r in write(services, old, new, "taken up again", detail)}
    return [written.get(record.migration_id, record) for record in records]


def _resumed(services: Services, record: Record, needs_sheet: bool) -> Record:
    facts = as_retry(services, record)
    if needs_sheet and RETRY in facts:
        facts[RETRY] = {**facts[RETRY], NEEDS_SHEET: True}
    return with_phase(record, standing_of(record).at, dag_run_id=services.holder.run_id, facts=facts)


def as_retry(services: Services, record: Record) -> dict[str, Any]:
    """The record's facts, with its failure noted as a retry for whoever approves that it goes on."""
    standing = standing_of(record)
    if not standing.failed and not standing.held:
        return dict(record.facts)
    code, why = record.error_code or record.phase.value, record.error_message or ""
    retry = {"at": services.now().isoformat(), "code": code, "because": why[:300], "in": standing.at.value}
    return {**record.facts, RETRY: retry}


def with_phase(record: Record, phase: Phase, **changes: Any) -> Record:
    """A copy in another phase, its error cleared unless given; a stopped record notes the phase it was in."""
    facts = dict(changes.pop("facts", record.facts))
    if phase not in STOPPED:
        facts.pop(STOPPED_IN, None)
    elif record.phase not in STOPPED:
        facts[STOPPED_IN] = record.phase.value
    return record.to(phase, facts=facts, **({"error_code": None, "error_message": None} | changes))


def require_lock(services: Services, records: list[Record]) -> None:
    """Called before a call that has no intent in the ledger.

    :raises LockHeldError: another run holds one of the servers.
    """
    others = locks_of_others(services, records)
    if others:
        raise LockHeldError("these servers belong to another run", holders=others)


def locks_of_others(services: Services, records: list[Record]) -> dict[str, str]:
    """By source server id the run that holds it, where that is not this one; a free server is absent."""
    holders = services.ledger.locks([record.source_server_id for record in records])
    return {server: f"{h.dag_id} / {h.run_id}" for server, h in holders.items() if not h.is_same_run(services.holder)}


def require_reached(records: Iterable[Record], step: str, what: str) -> None:
    """:raises StepFailedError: the step is not done for one of the servers."""
    elsewhere = {r.source_server_id: r.phase.value for r in records if not standing_of(r).is_past(step)}
    if elsewhere:
        raise StepFailedError(f"{what}: these servers are not there yet", phases=elsewhere)


def transition(
    services: Services,
    records: list[Record],
    phase: Phase,
    event: str,
    detail: dict[str, Any] | None = None,
    **changes: Any,
) -> list[Record]:
    """Writes the records in another phase, holding the servers' locks; without records nothing is written."""
    if not records:
        return []
    new = [with_phase(record, phase, dag_run_id=services.holder.run_id, **changes) for record in records]
    return write(services, records, new, event, detail)


def write(
    services: Services, old: list[Record], new: list[Record], event: str, detail: dict[str, Any] | None = None
) -> list[Record]:
    """Writes all records conditionally (``Ledger.write``), and emits one log line and metric per migration."""
    new = [_timed(services, before, record) for before, record in zip(old, new, strict=True)]
    written = services.ledger.write(old, new, event=event, detail=detail, holder=services.holder)
    for before, record in zip(old, written, strict=True):
        services.emit(event=event, record=record, detail=detail or {}, previous=before)
    return written


def _timed(services: Services, before: Record, record: Record) -> Record:
    """Notes when it failed or was stopped: ``Request.asks_for`` compares that with what people did since."""
    is_stopped = record.phase in STOPPED
    if not record.error_code and not is_stopped:
        return changed(record, facts={k: v for k, v in record.facts.items() if k != STOPPED_AT})
    if (before.error_code, before.phase in STOPPED) == (record.error_code, is_stopped):
        return record
    return changed(record, facts={**record.facts, STOPPED_AT: services.now().isoformat()})


def note_failure(services: Services, app: PlannedApplication, error: MigrationError) -> None:
    """Writes why a step failed to every migration of the application that is still on its way.

    A migration that has an error already (its launch failed) keeps it; ``take_up`` clears it.
    A refusal of a gate is no failure of the application: nothing is written.
    """
    if isinstance(error, GateShutError):
        return
    records = [record for record in records_of(services, app) if record.phase not in ENDED and not record.error_code]
    if records:
        new = [changed(r, error_code=error.code, error_message=_why(error, r.source_server_id)[:1000]) for r in records]
        write(services, records, new, "step failed", error.as_document())


def _why(error: MigrationError, server: str) -> str:
    """The message with the reasons that are the server's own, or with all where they are not given by server."""
    reasons = error.context.get("reasons")
    if not isinstance(reasons, dict) or not reasons:
        return error.message
    if any(one.startswith("s-") for one in reasons):
        return f"{error.message}: {reasons[server]}" if server in reasons else error.message
    return f"{error.message}: {'; '.join(f'{about}: {why}' for about, why in reasons.items())}"


def to_act(records: Iterable[Record], step: str) -> list[Record]:
    """Those for which the step has something to do, by ``STEP_TABLE``."""
    return [record for record in records if standing_of(record).acts(step)]


def filter_by_phase(records: Iterable[Record], phases: Iterable[Phase]) -> list[Record]:
    wanted = frozenset(phases)
    return [record for record in records if record.phase in wanted]


def wait_until(services: Services, at: float, why: str, deadline: float, carry: Carry | None = None) -> Wait:
    """A wait for a moment (epoch seconds), ended by ``deadline`` at the latest."""
    return Wait(
        topic=Topic.CLOCK,
        subjects=(),
        until={"at": max(at, services.epoch() + services.settings.first_poll_seconds)},
        poll_seconds=services.settings.first_poll_seconds,
        deadline=deadline,
        why=why,
        carry=carry.as_document() if carry else {},
    )


def require_met(resumed: Resumed, what: str, app_name: str) -> None:
    """:raises StepFailedError, StepTimedOutError: the wait failed or timed out; the error has the reasons."""
    if resumed.reason is Reason.MET:
        return
    reasons = {
        subject: one.get("reason") or one.get("verdict")
        for subject, one in resumed.observed.items()
        if one.get("verdict") != "OK"
    }
    kind = StepTimedOutError if resumed.reason is Reason.TIMED_OUT else StepFailedError
    how = "timed out" if resumed.reason is Reason.TIMED_OUT else "failed"
    raise kind(f"{what} of {app_name} {how}", appName=app_name, reasons=reasons)
