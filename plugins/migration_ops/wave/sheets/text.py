"""A sheet's document as Markdown for Airflow's human-input page: the decision first, then why, then the servers."""

from __future__ import annotations

from typing import Any

from migration_ops.core.markdown import code, plain, table
from migration_ops.core.verdict import Verdict
from migration_ops.wave.sheets.reach_text import allowed_text, reach_text, rollback_text, source_commands_text

_MAX_SERVERS = 50
_MAX_FINDINGS = 100
_MARK = {"OK": "✅ OK", "BLOCKED": "⛔ BLOCKED", "UNKNOWN": "❓ UNKNOWN"}
_MEANING = {
    "goNoGo": (
        "Approving cuts the ready applications over, or those of them that you choose, in the order below. The others "
        "are left out."
    ),
    "finalize": (
        "Approving finalizes the ready applications. **There is no way back in MGN after it**: replication stops, "
        "replicated data is discarded, a rollback is refused."
    ),
}

_LAG = {"goNoGo": "lag", "finalize": "lag at cutover"}

Application = dict[str, Any]


def render(document: dict[str, Any], digest: str) -> str:
    """The whole sheet. Every name, id and reason from outside is escaped."""
    applications: list[Application] = document["applications"]
    parts = [
        f"## {document['title']}: wave {code(document['wave'])}",
        f"**{_ready(document)}** {_window(document)}",
        _MEANING[document["kind"]],
        allowed_text(document["kind"], document.get("reach")),
        reach_text(document.get("reach")),
        _made(document),
        _limits(document),
        _overview(document["kind"], applications, document.get("done", [])),
        _left_out(applications),
        _notes(applications),
        source_commands_text(document["sourceCommands"]) if "sourceCommands" in document else "",
        rollback_text(document.get("rollback"), (document.get("cutoverWindow") or {}).get("closes")),
        *[_details(document["kind"], one) for one in applications],
        f"Plan {code(document['planHash'][:16])}, sheet {code(digest[:16])}, "
        f"change ticket {code(document['changeTicket'] or 'none')}. A change of plan or sheet voids an approval.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _ready(document: dict[str, Any]) -> str:
    done = [name for name in document["ready"] if name in document.get("done", [])]
    ready = f"{len(document['ready']) - len(done)} of {len(document['applications'])} applications are ready"
    return f"{ready}, {len(done)} done before." if done else f"{ready}."


def _window(document: dict[str, Any]) -> str:
    window = document.get("cutoverWindow") or {}
    opens, closes, calendars = window.get("opens"), window.get("closes"), window.get("changeCalendars") or []
    if document["kind"] != "goNoGo" or not (opens or closes or calendars):
        return ""
    names = f", change calendars {', '.join(code(one) for one in calendars)}" if calendars else ""
    return f"Window: from {code(opens or 'now')} to {code(closes or 'no end')}{names}."


def _limits(document: dict[str, Any]) -> str:
    if document["kind"] != "goNoGo":
        return ""
    limits = document["lagLimitsSeconds"]
    return (
        f"Replication lag: at most {_seconds(limits['ready'])} to be ready, at most {_seconds(limits['cutover'])} "
        "when the cutover instances are launched; it is read again then."
    )


def _overview(kind: str, applications: list[Application], done: list[str]) -> str:
    lines = [_line(kind, one) | ({"Verdict": "✅ done"} if one["appName"] in done else {}) for one in applications]
    return table(tuple(lines[0]), [list(line.values()) for line in lines])


def _line(kind: str, one: Application) -> dict[str, str]:
    """Cell by column. The sheet for finalize has no gates, and its lag is that of the cutover."""
    return {
        "Application": code(one["appName"]),
        "Verdict": _mark(one["verdict"]),
        "Impact": plain(one["impact"]),
        "After": ", ".join(code(name) for name in one["dependsOn"]),
        "Servers": str(len(one["servers"])),
        f"Worst {_LAG[kind]}": _worst_lag(one["servers"]),
        **({"Gates": _count(one["gates"])} if kind == "goNoGo" else {}),
        "Tests": _tests(one),
    }


def _tests(one: Application) -> str:
    """For a cutover: how many servers had their test launch verified in this wave; else how many checks are OK."""
    tested = [server["tested"] for server in one["servers"] if "tested" in server]
    if not tested:
        return _count(one["tests"])
    unknown = f", {tested.count(None)} unknown" if None in tested else ""
    return f"{tested.count(True)} of {len(one['servers'])} tested in this wave{unknown}"


def _made(document: dict[str, Any]) -> str:
    made = document.get("madeAt")
    who = f" Requested by {code(document.get('requestedBy') or 'nobody known')}."
    return f"Made at {code(made)}. What it says was true then.{who}" if made else ""


def _mark(verdict: Any) -> str:
    return _MARK.get(str(verdict), _MARK["UNKNOWN"])


def _count(checks: list[dict[str, Any]]) -> str:
    good = sum(one.get("verdict") == Verdict.OK for one in checks)
    return f"{good} of {len(checks)} OK" if checks else "none"


def _worst_lag(servers: list[dict[str, Any]]) -> str:
    """Unknown when the lag of one server is unknown."""
    lags = [one["lagSeconds"] for one in servers]
    return "unknown" if None in lags or not lags else _seconds(max(lags))


def _seconds(value: Any) -> str:
    return f"{value:.0f} s" if isinstance(value, int | float) else "unknown"


def _lag(kind: str, server: dict[str, Any]) -> str:
    """The lag; before a cutover with the time of the source's last snapshot."""
    lag = _seconds(server["lagSeconds"])
    if kind != "goNoGo":
        return lag
    return f"{lag}, snapshot {code(server.get('lastSnapshotAt') or 'unknown: MGN names none')}"


def _left_out(applications: list[Application]) -> str:
    """A list, not a table: Airflow's page is narrow, and a reason in a last column is cut off."""
    lines = [line for one in applications if one["verdict"] != Verdict.OK for line in _why(one)]
    if not lines:
        return ""
    more = f"\n- … and {len(lines) - _MAX_FINDINGS} more" if len(lines) > _MAX_FINDINGS else ""
    return "### Left out, and why\n\n" + "\n".join(lines[:_MAX_FINDINGS]) + more


def _why(one: Application) -> list[str]:
    """Reasons that are no checks (excluded, window over, dependency), then the checks with values, then remedies."""
    name = code(one["appName"])
    bad = [check for check in [*one["gates"], *one["tests"]] if check.get("verdict") != Verdict.OK]
    shown = {f"{check.get('name')} of {check.get('subject')}: {check.get('reason')}" for check in bad}
    others = [f"- {name} {_mark(one['verdict'])} {plain(reason)}" for reason in one["why"] if reason not in shown]
    remedies = [f"- {name} what to do: {plain(remedy)}" for remedy in one.get("remedies") or []]
    return others + [f"- {name} {_check(check)}" for check in bad] + remedies


def _notes(applications: list[Application]) -> str:
    """The notes of all applications, which no verdict shows."""
    lines = [f"- {code(one['appName'])} {plain(note)}" for one in applications for note in one.get("notes") or []]
    if not lines:
        return ""
    more = f"\n- … and {len(lines) - _MAX_FINDINGS} more" if len(lines) > _MAX_FINDINGS else ""
    return "### Tests, rollbacks and retries\n\n" + "\n".join(lines[:_MAX_FINDINGS]) + more


def _check(check: dict[str, Any]) -> str:
    facts = ", ".join(f"{name} {code(check[name])}" for name in ("value", "limit") if check.get(name) is not None)
    about = f"{code(check.get('name'))} of {code(check.get('subject'))}"
    reason = plain(check.get("reason") or "no reason given")
    return f"{_mark(check.get('verdict'))} {about}: {reason}" + (f" ({facts})" if facts else "")


def _details(kind: str, one: Application) -> str:
    servers = one["servers"]
    rows = [
        [
            f"{code(server['hostName'])} {code(server['sourceServerId'])}"
            if server.get("hostName")
            else f"(MGN names no host) {code(server['sourceServerId'])}",
            code(server["migrationId"]),
            code(server["instanceId"] or ""),
            _lag(kind, server),
        ]
        for server in servers[:_MAX_SERVERS]
    ]
    more = f"\n\n… and {len(servers) - _MAX_SERVERS} more servers." if len(servers) > _MAX_SERVERS else ""
    facts = "".join(f"\n\n{plain(name)}: {plain(value)}" for name, value in one["facts"].items())
    head = ("Host, server", "Migration", "Instance", _LAG[kind].capitalize())
    return f"### {code(one['appName'])} {_mark(one['verdict'])}\n\n" + table(head, rows) + more + facts
