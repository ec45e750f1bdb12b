"""Ends an application's work in this run: final status, locks freed; the task fails unless the goal was reached."""

from __future__ import annotations

from migration_ops.core.errors import MigrationError, StepFailedError
from migration_ops.core.states import ENDED, Phase
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.after_rollback import looked_after_rollback_or_unknown
from migration_ops.wave.launching.instances import looked_or_unknown
from migration_ops.wave.launching.terminate import claims_of, instances_alive
from migration_ops.wave.records import records_of, with_phase, write
from migration_ops.wave.rules.failure import goal_reached
from migration_ops.wave.rules.standing import standing_of
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.steps.quiesce import is_stopped
from migration_ops.wave.waits.outcome import Done, Outcome


class GoalMissedError(StepFailedError):
    """The application did not reach what the conf asks for."""

    code = "GOAL_MISSED"
    hint = (
        "See the application's failed tasks; clear the first of them with downstream to go on from there. When none "
        "failed, because it was verified after the last sheet, clear `soak` with downstream: it asks for this one too."
    )


def run(services: Services, inp: StepInput) -> Outcome:
    """Frees the locks that this run holds, whether or not the application reached its goal.

    What stopped half-way is FAILED when nothing of it is left running, and FROZEN otherwise: a person must look.

    :raises GoalMissedError: the application is not finalized (or not cut over, with ``finalize: false``).
    """
    app = inp.application
    try:
        records, checks = settled_and_looked_at(services, inp, retried=True)
    except MigrationError as error:
        # Airflow tries again what may pass, and the locks are held until then; after anything else nothing follows.
        if not error.retryable:
            services.ledger.release(list(app.server_ids), services.holder)
        raise
    bad = {server: check.reason for server, check in checks.items() if check.verdict is not Verdict.OK}
    reached = _is_reached(inp, records) and not bad
    services.ledger.release(list(app.server_ids), services.holder)
    phases = {record.source_server_id: record.phase.value for record in records}
    if not reached:
        errors = bad | {r.source_server_id: r.error_message for r in records if r.error_message}
        raise GoalMissedError(
            f"{app.app_name} did not reach its goal", appName=app.app_name, phases=phases, errors=errors
        )
    return Done({"appName": app.app_name, "phases": phases})


def settle(services: Services, inp: StepInput) -> list[Record]:
    """Gives what was left in the middle its final status. Called first by all that notifies other systems.

    Verified and rolled back servers are looked at once more: an instance that broke since is FROZEN, not verified, and
    a launch of ours that took effect since is FROZEN, not rolled back.

    :return: the application's records, as they are now.
    """
    return settled_and_looked_at(services, inp)[0]


def settled_and_looked_at(
    services: Services, inp: StepInput, *, retried: bool = False
) -> tuple[list[Record], dict[str, GateResult]]:
    """As ``settle``, with the check of each verified or rolled back server, by source server id.

    :param retried: the task tries again by itself: a retryable error of the look is raised, not made UNKNOWN.
    """
    records = records_of(services, inp.application)
    verified = [one for one in records if one.phase is Phase.CUTOVER_VERIFIED]
    looked = looked_or_unknown(services, verified, retried=retried)
    now = {record.migration_id: record for record in looked.records}
    back = looked_after_rollback_or_unknown(
        services, [now.get(record.migration_id, record) for record in records], retried=retried
    )
    return _settled(services, inp, back.records), looked.checks | back.checks


def _settled(services: Services, inp: StepInput, records: list[Record]) -> list[Record]:
    if _is_reached(inp, records):
        return records
    stuck = [record for record in records if _is_stuck(record)]
    if not stuck:
        return records
    clean, why = _is_clean(services, stuck)
    new = [_stopped(services, record, clean, why) for record in stuck]
    written = {one.migration_id: one for one in write(services, stuck, new, "closed", {"clean": clean, "why": why})}
    return [written.get(record.migration_id, record) for record in records]


def _is_stuck(record: Record) -> bool:
    """Verified and not finalized is an end of its own; verified and broken since is not."""
    if record.phase is Phase.CUTOVER_VERIFIED:
        return standing_of(record).failed is not None
    return record.phase not in ENDED


def _is_reached(inp: StepInput, records: list[Record]) -> bool:
    """With an instance that broke since, or could not be looked at, the goal is not reached."""
    is_well = not any(standing_of(record).is_unwell for record in records)
    return is_well and goal_reached(inp.conf, [record.phase for record in records])


def _stopped(services: Services, record: Record, clean: bool, why: str) -> Record:
    """The message of FROZEN also names what is left. A rollback that did not end is always FROZEN."""
    good = clean and not standing_of(record).is_rolling_back and record.phase is not Phase.CUTOVER_VERIFIED
    parts = [record.error_message] if record.error_message else []
    message = "; ".join(parts if good and parts else [*parts, why])
    return with_phase(
        record,
        Phase.FAILED if good else Phase.FROZEN,
        dag_run_id=services.holder.run_id,
        error_code=record.error_code or "NOT_REACHED",
        error_message=message[:1000],
    )


def _is_clean(services: Services, records: list[Record]) -> tuple[bool, str]:
    """Whether nothing is left (launched instance, test or cutover in progress, stopped source), with the reason."""
    servers = [record.source_server_id for record in records]
    begun = [r.source_server_id for r in records if any(not i.outcome and not i.job_id for i in r.intents.values())]
    if begun:
        return False, f"a launch whose answer was lost may still begin: {begun}"
    quiesced = [record.source_server_id for record in records if is_stopped(record)]
    if quiesced:
        return False, f"these sources were stopped for the cutover and not started again: {quiesced}"
    try:
        views = services.mgn.describe_servers(servers)
        if set(views) != set(servers):
            return False, "MGN no longer lists all its servers"
        busy = {
            s: v.lifecycle_state for s, v in views.items() if v.lifecycle_state in ("TESTING", "CUTTING_OVER", None)
        }
        alive = instances_alive(services, claims_of(records, views))
    except MigrationError as error:
        return False, f"its state could not be read: {error}"
    if busy or alive:
        return False, f"left in the middle: lifecycle {busy}, instances {sorted(set().union(*alive.values()))}"
    return True, "stopped before its goal; nothing of it runs"
