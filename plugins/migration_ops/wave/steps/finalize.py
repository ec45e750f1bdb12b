"""Finalizes the cutover of verified servers: the point of no return (MGN FinalizeCutover)."""

from __future__ import annotations

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import MigrationError, OutcomeUnknownError, RefusedError, StepFailedError, ThrottledError
from migration_ops.core.states import Phase
from migration_ops.core.verdict import Verdict
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.instances import instance_checks
from migration_ops.wave.launching.lifecycle import until_taken, views_of
from migration_ops.wave.permission import require_permitted, skip_when_not_chosen, taken_up
from migration_ops.wave.records import filter_by_phase, records_of, to_act, transition
from migration_ops.wave.rules.standing import INSTANCE_BROKEN, INSTANCE_UNKNOWN
from migration_ops.wave.services import Services, StepInput, StepSkipped
from migration_ops.wave.waits.outcome import Done, Outcome


class InstanceBrokenError(StepFailedError):
    """An instance that was verified is not well any more, or not the only one of its server."""

    code = INSTANCE_BROKEN
    hint = (
        "Fix the instance, or terminate by hand the second one that is named, then clear `soak` with downstream: it "
        "looks again, and asks for the approval again."
    )


class InstanceUnknownError(InstanceBrokenError):
    """EC2 or MGN does not say whether a verified instance is still well."""

    code = INSTANCE_UNKNOWN


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when MGN shows every server of the application in CUTOVER.

    :raises StepSkipped: the conf does not finalize, the application was not cut over and verified, or people approved
        others of the sheet only.
    :raises GateShutError: it is held, or nobody approved it; nothing was finalized.
    :raises InstanceBrokenError: an instance is not well any more, or not known to be; nothing was finalized.
    :raises ThrottledError, OutcomeUnknownError, UnreachableError: not every server could be read or finalized yet; the
        task tries again.
    :raises StepFailedError: some servers were refused (those that are finalized stay so), or only a part of the
        application is verified, or a server has another instance than was verified.
    """
    app = inp.application
    if not inp.conf.finalize:
        raise StepSkipped("the conf says finalize: false", appName=app.app_name)
    records = records_of(services, app)
    todo = to_act(records, "finalize")
    if not todo:
        if all(record.phase is Phase.FINALIZED for record in records):
            return Done({"appName": app.app_name, "passed": "finalized before"})
        raise StepSkipped("not cut over and verified", appName=app.app_name)
    if len(todo) + len(filter_by_phase(records, {Phase.FINALIZED})) < len(records):
        raise StepFailedError("only a part of the application is verified; nothing was finalized", appName=app.app_name)
    _require_sheet(inp)
    skip_when_not_chosen(services, inp, "finalize")
    todo = to_act(taken_up(services, inp, "finalize"), "finalize")
    require_permitted(services, inp, "finalize")
    views = views_of(services, [record.source_server_id for record in todo])
    _refuse_foreign_instances(todo, views)
    _refuse_broken_instances(services, todo, views)
    todo = transition(services, todo, Phase.FINALIZING, "finalize intended", {"servers": sorted(views)})
    failed = _finalize_all(services, todo, views)
    if failed:
        raise _failure(failed)
    return Done({"appName": app.app_name, "finalized": sorted(views)})


def _require_sheet(inp: StepInput) -> None:
    """What the second sheet left out, for example because its instance broke during the soak, is not finalized."""
    sheet, name = inp.inputs.get("sheet") or {}, inp.application.app_name
    if name not in (sheet.get("ready") or []):
        why = (sheet.get("excluded") or {}).get(name, "not on the sheet")
        raise StepSkipped(f"{name} was left out: {why}", appName=name)


def _failure(failed: dict[str, MigrationError]) -> MigrationError:
    """When all errors are retryable the task retries: servers that are finalized are passed over then."""
    reasons = {server: str(error) for server, error in failed.items()}
    if all(error.retryable for error in failed.values()):
        kind = (
            ThrottledError
            if all(isinstance(error, ThrottledError) for error in failed.values())
            else OutcomeUnknownError
        )
        return kind("not every server could be finalized yet", failed=reasons)
    return StepFailedError("not every server could be finalized", failed=reasons)


def _refuse_foreign_instances(todo: list[Record], views: dict[str, ServerView]) -> None:
    """Finalize keeps the instance that MGN names: it must be the verified one, and the server in CUTTING_OVER."""
    wrong = {
        r.source_server_id: f"{v.lifecycle_state}, instance {v.launched_instance_id}, verified {r.instance_id}"
        for r in todo
        if (v := views[r.source_server_id]).lifecycle_state != "CUTOVER"
        and (v.lifecycle_state != "CUTTING_OVER" or v.launched_instance_id != r.instance_id)
    }
    if wrong:
        raise StepFailedError("these servers are not what was verified; nothing was finalized", servers=wrong)


def _refuse_broken_instances(services: Services, todo: list[Record], views: dict[str, ServerView]) -> None:
    """Hours may pass between the sheet and this call, and there is no way back after it: look once more."""
    still = [record for record in todo if views[record.source_server_id].lifecycle_state != "CUTOVER"]
    checks = instance_checks(services, still, views, retried=True) if still else {}
    broken = {server: check.reason for server, check in checks.items() if check.verdict is not Verdict.OK}
    if broken:
        lost = [server for server in broken if checks[server].verdict is Verdict.BLOCKED]
        kind = InstanceBrokenError if lost else InstanceUnknownError
        raise kind("these instances are not well any more; nothing was finalized", servers=broken)


def _finalize_all(services: Services, todo: list[Record], views: dict[str, ServerView]) -> dict[str, MigrationError]:
    """Sends each call until MGN takes or refuses it; writes what is final even when a later server fails."""
    final: list[Record] = []
    failed: dict[str, MigrationError] = {}
    for record in todo:
        server = record.source_server_id
        try:
            if views[server].lifecycle_state != "CUTOVER":
                _finalize(services, server)
            final.append(record)
        except MigrationError as error:
            failed[server] = error
    transition(services, final, Phase.FINALIZED, "finalized", {"finalizedAt": services.now().isoformat()})
    return failed


def _finalize(services: Services, server: str) -> None:
    try:
        view = until_taken(services.mgn.finalize_cutover, server)
    except (OutcomeUnknownError, RefusedError):
        # FinalizeCutover has no tag: the state alone shows whether the lost call took effect.
        seen = services.mgn.describe_servers([server]).get(server)
        if seen is None or seen.lifecycle_state != "CUTOVER":
            raise
        return
    if view.lifecycle_state != "CUTOVER":
        raise StepFailedError("FinalizeCutover answered, but the server is not in CUTOVER", state=view.lifecycle_state)
