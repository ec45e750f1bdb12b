"""Reports to the CMDB and by callback, per migration, after success and after a rollback alike.

A failure here fails its task, which can be cleared; it never rolls a server back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_ops.core.errors import MigrationError, StepFailedError
from migration_ops.core.states import Phase
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.integrations.callback.client import CallbackEvent, CallbackReceipt
from migration_ops.integrations.cmdb.protocol import CmdbUpdate
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.after_rollback import looked_after_rollback_or_unknown, require_none_launched_since
from migration_ops.wave.launching.instances import Looked
from migration_ops.wave.records import records_of, write
from migration_ops.wave.rules.outside import callback_url_of, identity_of
from migration_ops.wave.rules.standing import standing_of
from migration_ops.wave.services import Services, StepInput, StepSkipped
from migration_ops.wave.steps.close import settle, settled_and_looked_at
from migration_ops.wave.waits.outcome import Done, Outcome

# migration_status is free text in the CMDB; these are the values that Cloud Migration Factory itself writes.
CMDB_WORDS = {
    Phase.FINALIZED: ("Cutover finalized", "Disconnected"),
    Phase.CUTOVER_LAUNCHED: ("Cutover instance launched", "Healthy"),
    Phase.TEST_LAUNCHED: ("Test instance launched", "Healthy"),
    Phase.TESTED: ("Test instance launched", "Healthy"),
    Phase.ROLLED_BACK: ("Rolled back", "Healthy"),
    Phase.FAILED: ("Migration failed", None),
    Phase.FROZEN: ("Needs attention", None),
}
# The words for a verified instance: by the check made right then, never by its phase.
_LOOKED_AT = {
    Verdict.OK: ("2/2 status checks : Passed", "Healthy"),
    Verdict.BLOCKED: CMDB_WORDS[Phase.FROZEN],
    Verdict.UNKNOWN: ("Cutover verified; its present state could not be read", None),
}
_ROLLED_BACK_UNKNOWN = ("Rolled back; its present state could not be read", None)
# From this phase on a server has a new instance that the CMDB should name.
_NAMED_SINCE = Phase.CUTOVER_LAUNCHED


def update_cmdb(services: Services, inp: StepInput) -> Outcome:
    """One write per server that names a ``cmdbId``, read back; unchanged servers are not written.

    :raises StepFailedError: some servers could not be written; the others are.
    :raises MigrationError: the first error, when all errors are retryable; the others are written.
    """
    app = inp.application
    if not inp.conf.cmdb.enabled:
        return Done({"appName": app.app_name, "passed": "cmdb.enabled is false"})
    if not _cmdb_ids(inp):
        return Done({"appName": app.app_name, "passed": "no server names a cmdbId"})
    # The work is over: the CMDB gets the final status, not the phase in which it stopped.
    return _write_cmdb(services, inp, *settled_and_looked_at(services, inp))


def update_cmdb_after_rollback(services: Services, inp: StepInput) -> Outcome:
    """
    As ``update_cmdb``, for what a rollback on request touched; with the CMDB ids of the wave's conf.

    :raises StepSkipped: the rollback touched nothing of the application.
    :raises LaunchedAfterRollbackError: a launch took effect after the rollback.
    :raises MigrationError: as in ``update_cmdb``.
    """
    looked = _undone_here(services, inp)
    passed = {"appName": inp.application.app_name, "passed": "the ledger knows no cmdbId of its servers"}
    done = _write_cmdb(services, inp, looked.records, looked.checks) if _cmdb_ids(inp) else Done(passed)
    require_none_launched_since(looked, inp.application.app_name)
    return done


def _undone_here(services: Services, inp: StepInput) -> Looked:
    """What this run rolled back or tried to. A rollback that did not end is made FROZEN first, as at a wave's close."""

    def touched() -> list[Record]:
        records = records_of(services, inp.application)
        run_id = services.holder.run_id
        return [one for one in records if one.phase is Phase.ROLLED_BACK or one.dag_run_id == run_id]

    records = touched()
    if any(standing_of(record).is_rolling_back for record in records):
        settle(services, inp)
        records = touched()
    if not records:
        raise StepSkipped("the rollback touched nothing of it: nothing to report", appName=inp.application.app_name)
    return looked_after_rollback_or_unknown(services, records)


def _cmdb_ids(inp: StepInput) -> dict[str, str]:
    return {server.migration_id: server.cmdb_id for server in inp.application.servers if server.cmdb_id}


def _write_cmdb(services: Services, inp: StepInput, settled: list[Record], looked: Mapping[str, GateResult]) -> Outcome:
    app, ids = inp.application, _cmdb_ids(inp)
    records = [record for record in settled if record.migration_id in ids]
    client, results = services.cmdb(), {}
    views = services.mgn.describe_servers([record.source_server_id for record in records]) if records else {}
    failed: dict[str, MigrationError] = {}
    for record in records:
        words = _words(record, looked.get(record.source_server_id))
        update = CmdbUpdate(
            migration_id=record.migration_id,
            cmdb_id=ids[record.migration_id],
            migration_status=words[0],
            replication_status=words[1],
            target_instance_id=_instance(record),
            identity=identity_of(views.get(record.source_server_id), record.wave),
        )
        try:
            results[record.migration_id] = client.update(update).outcome
        except MigrationError as error:
            failed[record.migration_id] = error
    _raise_together("the CMDB was not updated for every server", failed)
    return Done({"appName": app.app_name, "cmdb": results})


def _words(record: Record, look: GateResult | None) -> tuple[str, str | None]:
    if record.phase is Phase.CUTOVER_VERIFIED:
        return _LOOKED_AT[look.verdict if look else Verdict.UNKNOWN]
    if record.phase is Phase.ROLLED_BACK and (look is None or look.verdict is Verdict.UNKNOWN):
        return _ROLLED_BACK_UNKNOWN
    return CMDB_WORDS.get(record.phase, (f"In progress: {record.phase.value}", None))


def _instance(record: Record) -> str | None:
    """The new instance; empty (removed) after a rollback, because it is gone; None (unchanged) in all other cases."""
    standing = standing_of(record)
    if standing.interrupted_at is None and standing.reached(_NAMED_SINCE):
        return record.instance_id
    return "" if record.phase is Phase.ROLLED_BACK else None


def _raise_together(what: str, failed: dict[str, MigrationError]) -> None:
    """One error for all: the first one when all are retryable, so that the task tries again."""
    if not failed:
        return
    first = next(iter(failed.values()))
    if all(error.retryable for error in failed.values()):
        raise first
    raise StepFailedError(what, failed={one: str(error) for one, error in failed.items()})


def send_callback(services: Services, inp: StepInput) -> Outcome:
    """One signed request per migration; what was delivered for the present state is not sent again.

    :raises StepFailedError: some could not be delivered.
    :raises MigrationError: the first error, when all errors are retryable.
    """
    url = inp.conf.callback_url
    if not url:
        return Done({"appName": inp.application.app_name, "passed": "no callbackUrl in the conf"})
    return _deliver(services, inp, [(record, url) for record in settle(services, inp)])


def send_callback_after_rollback(services: Services, inp: StepInput) -> Outcome:
    """
    As ``send_callback``, for what a rollback on request touched; to the URL of the wave's conf.

    :raises StepSkipped: the rollback touched nothing of the application.
    :raises MigrationError: as in ``send_callback``.
    """
    undone = _undone_here(services, inp).records
    records = [(record, url) for record in undone if (url := callback_url_of(record))]
    if not records:
        return Done({"appName": inp.application.app_name, "passed": "the ledger knows no callbackUrl of its servers"})
    return _deliver(services, inp, records)


def _deliver(services: Services, inp: StepInput, records: list[tuple[Record, str]]) -> Outcome:
    app = inp.application
    clients = {url: services.callback(url) for url in {url for _, url in records}}
    answers: dict[str, Any] = {}
    failed: dict[str, MigrationError] = {}
    delivered: list[tuple[Record, CallbackReceipt]] = []
    try:
        for record, url in records:
            event = _event(services, record)
            if record.facts.get("callback") == event.webhook_id:
                answers[record.migration_id] = "sent before"
                continue
            try:
                receipt = clients[url].send(event)
            except MigrationError as error:
                failed[record.migration_id] = error
                continue
            answers[record.migration_id] = receipt.status
            delivered.append((record, receipt))
    finally:
        _remember(services, delivered)
    _raise_together("not every callback was delivered", failed)
    return Done({"appName": app.app_name, "callbacks": answers})


def _remember(services: Services, delivered: list[tuple[Record, CallbackReceipt]]) -> None:
    """One write for all. A worker killed before it sends them again, with the same id, which the receiver knows."""
    if not delivered:
        return
    old = [record for record, _ in delivered]
    new = [r.to(r.phase, facts={**r.facts, "callback": receipt.webhook_id}) for r, receipt in delivered]
    attempts = sum(receipt.attempts for _, receipt in delivered)
    write(services, old, new, "callback delivered", {"delivered": len(delivered), "attempts": attempts})


def _event(services: Services, record: Record) -> CallbackEvent:
    error = {"code": record.error_code, "message": record.error_message} if record.error_code else None
    return CallbackEvent(
        migration_id=record.migration_id,
        wave=record.wave,
        app_name=record.app_name,
        status=record.status.value,
        phase=record.phase.value,
        correlation_id=record.correlation_id or record.migration_id,
        instance_id=record.instance_id,
        times={"createdAt": record.created_at, "updatedAt": record.updated_at},
        error=error,
        # The run that brought it to this state: a later run of the wave sends no news of what was finalized before.
        occurrence=record.dag_run_id or services.holder.run_id,
    )
