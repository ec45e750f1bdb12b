"""The wave report: per server what happened and when, who approved what, what failed and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from migration_ops.aws.mgn.servers import moment
from migration_ops.core.markdown import code, plain, table
from migration_ops.core.states import SHOWN_IN_REPORT
from migration_ops.ledger.protocol import HistoryEntry, Record
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.rules.failure import goal_reached
from migration_ops.wave.rules.standing import APPROVALS, REGISTERED, standing_of
from migration_ops.wave.services import Services


def wave_report(services: Services, plan: WavePlan, approvals: Sequence[str]) -> dict[str, Any]:
    """The report as a document with its own Markdown; kept in S3 when a bucket is set.

    :param approvals: names of the approvals (``cutover``, ``finalize``) to report, as they are in the ledger.
    """
    found = services.ledger.read(list(plan.migration_ids))
    histories = services.ledger.histories(sorted(found))
    applications = [
        {
            "appName": app.app_name,
            "impact": app.impact,
            "reached": _is_reached(plan, [found[m] for m in app.migration_ids if m in found]),
            "servers": [
                _server(found.get(one.migration_id), one.source_server_id, histories.get(one.migration_id, []))
                for one in app.servers
            ],
        }
        for app in plan.applications
    ]
    document: dict[str, Any] = {
        "wave": plan.wave,
        "runId": services.holder.run_id,
        "planHash": plan.plan_hash,
        "changeTicket": plan.conf.change_ticket,
        "writtenAt": services.now().isoformat(),
        "reached": all(one["reached"] for one in applications),
        "requestedBy": _requester(found.values(), services.holder.run_id),
        "approvals": {one: approval_of(found.values(), one, services.holder.run_id) for one in approvals},
        "applications": applications,
    }
    document["markdown"] = render(document)
    document["evidenceKey"] = services.store_evidence(
        services.evidence_key("report.json"),
        {k: v for k, v in document.items() if k != "markdown"},
    )
    return document


def _is_reached(plan: WavePlan, records: list[Record]) -> bool:
    """A verified instance that was found broken since, or could not be looked at, is no goal reached."""
    is_well = not any(standing_of(record).is_unwell for record in records)
    return is_well and goal_reached(plan.conf, [record.phase for record in records])


def _requester(records: Iterable[Record], run_id: str) -> str | None:
    """Name of the user who triggered the run, as registered by it; None when it is not known."""
    lines = [record.facts.get(REGISTERED) or {} for record in records]
    return next((one.get("requestedBy") for one in lines if one.get("runId") == run_id), None)


def approval_of(records: Iterable[Record], which: str, run_id: str) -> dict[str, Any] | None:
    """The last answer of the run that the ledger holds, with the applications that it approved; None without one."""
    found: list[tuple[Record, dict[str, Any]]] = []
    for record in records:
        answer = (record.facts.get(APPROVALS) or {}).get(which)
        if isinstance(answer, dict) and answer.get("runId", run_id) == run_id:
            found.append((record, answer))
    if not found:
        return None
    # One answer is a yes for some records and a no for those left out: the yes counts.
    last = max((answer for _, answer in found), key=lambda one: (str(one.get("at") or ""), bool(one.get("approved"))))
    same = [record for record, answer in found if answer.get("at") == last.get("at") and answer.get("approved") is True]
    return {**last, "applications": sorted({record.app_name for record in same})}


def _server(record: Record | None, source_server_id: str, history: list[HistoryEntry]) -> dict[str, Any]:
    if record is None:
        return {"sourceServerId": source_server_id, "status": "UNKNOWN", "phase": None, "error": "not in the ledger"}
    return {
        "sourceServerId": source_server_id,
        "migrationId": record.migration_id,
        "status": record.status.value,
        "phase": record.phase.value,
        "instanceId": record.instance_id,
        "lagSecondsAtCutover": record.replication_lag_seconds,
        "error": f"{record.error_code}: {record.error_message}" if record.error_code else None,
        "timeline": [{"at": one.at, "phase": one.phase, "event": one.event} for one in history],
        "secondsPerPhase": durations(history),
    }


def durations(history: list[HistoryEntry]) -> dict[str, float]:
    """Seconds spent in each phase, from its history lines; time after the last line is not counted."""
    spent: dict[str, float] = {}
    for this, following in pairwise(history):
        begun, ended = moment(this.at), moment(following.at)
        if begun and ended:
            spent[this.phase] = round(spent.get(this.phase, 0.0) + (ended - begun).total_seconds(), 1)
    return spent


def render(document: dict[str, Any]) -> str:
    """The report for people: verdict first, then applications, servers, approvals."""
    applications = document["applications"]
    good = sum(one["reached"] for one in applications)
    verdict = "reached its goal" if document["reached"] else "did NOT reach its goal"
    rows = [
        [
            code(app["appName"]),
            code(server["sourceServerId"]),
            plain(server["status"]),
            plain(server["phase"] or ""),
            code(server.get("instanceId") or ""),
            _lag(server.get("lagSecondsAtCutover")),
            plain(_times(server.get("secondsPerPhase") or {})),
            plain(server.get("error") or ""),
        ]
        for app in applications
        for server in app["servers"]
    ]
    head = ("Application", "Server", "Status", "Phase", "Instance", "Lag at cutover", "Seconds per phase", "Error")
    lines = [
        f"## Wave {code(document['wave'])} {verdict}",
        f"{good} of {len(applications)} applications reached their goal. Run {code(document['runId'])}, "
        f"plan {code(document['planHash'][:16])}, change ticket {code(document['changeTicket'] or 'none')}, "
        f"requested by {code(document.get('requestedBy') or 'nobody known')}.",
        table(head, rows),
        *[_approval(name, answer) for name, answer in document["approvals"].items()],
    ]
    return "\n\n".join(lines) + "\n"


def _times(seconds: dict[str, float]) -> str:
    return ", ".join(f"{phase} {seconds[phase]:.0f}" for phase in SHOWN_IN_REPORT if phase in seconds)


def _lag(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds:.0f} s"


def _approval(name: str, answer: dict[str, Any] | None) -> str:
    if not answer:
        return f"Approval of {plain(name)}: not given."
    comment = f" {plain(answer['comment'])}" if answer.get("comment") else ""
    if answer.get("approved") is not True:
        return f"Approval of {plain(name)}: refused by {plain(str(answer.get('by') or 'nobody'))}.{comment}"
    if not answer.get("required", True):
        return f"Approval of {plain(name)}: not asked for.{comment}"
    return f"Approval of {plain(name)}: by {plain(str(answer.get('by')))} at {plain(str(answer.get('at')))}.{comment}"
