"""The evidence sheets that people decide on: go/no-go before the cutover, and the one before the point of no return.

One row per application of the plan, a plain dict; all keys but ``appName`` are optional:

- ``servers``: ``[{"sourceServerId", "migrationId", "instanceId", "lagSeconds", "hostName", "lastSnapshotAt"}]``; for
  the cutover also ``tested`` (in this wave: true, false, None when not known), ``rolledBackAt``, ``retryOf`` (the code
  of the failure)
- ``gates``, ``tests``: documents of ``GateResult``; they decide, and an application without any is UNKNOWN
- ``window``: document of ``judge_window``'s check; it is waited for later, so only a window that is over decides
- ``excluded``: why the application is left out (a held or failed one); ``remedies``: what a person can do about it
- ``notes``: lines that an approver must read: tested or not, rolled back, retried, held
- ``isDone``: nothing is left to approve: its cutover is under way or done, or it is finalized
- ``isCutOver``: it is cut over already, so that what depends on it may go even when it is left out itself
- ``facts``: ``{name: value}`` for the reader (durations, who did what)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migration_ops.core.documents import canonical_digest
from migration_ops.core.errors import InvalidInputError
from migration_ops.core.verdict import Verdict
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan
from migration_ops.wave.rules.failure import dependents_of
from migration_ops.wave.rules.window import OVER
from migration_ops.wave.sheets.text import render

Row = dict[str, Any]

_GO_NO_GO = ("goNoGo", "Go / no-go for the cutover")
_FINALIZE = ("finalize", "Finalize: the point of no return")


@dataclass(frozen=True)
class Sheet:
    """``digest`` changes with everything that an approval is based on, not with a lag or a time.

    ``document["ready"]`` lists the applications that go, ``document["leftOut"]`` names the others and why.
    """

    markdown: str
    document: dict[str, Any]
    digest: str

    @property
    def ready(self) -> list[str]:
        return list(self.document["ready"])

    @property
    def left_out(self) -> dict[str, str]:
        return dict(self.document["leftOut"])


def go_no_go_sheet(
    plan: WavePlan,
    rows: list[Row],
    made_at: datetime | None = None,
    requested_by: str | None = None,
    around: dict[str, Any] | None = None,
) -> Sheet:
    """The sheet of ``approve_cutover``.

    :param made_at: when what it shows was read; it is no part of the digest.
    :param requested_by: name of the user who triggered the run; None when it is not known.
    :param around: ``reach``, ``sourceCommands`` and ``rollback``, made by ``reach.py`` and ``rollback_price.py``.
    :raises InvalidInputError: a row that is of no application of the plan, or two of one.
    """
    return _sheet(*_GO_NO_GO, plan, rows, made_at, requested_by, around)


def finalize_sheet(
    plan: WavePlan,
    rows: list[Row],
    made_at: datetime | None = None,
    requested_by: str | None = None,
    around: dict[str, Any] | None = None,
) -> Sheet:
    """The sheet of ``approve_finalize``: tests are those of the cutover instances.

    :param made_at: when what it shows was read; it is no part of the digest.
    :param requested_by: name of the user who triggered the run; None when it is not known.
    :param around: ``reach``, as ``reach.py`` returns it.
    :raises InvalidInputError: a row that is of no application of the plan, or two of one.
    """
    return _sheet(*_FINALIZE, plan, rows, made_at, requested_by, around)


def _sheet(
    kind: str,
    title: str,
    plan: WavePlan,
    rows: list[Row],
    made_at: datetime | None,
    requested_by: str | None,
    around: dict[str, Any] | None,
) -> Sheet:
    by_name = {row.get("appName"): row for row in rows}
    if len(by_name) < len(rows) or set(by_name) - {one.app_name for one in plan.applications}:
        raise InvalidInputError("rows must be of the plan's applications, one each", wave=plan.wave)
    applications = [_application(one, by_name.get(one.app_name, {})) for one in plan.applications]
    not_ready = [one["appName"] for one in applications if one["verdict"] != Verdict.OK]
    if kind == _GO_NO_GO[0]:
        # Applications are finalized in any order; for a cutover the dependencies must go, too.
        cut_over = {name for name, row in by_name.items() if row.get("isCutOver")}
        _block_dependents(plan, applications, [name for name in not_ready if name not in cut_over])
    document = {
        "kind": kind,
        "title": title,
        "wave": plan.wave,
        "planHash": plan.plan_hash,
        "madeAt": made_at.isoformat() if made_at else None,
        "changeTicket": plan.conf.change_ticket,
        "requestedBy": requested_by,
        "cutoverWindow": plan.conf.cutover_window.as_document(),
        "lagLimitsSeconds": {
            "ready": plan.conf.replication.max_lag_seconds,
            "cutover": plan.conf.final_sync.max_lag_seconds,
        },
        "applications": applications,
        "ready": [one["appName"] for one in applications if one["verdict"] == Verdict.OK],
        "leftOut": {one["appName"]: "; ".join(one["why"]) for one in applications if one["verdict"] != Verdict.OK},
        "done": [name for name, row in by_name.items() if row.get("isDone")],
        **(around or {}),
    }
    digest = canonical_digest(_stable(document))
    return Sheet(render(document, digest), document, digest)


def _block_dependents(plan: WavePlan, applications: list[dict[str, Any]], left_out: list[str]) -> None:
    """Blocks the applications that need one of those that are left out."""
    waiting = dependents_of(plan, left_out)
    for one in applications:
        if needs := waiting.get(one["appName"]):
            one["verdict"], one["why"] = Verdict.BLOCKED.value, [f"needs {', '.join(needs)}, which is left out"]


def _application(planned: PlannedApplication, row: Row) -> dict[str, Any]:
    facts = {one.get("sourceServerId"): one for one in row.get("servers") or []}
    tests, gates, window = list(row.get("tests") or []), list(row.get("gates") or []), row.get("window")
    verdict, why = _judge(row.get("excluded"), [*gates, *tests], window)
    return {
        "appName": planned.app_name,
        "level": planned.level,
        "impact": planned.impact,
        "dependsOn": list(planned.depends_on),
        "verdict": verdict.value,
        "why": why,
        "excluded": row.get("excluded"),
        "remedies": list(row.get("remedies") or []),
        "notes": list(row.get("notes") or []),
        "servers": [
            {
                "sourceServerId": one.source_server_id,
                "migrationId": one.migration_id,
                **{name: mine.get(name) for name in _READ_OF_SERVER},
                **{name: mine[name] for name in mine if name in _HISTORY_OF_SERVER},
            }
            for one in planned.servers
            for mine in [facts.get(one.source_server_id, {})]
        ],
        "gates": gates,
        "tests": tests,
        "window": window,
        "facts": dict(row.get("facts") or {}),
    }


def _judge(excluded: Any, checks: list[dict[str, Any]], window: Any) -> tuple[Verdict, list[str]]:
    if excluded:
        return Verdict.BLOCKED, [str(excluded)]
    if window and window.get("value") == OVER:
        return Verdict.BLOCKED, [str(window.get("reason"))]
    if not checks:
        return Verdict.UNKNOWN, ["nothing was checked"]
    against = [one for one in checks if one.get("verdict") != Verdict.OK]
    if not against:
        return Verdict.OK, []
    is_blocked = any(one.get("verdict") == Verdict.BLOCKED for one in against)
    why = [f"{one.get('name')} of {one.get('subject')}: {one.get('reason')}" for one in against]
    return Verdict.BLOCKED if is_blocked else Verdict.UNKNOWN, why


def _stable(document: dict[str, Any]) -> dict[str, Any]:
    """What an approval is based on: applications, servers and instances, and every verdict."""

    def verdicts(checks: list[dict[str, Any]]) -> list[list[str]]:
        return sorted([str(one.get("name")), str(one.get("subject")), str(one.get("verdict"))] for one in checks)

    return {
        "kind": document["kind"],
        "planHash": document["planHash"],
        "applications": [
            {
                "appName": one["appName"],
                "verdict": one["verdict"],
                "excluded": bool(one["excluded"]),
                "servers": [
                    [one_server.get(key) for key in (*_STABLE_OF_SERVER, *_HISTORY_OF_SERVER)]
                    for one_server in one["servers"]
                ],
                "gates": verdicts(one["gates"]),
                "tests": verdicts(one["tests"]),
            }
            for one in document["applications"]
        ],
    }


_READ_OF_SERVER = ("instanceId", "lagSeconds", "hostName", "lastSnapshotAt")
_STABLE_OF_SERVER = ("sourceServerId", "migrationId", "instanceId")
# The approval of a first cutover does not cover one after a rollback or a failure.
_HISTORY_OF_SERVER = ("tested", "rolledBackAt", "retryOf")
