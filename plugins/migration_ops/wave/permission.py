"""The only place that permits: whether a step may act on an application, judged by the ledger as it is right then.

The sheets show what :func:`permit` says about each application; the task that acts asks the same function.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from migration_ops.aws.mgn.servers import ServerView, moment
from migration_ops.core.policy import Policy
from migration_ops.core.states import Phase
from migration_ops.ledger.first_read import FirstRead
from migration_ops.ledger.protocol import HistoryEntry, Record
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan
from migration_ops.wave.records import locks_of_others, records_of, take_up
from migration_ops.wave.rules.approvals import DECIDE, ROLLBACK
from migration_ops.wave.rules.failure import wave_stops
from migration_ops.wave.rules.permit import APPROVED_BY, Permission, Request, Surroundings, of_registration, permit
from migration_ops.wave.rules.refusals import (
    GATE_CODES,
    ApplicationHeldError,
    ApprovalVoidError,
    DependencyNotCutOverError,
    GateShutError,
    NotOnSheetError,
    NotQuiescedError,
    NotThereYetError,
    PastNoReturnError,
    PlanMismatchError,
    Reason,
    RollbackUnfinishedError,
    TargetNotProvenError,
    WaveStoppedError,
    WindowClosedError,
)
from migration_ops.wave.rules.standing import Standing, standing_of
from migration_ops.wave.services import Services, StepInput, StepSkipped
from migration_ops.wave.source_commands import started_since
from migration_ops.wave.steps.cutover_window import closed_reason

__all__ = [
    "GATE_CODES",
    "ApplicationHeldError",
    "ApprovalVoidError",
    "DependencyNotCutOverError",
    "GateShutError",
    "NotOnSheetError",
    "NotQuiescedError",
    "NotThereYetError",
    "PastNoReturnError",
    "Permission",
    "PlanMismatchError",
    "Reason",
    "Request",
    "RollbackUnfinishedError",
    "Surroundings",
    "TargetNotProvenError",
    "WaveStoppedError",
    "WindowClosedError",
    "permit",
    "require_asked_for",
    "require_permitted",
    "require_registered",
    "skip_when_not_chosen",
    "stop_reason",
    "taken_up",
    "unmet_dependencies",
]


# The task whose sheet an approval is about.
SHEET_OF = {"cutover": "go_no_go", "finalize": "soak"}


def request_of(inp: StepInput, action: str) -> Request:
    """What the step was given to act on. Only a rollback on request has the input ``approval``."""
    window, given = inp.inputs.get("window") or {}, inp.inputs
    which = APPROVED_BY.get(action)
    if action == "rollback":
        which = ROLLBACK if "approval" in given else DECIDE
    return Request(given.get("sheet"), which, window.get("passedAt"), inp.is_retry, given.get("decision"))


def require_permitted(services: Services, inp: StepInput, action: str) -> None:
    """Asked by each task right before it acts: a person may have cleared it hours after the task before it.

    :param action: ``test_launch``, ``quiesce``, ``cutover``, ``finalize`` or ``rollback``.
    :raises GateShutError: with every reason; nothing was touched. Which kinds there are: ``wave/rules/refusals.py``.
    :raises LockHeldError: the first reason is that another run holds a server that is to be rolled back.
    :raises MigrationError: ledger, MGN or SSM could not be read.
    """
    app = inp.application
    records = records_of(services, app)
    if action == "rollback":
        _permit_rollback(services, inp, records).require()
        return
    standings, request = _standings(services, records), request_of(inp, action)
    around = _around(services)
    if action in ("quiesce", "cutover"):
        ledger = services.ledger.read(list(inp.plan.migration_ids))
        around = replace(
            around,
            stop=stop_reason(inp.plan, ledger, app.app_name, _seen_at(standings, request)),
            missing=unmet_dependencies(inp.plan, app, ledger),
            window=closed_reason(services, inp.plan),
        )
    if action == "cutover" and inp.conf.quiesce is not None:
        around = replace(around, restarted=_restarted(services, records))
    permit(action, inp.plan, app, standings, request, around).require()


def _restarted(services: Services, records: list[Record]) -> dict[str, list[str]]:
    """The commands that started a source again after its stop.

    :raises MigrationError: SSM could not be read: whether the sources are still stopped is not known.
    """
    found = {one.source_server_id: started_since(services, one) for one in records if standing_of(one).acts("cutover")}
    return {server: commands for server, commands in found.items() if commands}


def _seen_at(standings: list[Standing], request: Request) -> str | None:
    """When the sheet was made that people approved; the time of the task's own sheet where nobody was asked."""
    noted = [(one.approvals.get(request.which or "") or {}).get("sheetMadeAt") for one in standings]
    return min((one for one in noted if isinstance(one, str)), default=request.made_at)


def _around(services: Services) -> Surroundings:
    required = Policy.of(services.settings).require_approvals
    return Surroundings(run_id=services.holder.run_id, required=required, now=services.now())


def require_registered(services: Services, plan: WavePlan, app: PlannedApplication) -> Services:
    """
    Services whose ledger has read the application's records: the step that follows does not read them again.

    :raises PlanMismatchError: the plan is not the one that preflight registered for the application.
    """
    records = records_of(services, app)
    reasons = tuple(of_registration(plan, _standings(services, records, ask_mgn=False)))
    Permission("work", app.app_name, reasons).require()
    return replace(services, ledger=FirstRead(services.ledger, records))


def _permit_rollback(services: Services, inp: StepInput, records: list[Record]) -> Permission:
    """Judged by the ledger alone: the step itself reads MGN, and refuses by that.

    Applications that depend on it do not prevent the rollback: the sheet names them to whoever approves.
    """
    todo = [record for record in records if not standing_of(record).is_past("rollback")]
    around = replace(_around(services), held_by=locks_of_others(services, todo))
    standings = [standing_of(record) for record in todo]
    return permit("rollback", inp.plan, inp.application, standings, request_of(inp, "rollback"), around)


def skip_when_not_chosen(services: Services, inp: StepInput, which: str) -> None:
    """
    Called by the first task of an application that needs the approval: people may have approved only some of a sheet.

    :param which: ``cutover`` or ``finalize``.
    :raises StepSkipped: people approved others of the same sheet; this application waits for a later question.
    """
    digest = (inp.inputs.get("sheet") or {}).get("digest")
    for record in records_of(services, inp.application):
        noted = standing_of(record).approvals.get(which) or {}
        is_of_this = (noted.get("runId"), noted.get("sheetDigest")) == (services.holder.run_id, digest)
        if is_of_this and noted.get("approved") is False and "chosen" in noted:
            raise StepSkipped(
                f"{noted.get('by')} approved other applications only; clear `{SHEET_OF[which]}` with downstream to be "
                "asked about this one",
                appName=inp.application.app_name,
            )


def require_asked_for(services: Services, inp: StepInput) -> None:
    """Called by the first task of an application's cutover, which touches nothing.

    :raises GateShutError: there is something to launch, and it is held or does not stand there.
    """
    records = records_of(services, inp.application)
    if any(standing_of(one).acts("cutover") for one in records):
        request = request_of(inp, "cutover")
        permit("cutover", inp.plan, inp.application, _standings(services, records), request).require()


def taken_up(services: Services, inp: StepInput, action: str) -> list[Record]:
    """The application's records for a step that acts; what a person asked for again goes on where it stopped.

    Records stay as they are after a wait, and when the step has nothing to do.

    :raises GateShutError: it is held, its rollback did not end, or it does not stand where the step begins.
    """
    records = records_of(services, inp.application)
    if inp.resumed is not None or not any(standing_of(one).acts(action) for one in records):
        return records
    permit(action, inp.plan, inp.application, _standings(services, records), request_of(inp, action)).require()
    return take_up(services, inp, records)


def _standings(services: Services, records: list[Record], *, ask_mgn: bool = True) -> list[Standing]:
    """MGN is asked about rolled back servers only: whether they may be launched again depends on their state."""
    back = [record.source_server_id for record in records if record.phase is Phase.ROLLED_BACK]
    views: dict[str, ServerView] = services.mgn.describe_servers(back) if back and ask_mgn else {}
    standings = [standing_of(record, views.get(record.source_server_id)) for record in records]
    unsaid = [r.migration_id for r, one in zip(records, standings, strict=True) if one.registered is None]
    if not unsaid:
        return standings
    # Registered by an earlier version, which wrote it to the history only.
    lines = services.ledger.histories(unsaid)
    found = {r.source_server_id: _registration(lines.get(r.migration_id, [])) for r in records}
    return [replace(one, registered=one.registered or found[one.server]) for one in standings]


def _registration(history: list[HistoryEntry]) -> dict[str, Any] | None:
    last = next((one for one in reversed(history) if one.event == "registered"), None)
    return {"at": last.at, **last.detail} if last else None


def stop_reason(
    plan: WavePlan, records: dict[str, Record], asking: str | None = None, made_at: str | None = None
) -> str | None:
    """Why the wave must not take its next irreversible step; None when it may.

    What failed, is held or is being rolled back counts. What is rolled back was dealt with and does not, with one
    exception: what ``onFailure: rollback`` undid by itself counts until people see it on a newer sheet.

    :param asking: the application that asks; its own failure does not stop it, as it may be repeating the failed step.
    :param made_at: when the sheet that the application acts on was made; None for whoever makes a new one.
    """
    others = [app for app in plan.applications if app.app_name != asking]
    verdicts = []
    for app in others:
        mine = [standing_of(records[one]) for one in app.migration_ids if one in records]
        verdicts.append((app.impact, any(_stops(one, asking, made_at) for one in mine)))
    return wave_stops(verdicts, plan.conf.failure_threshold)


def _stops(standing: Standing, asking: str | None, made_at: str | None) -> bool:
    if standing.has_failed:
        return True
    back = standing.rolled_back
    if standing.at is not Phase.ROLLED_BACK or asking is None or not back or not back.get("byConf"):
        return False
    seen, when = moment(made_at), moment(back.get("at"))
    return seen is None or when is None or when >= seen


def unmet_dependencies(plan: WavePlan, app: PlannedApplication, records: dict[str, Record]) -> dict[str, str]:
    """The dependencies of the application that are not cut over and verified now, each with its phases."""
    missing: dict[str, str] = {}
    planned = {one.app_name: one for one in plan.applications}
    for name in app.depends_on:
        ids = planned[name].migration_ids if name in planned else ()
        mine = [standing_of(records[one]) for one in ids if one in records]
        if len(mine) < len(ids) or not mine or not all(one.is_cut_over for one in mine):
            missing[name] = ", ".join(sorted({_where(records[one]) for one in ids if one in records})) or "not known"
    return missing


def _where(record: Record) -> str:
    at = standing_of(record)
    return f"{record.phase.value} (stopped in {at.at.value})" if at.interrupted_at else record.phase.value
