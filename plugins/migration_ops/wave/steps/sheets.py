"""The two evidence sheets: what people see before the cutover and before the point of no return."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.mgn.servers import ServerView, moment
from migration_ops.aws.mgn.states import LAUNCHABLE_FOR_CUTOVER
from migration_ops.core.errors import StepFailedError
from migration_ops.core.states import CUT_OVER, Phase
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.ledger.protocol import LockHeldError, Record
from migration_ops.wave.launching.instances import look_again
from migration_ops.wave.permission import WaveStoppedError, stop_reason
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan
from migration_ops.wave.records import locks_of_others, wait_until
from migration_ops.wave.rules.notes import notes_of, was_tested
from migration_ops.wave.rules.permit import permit
from migration_ops.wave.rules.replication import ReplicationLimits, judge_replication
from migration_ops.wave.rules.standing import REGISTERED, RETRY, Standing, standing_of
from migration_ops.wave.services import Services, StepInput, StepSkipped
from migration_ops.wave.sheets.reach import reach_of, source_commands_of
from migration_ops.wave.sheets.rollback_price import rollback_price
from migration_ops.wave.sheets.sheet import Row, Sheet, finalize_sheet, go_no_go_sheet
from migration_ops.wave.steps.cutover_window import window_check
from migration_ops.wave.waits.outcome import Done, Outcome

# CUTOVER: finalized, and the answer was lost.
_FINALIZABLE = frozenset({"CUTTING_OVER", "CUTOVER"})
# For a repeated launch the task that launches reverts the state that a failed cutover may leave.
_LAUNCHABLE_AGAIN = LAUNCHABLE_FOR_CUTOVER | {"CUTTING_OVER"}


def go_no_go(services: Services, inp: StepInput) -> Outcome:
    """Judges every application for the cutover; those not ready are left out and named.

    :raises StepFailedError: none is ready.
    :raises WaveStoppedError: a critical application or too many failed.
    """
    records = services.ledger.read(list(inp.plan.migration_ids))
    reason = stop_reason(inp.plan, records)
    if reason:
        raise WaveStoppedError(f"the wave stops before the cutover: {reason}", wave=inp.plan.wave)
    views = services.mgn.describe_servers(list(inp.plan.server_ids))
    window = window_check(services, inp.plan).as_document()
    rows = [_row(inp.plan, app, records, views) | {"window": window} for app in inp.plan.applications]
    rows = _without_held(services, inp.plan, rows, records)
    around = {
        "reach": reach_of(services, inp.plan),
        "sourceCommands": source_commands_of(inp.plan, views, _to_stop(rows)),
        "rollback": rollback_price(services, inp.conf.cutover_window.closes),
    }
    sheet = go_no_go_sheet(inp.plan, rows, services.now(), _requester(records), around)
    services.log.info("%s", sheet.markdown)
    if not sheet.ready:
        raise StepFailedError("no application is ready for the cutover", leftOut=sheet.left_out)
    retries = {one.source_server_id: at for one in records.values() if (at := (one.facts.get(RETRY) or {}).get("at"))}
    return Done(_result(services, inp, sheet) | {"retries": retries})


def soak(services: Services, inp: StepInput) -> Outcome:
    """Waits ``soakMinutes`` after the last verified cutover, looks at the instances again, makes the second sheet.

    An instance that is not well is noted as a failure of its application; when it is well again that is cleared.

    :raises StepSkipped: nothing was cut over, so there is nothing to finalize.
    :raises ThrottledError, UnreachableError: the instances could not be read; the task tries again.
    """
    records = services.ledger.read(list(inp.plan.migration_ids))
    verified = [record for record in records.values() if standing_of(record).reached(Phase.CUTOVER_VERIFIED)]
    if not verified:
        raise StepSkipped("no application is cut over and verified", wave=inp.plan.wave)
    last = max(
        (moment(r.facts.get("verifiedAt") or r.updated_at) for r in verified), key=lambda one: one or services.now()
    )
    until = (last or services.now()).timestamp() + 60 * inp.conf.soak_minutes
    if services.epoch() < until:
        why = f"soak of {inp.plan.wave}: {inp.conf.soak_minutes} minutes after the last verified cutover"
        return wait_until(services, until, why, until + 3_600)
    open_ones = [one for one in verified if one.phase is not Phase.FINALIZED]
    views = services.mgn.describe_servers(list(inp.plan.server_ids))
    # One throttled read would leave every application out of a sheet that nobody asks for again.
    looked = look_again(services, open_ones, views, retried=True)
    records |= {record.migration_id: record for record in looked.records}
    rows = [_finalize_row(inp.plan, app, records, looked.checks, views) for app in inp.plan.applications]
    rows = _without_held(services, inp.plan, rows, records)
    around = {"reach": reach_of(services, inp.plan)}
    sheet = finalize_sheet(inp.plan, rows, services.now(), _requester(records), around)
    services.log.info("%s", sheet.markdown)
    return Done(_result(services, inp, sheet))


def _to_stop(rows: list[Row]) -> list[str]:
    """Applications whose sources the approval may stop."""
    return [row["appName"] for row in rows if not row.get("excluded") and not row.get("isDone")]


def _without_held(services: Services, plan: WavePlan, rows: list[Row], records: dict[str, Record]) -> list[Row]:
    """Applications that another run holds are left out: this run could neither note an approval nor act."""
    held = locks_of_others(services, list(records.values()))
    return [row | _held_words(plan.application(row["appName"]), held) for row in rows] if held else rows


def _held_words(app: PlannedApplication, held: dict[str, str]) -> Row:
    mine = {server: held[server] for server in app.server_ids if server in held}
    if not mine:
        return {}
    where = ", ".join(f"{server} to {run}" for server, run in mine.items())
    return {"excluded": f"belongs to another run: {where}", "remedies": [LockHeldError.hint]}


def _requester(records: dict[str, Record]) -> str | None:
    """Name of the user who triggered the run, as it was registered last."""
    lines = [record.facts.get(REGISTERED) or {} for record in records.values()]
    last = max(lines, key=lambda one: str(one.get("at") or ""), default={})
    return last.get("requestedBy")


def _row(plan: WavePlan, app: PlannedApplication, records: dict[str, Record], views: dict[str, ServerView]) -> Row:
    mine = [records[one] for one in app.migration_ids if one in records]
    standings = [standing_of(record, views.get(record.source_server_id)) for record in mine]
    row: Row = {
        "appName": app.app_name,
        "servers": [_server(record, view := views.get(record.source_server_id), _lag_now(view)) for record in mine],
        "notes": notes_of(plan, standings, {one: view.launched_instance_id for one, view in views.items()}),
        "isCutOver": len(mine) == len(app.servers) and all(one.is_cut_over for one in standings),
    }
    for server, one in zip(row["servers"], standings, strict=True):
        server |= {"tested": was_tested(plan, one), "rolledBackAt": (one.rolled_back or {}).get("at")}
        server |= {"retryOf": (one.retry or {}).get("code")}
    if len(mine) < len(app.servers):
        return row | {"excluded": "the ledger does not know all its migrations"}
    asked = permit("cutover", plan, app, standings)
    if not asked.is_given:
        return row | {"excluded": asked.words, "remedies": asked.remedies}
    tests = [GateResult("test", one.server, Verdict.OK, one.at.value, None).as_document() for one in standings]
    if not any(one.acts("cutover") and not one.launching for one in standings):
        return row | {"tests": tests, "isDone": True, "facts": {"note": "its cutover is under way or done"}}
    gates = [_gate(plan, one, views.get(one.server)) for one in standings if not _is_launched(one)]
    return row | {"tests": tests, "gates": gates}


def _is_launched(standing: Standing) -> bool:
    """Whether its cutover launch was begun: the gate was open then, and a cleared sheet does not judge it again."""
    return standing.reached(Phase.CUTOVER_LAUNCHED) or (standing.acts("cutover") and standing.launching)


def _gate(plan: WavePlan, standing: Standing, view: ServerView | None) -> dict[str, Any]:
    lifecycle = _LAUNCHABLE_AGAIN if standing.at is Phase.CUTTING_OVER else LAUNCHABLE_FOR_CUTOVER
    limits = ReplicationLimits(plan.conf.replication.max_lag_seconds, lifecycle)
    return judge_replication(view, limits).as_document()


def _lag_now(view: ServerView | None) -> float | None:
    return view.lag_seconds if view else None


def _server(record: Record, view: ServerView | None, lag_seconds: float | None) -> dict[str, Any]:
    return {
        "hostName": view.hostname if view else None,
        "lastSnapshotAt": view.last_snapshot_at if view else None,
        "sourceServerId": record.source_server_id,
        "migrationId": record.migration_id,
        "instanceId": record.instance_id,
        "lagSeconds": lag_seconds,
    }


def _finalize_row(
    plan: WavePlan,
    app: PlannedApplication,
    records: dict[str, Record],
    boots: dict[str, GateResult],
    views: dict[str, ServerView],
) -> Row:
    mine = [records[one] for one in app.migration_ids if one in records]
    standings = [standing_of(record) for record in mine]
    row: Row = {
        "appName": app.app_name,
        "servers": [
            _server(record, views.get(record.source_server_id), record.replication_lag_seconds) for record in mine
        ],
        "notes": notes_of(plan, standings, {}),
        "isDone": bool(mine) and all(record.phase is Phase.FINALIZED for record in mine),
    }
    if len(mine) < len(app.servers) or not all(one.at in CUT_OVER for one in standings):
        phases = sorted({record.phase.value for record in mine}) or ["not in the ledger"]
        return row | {"excluded": f"not cut over and verified: {', '.join(phases)}"}
    tests = [
        GateResult("finalized", record.source_server_id, Verdict.OK)
        if record.phase is Phase.FINALIZED
        else boots[record.source_server_id]
        for record in mine
    ]
    states = [_reverted(record, views.get(record.source_server_id)) for record in mine]
    row |= {"tests": [check.as_document() for check in [*tests, *states] if check is not None]}
    # The result of the look above is in the tests already.
    asked = permit("finalize", plan, app, [one for one in standings if not one.is_unwell])
    return row if asked.is_given else row | {"excluded": asked.words, "remedies": asked.remedies}


def _reverted(record: Record, view: ServerView | None) -> GateResult | None:
    """The lifecycle state when finalize would refuse it: somebody reverted the cutover in MGN. None when it is good."""
    state = view.lifecycle_state if view else None
    if record.phase is Phase.FINALIZED or state in _FINALIZABLE:
        return None
    verdict = Verdict.UNKNOWN if state is None else Verdict.BLOCKED
    reason = f"lifecycle state is {state or 'not given'}, needed: CUTTING_OVER"
    return GateResult("lifecycle", record.source_server_id, verdict, state, sorted(_FINALIZABLE), reason)


def _result(services: Services, inp: StepInput, sheet: Sheet) -> dict[str, Any]:
    key = services.store_evidence(services.evidence_key(f"{sheet.document['kind']}.json"), sheet.document)
    return {
        "digest": sheet.digest,
        "markdown": sheet.markdown,
        "ready": sheet.ready,
        "excluded": sheet.left_out,
        "done": [name for name in sheet.document["done"] if name in sheet.ready],
        "madeAt": sheet.document["madeAt"],
        "evidenceKey": key,
    }
