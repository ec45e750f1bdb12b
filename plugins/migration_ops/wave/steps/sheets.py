"""The two evidence sheets: what people see before the cutover and before the point of no return."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.mgn.servers import ServerView, moment
from migration_ops.aws.mgn.states import LAUNCHABLE_FOR_CUTOVER
from migration_ops.core.errors import StepFailed
from migration_ops.core.states import CUT_OVER, Phase
from migration_ops.core.verdict import Check, Verdict
from migration_ops.ledger.protocol import Record
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan
from migration_ops.wave.records import effective_phase, stopped_in, wait_until
from migration_ops.wave.rules.replication import ReplicationLimits, judge_replication
from migration_ops.wave.services import NotConcerned, Services, StepInput
from migration_ops.wave.sheets.sheet import Row, Sheet, finalize_sheet, go_no_go_sheet
from migration_ops.wave.steps.cutover_window import window_check
from migration_ops.wave.steps.verify import boot_checks
from migration_ops.wave.stops import WaveStopped, stop_reason
from migration_ops.wave.waits.outcome import Done, Outcome

# Cutting over or beyond: the gate was open when it was launched, a cleared sheet does not judge it again.
_UNDER_WAY = CUT_OVER | {Phase.CUTTING_OVER, Phase.CUTOVER_LAUNCHED}


def go_no_go(services: Services, inp: StepInput) -> Outcome:
    """Judges every application for the cutover; those not ready are left out and named.

    :raises StepFailed: none is ready.
    :raises WaveStopped: a critical application or too many failed.
    """
    records = services.ledger.read(list(inp.plan.migration_ids))
    reason = stop_reason(inp.plan, records, inp)
    if reason:
        raise WaveStopped(f"the wave stops before the cutover: {reason}", wave=inp.plan.wave)
    views = services.mgn.describe_servers(list(inp.plan.server_ids))
    window = window_check(services, inp.plan).as_document()
    rows = [_row(services, inp.plan, app, records, views) | {"window": window} for app in inp.plan.applications]
    sheet = go_no_go_sheet(inp.plan, rows)
    services.log.info("%s", sheet.markdown)
    if not sheet.ready:
        raise StepFailed("no application is ready for the cutover", leftOut=sheet.left_out)
    return Done(_result(services, inp, sheet))


def soak(services: Services, inp: StepInput) -> Outcome:
    """Waits ``soakMinutes`` after the last verified cutover, looks at the instances again, answers the second sheet.

    :raises NotConcerned: nothing was cut over, so there is nothing to finalize.
    """
    records = services.ledger.read(list(inp.plan.migration_ids))
    verified = [record for record in records.values() if _is_verified(record)]
    if not verified:
        raise NotConcerned("no application is cut over and verified", wave=inp.plan.wave)
    last = max(
        (moment(r.facts.get("verifiedAt") or r.updated_at) for r in verified), key=lambda one: one or services.now()
    )
    until = (last or services.now()).timestamp() + 60 * inp.conf["soakMinutes"]
    if services.epoch() < until:
        why = f"soak of {inp.plan.wave}: {inp.conf['soakMinutes']} minutes after the last verified cutover"
        return wait_until(services, until, why, until + 3_600)
    boots = _boots(services, inp.plan, records)
    rows = [_finalize_row(app, records, boots) for app in inp.plan.applications]
    sheet = finalize_sheet(inp.plan, rows)
    services.log.info("%s", sheet.markdown)
    return Done(_result(services, inp, sheet))


def _row(
    services: Services,
    plan: WavePlan,
    app: PlannedApplication,
    records: dict[str, Record],
    views: dict[str, ServerView],
) -> Row:
    mine = [records[one] for one in app.migration_ids if one in records]
    row: Row = {"appName": app.app_name, "servers": [_server(record, _lag_now(record, views)) for record in mine]}
    if len(mine) < len(app.servers):
        return row | {"excluded": "the ledger does not know all its migrations"}
    tests = [_test_check(plan, record, views.get(record.source_server_id)) for record in mine]
    if all(effective_phase(record) in _UNDER_WAY for record in mine):
        return row | {"tests": tests, "facts": {"note": "its cutover is under way or done"}}
    limits = ReplicationLimits(plan.conf["replication"]["maxLagSeconds"], LAUNCHABLE_FOR_CUTOVER)
    gates = [judge_replication(views.get(record.source_server_id), limits).as_document() for record in mine]
    return row | {"tests": tests, "gates": gates}


def _test_check(plan: WavePlan, record: Record, view: ServerView | None) -> dict[str, Any]:
    """What the ledger knows of the test; a server that is not ready says where it stopped and why."""
    server, phase = record.source_server_id, effective_phase(record)
    # Rolled back after it was ready, and MGN still says so: it may go again.
    back = phase is Phase.ROLLED_BACK and bool(record.facts.get("ready"))
    still_ready = back and view is not None and view.lifecycle_state == "READY_FOR_CUTOVER"
    if phase is Phase.READY or phase in _UNDER_WAY or still_ready:
        how = "tested in this wave" if plan.conf["testLaunch"] else "testLaunch is false"
        return Check("test", server, Verdict.OK, phase.value, None, str(record.facts.get("test") or how)).as_document()
    reason = record.error_message or f"stopped in phase {phase.value}"
    return Check("test", server, Verdict.BLOCKED, phase.value, Phase.READY.value, reason).as_document()


def _lag_now(record: Record, views: dict[str, ServerView]) -> float | None:
    view = views.get(record.source_server_id)
    return view.lag_seconds if view else None


def _server(record: Record, lag_seconds: float | None) -> dict[str, Any]:
    return {
        "sourceServerId": record.source_server_id,
        "migrationId": record.migration_id,
        "instanceId": record.instance_id,
        "lagSeconds": lag_seconds,
    }


def _boots(services: Services, plan: WavePlan, records: dict[str, Record]) -> dict[str, Check]:
    """The instances of every application that may be finalized, read together."""
    open_ones = [
        records[migration_id]
        for app in plan.applications
        if _is_cut_over(app, records)
        for migration_id in app.migration_ids
        if records[migration_id].phase is not Phase.FINALIZED
    ]
    if not open_ones:
        return {}
    return boot_checks(
        services, open_ones, services.mgn.describe_servers([record.source_server_id for record in open_ones])
    )


def _is_cut_over(app: PlannedApplication, records: dict[str, Record]) -> bool:
    return all(one in records and _is_verified(records[one]) for one in app.migration_ids)


def _is_verified(record: Record) -> bool:
    """One whose finalize was begun and stopped can only go on."""
    return record.phase in CUT_OVER or stopped_in(record) is Phase.FINALIZING


def _finalize_row(app: PlannedApplication, records: dict[str, Record], boots: dict[str, Check]) -> Row:
    mine = [records[one] for one in app.migration_ids if one in records]
    row: Row = {
        "appName": app.app_name,
        "servers": [_server(record, record.replication_lag_seconds) for record in mine],
    }
    if not _is_cut_over(app, records):
        phases = sorted({record.phase.value for record in mine}) or ["not in the ledger"]
        return row | {"excluded": f"not cut over and verified: {', '.join(phases)}"}
    tests = [
        Check("finalized", record.source_server_id, Verdict.OK)
        if record.phase is Phase.FINALIZED
        else boots[record.source_server_id]
        for record in mine
    ]
    return row | {"tests": [check.as_document() for check in tests]}


def _result(services: Services, inp: StepInput, sheet: Sheet) -> dict[str, Any]:
    key = services.store_evidence(
        f"waves/{inp.plan.wave}/{services.holder.run_id}/{sheet.document['kind']}.json", sheet.document
    )
    return {
        "digest": sheet.digest,
        "markdown": sheet.markdown,
        "ready": sheet.ready,
        "excluded": sheet.left_out,
        "evidenceKey": key,
    }
