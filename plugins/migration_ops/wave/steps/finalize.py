"""Finalizes the cutover of verified servers: the point of no return (MGN FinalizeCutover)."""

from __future__ import annotations

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import MigrationError, OutcomeUnknown, Refused, StepFailed, Throttled
from migration_ops.core.states import Phase
from migration_ops.core.verdict import Verdict
from migration_ops.ledger.protocol import Record
from migration_ops.wave.approval import NotOnSheet, require_approval, require_on_sheet
from migration_ops.wave.launching.lifecycle import views_of
from migration_ops.wave.records import begin, in_phases, move
from migration_ops.wave.services import NotConcerned, Services, StepInput
from migration_ops.wave.steps.verify import boot_checks
from migration_ops.wave.waits.outcome import Done, Outcome


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when MGN shows every server of the application in CUTOVER.

    :raises NotConcerned: the conf does not finalize, or the application was not cut over and verified.
    :raises StepFailed: some servers were refused; the others are final and stay so.
    """
    app = inp.application
    if not inp.conf["finalize"]:
        raise NotConcerned("the conf says finalize: false", appName=app.app_name)
    records = begin(services, inp, among={Phase.FINALIZING})
    todo = in_phases(records, {Phase.CUTOVER_VERIFIED, Phase.FINALIZING})
    if not todo:
        if all(record.phase is Phase.FINALIZED for record in records):
            return Done({"appName": app.app_name, "passed": "finalized before"})
        raise NotConcerned("not cut over and verified", appName=app.app_name)
    if len(todo) + len(in_phases(records, {Phase.FINALIZED})) < len(records):
        raise StepFailed("only a part of the application is verified; nothing was finalized", appName=app.app_name)
    _require_sheet(inp)
    require_approval(inp, "finalize")
    views = views_of(services, [record.source_server_id for record in todo])
    _refuse_foreign_instances(todo, views)
    _refuse_broken_instances(services, todo, views)
    todo = move(services, todo, Phase.FINALIZING, "finalize intended", {"servers": sorted(views)})
    failed = _finalize_all(services, todo, views)
    if failed:
        raise _failure(failed)
    return Done({"appName": app.app_name, "finalized": sorted(views)})


def _require_sheet(inp: StepInput) -> None:
    """What the second sheet left out, say because its instance broke during the soak, is not finalized."""
    try:
        require_on_sheet(inp)
    except NotOnSheet as left_out:
        raise NotConcerned(left_out.message, appName=inp.application.app_name) from left_out


def _failure(failed: dict[str, MigrationError]) -> MigrationError:
    """Weather is retried by the task itself: a server that is final is passed over then."""
    reasons = {server: str(error) for server, error in failed.items()}
    if all(error.retryable for error in failed.values()):
        kind = Throttled if all(isinstance(error, Throttled) for error in failed.values()) else OutcomeUnknown
        return kind("not every server could be finalized yet", failed=reasons)
    return StepFailed("not every server could be finalized", failed=reasons)


def _refuse_foreign_instances(todo: list[Record], views: dict[str, ServerView]) -> None:
    """Finalize keeps the instance MGN names; it must be the one that was verified, and still be cutting over."""
    wrong = {
        r.source_server_id: f"{v.lifecycle_state}, instance {v.launched_instance_id}, verified {r.instance_id}"
        for r in todo
        if (v := views[r.source_server_id]).lifecycle_state != "CUTOVER"
        and (v.lifecycle_state != "CUTTING_OVER" or v.launched_instance_id != r.instance_id)
    }
    if wrong:
        raise StepFailed("these servers are not what was verified; nothing was finalized", servers=wrong)


def _refuse_broken_instances(services: Services, todo: list[Record], views: dict[str, ServerView]) -> None:
    """Hours may lie between the sheet and this call, after which the source's replica is gone: look once more."""
    still = [record for record in todo if views[record.source_server_id].lifecycle_state != "CUTOVER"]
    checks = boot_checks(services, still, views) if still else {}
    broken = {server: check.reason for server, check in checks.items() if check.verdict is not Verdict.OK}
    if broken:
        raise StepFailed("these instances are not well any more; nothing was finalized", servers=broken)


def _finalize_all(services: Services, todo: list[Record], views: dict[str, ServerView]) -> dict[str, MigrationError]:
    """Sends each call once; writes what is final even when a later server fails."""
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
    move(services, final, Phase.FINALIZED, "finalized", {"finalizedAt": services.now().isoformat()})
    return failed


def _finalize(services: Services, server: str) -> None:
    try:
        view = services.mgn.finalize_cutover(server)
    except (OutcomeUnknown, Refused):
        # FinalizeCutover has no tag: the state alone tells whether the lost call took effect.
        seen = services.mgn.describe_servers([server]).get(server)
        if seen is None or seen.lifecycle_state != "CUTOVER":
            raise
        return
    if view.lifecycle_state != "CUTOVER":
        raise StepFailed("FinalizeCutover answered, but the server is not in CUTOVER", state=view.lifecycle_state)
