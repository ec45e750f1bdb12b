"""The finding about each alarm."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from migration_ops.core.finding import CheckResult, Finding, FindingStatus, Route, ok, unknown, warning
from migration_ops.core.finding_kind import FindingKind, KindTable
from migration_ops.runbook.alarms.alarm import BAD, GOOD, Alarm, Formula
from migration_ops.runbook.alarms.apply import Done
from migration_ops.runbook.alarms.drift import Deviation, State
from migration_ops.runbook.alarms.wanted import KINDS

NO_DATA = {GOOD: "is well", BAD: "rings"}
SECTION = "Monitoring & Alerts, Setting Up Alarms"
APPLY = "Trigger runbook_alarms with dryRun false: it puts the alarm right."
NOT_INSTALLED = "not installed"
_CLEAR = "Clear the task with downstream."
_REMEDIES = {
    State.MISSING: APPLY,
    State.DRIFTED: APPLY,
    # As wanted, but a change to it was refused.
    State.AS_WANTED: APPLY,
    State.ORPHANED: "Trigger runbook_alarms with dryRun false: it deletes the alarm, which watches nothing any more.",
    State.DISABLED: "Enable the alarm's actions when the maintenance is over; this package leaves them as they are.",
    State.FOREIGN: "Somebody else made an alarm of this name; delete it by hand, then run again.",
    State.UNREAD: "Fix what the reason names, then clear the task.",
    NOT_INSTALLED: "Trigger runbook_alarms with dryRun false: it makes them.",
}


def check_id(kind: str) -> str:
    """Check id of findings about alarms of a kind."""
    return f"alarm_{kind}"


# For the whole run, when not even the kinds are known.
ALARMS = FindingKind(
    check_id="alarm", title="Alarms", section=SECTION, remedy=APPLY, remedies=_REMEDIES, lost_remedy=_CLEAR
)
ALARM_KINDS = KindTable(
    ALARMS,
    *(replace(ALARMS, check_id=check_id(name), title=f"Alarms: {name.replace('_', ' ')}") for name in KINDS),
)


def finding_kind(kind: str) -> FindingKind:
    """
    The kind of findings about alarms of a kind.

    :raises UnknownFindingKindError: there is no such kind of alarm.
    """
    return ALARM_KINDS[check_id(kind)]


def findings_of(kind: str, deviations: Iterable[Deviation], done: Iterable[Done] = ()) -> list[Finding]:
    """
    One finding per alarm; one for all when there is none.

    A paging alarm that is not as wanted is CRITICAL: nobody may hear of the next fault. The finding pages nobody.
    """
    results = {one.name: one for one in done}
    found = [_finding(kind, one, results.get(one.name)) for one in deviations]
    return found or [finding_kind(kind).finding("*", ok("nothing to watch", value=0))]


def unread(kind: str, reason: str) -> Finding:
    """For a kind whose subjects or alarms could not be read."""
    return finding_kind(kind).finding("*", unknown(reason), state=State.UNREAD)


def not_installed(kind: str, number: int) -> Finding:
    """For a kind in an installation that has no alarms yet: what is missing, in one line."""
    reason = f"no alarms are installed; of this kind {number} are wanted"
    counted = replace(finding_kind(kind), unit="alarms")
    return counted.finding("*", warning(reason, value=number, limit=0), state=NOT_INSTALLED)


def _finding(kind: str, one: Deviation, done: Done | None) -> Finding:
    limit = State.AS_WANTED.value if one.wanted else "gone"
    judged = CheckResult(_verdict(one, done), _reason(one, done), one.state.value, limit, one.fields)
    return finding_kind(kind).finding(one.name, judged, state=one.state)


def _verdict(one: Deviation, done: Done | None) -> FindingStatus:
    if done is not None and done.error is not None:
        return FindingStatus.CRITICAL
    if one.state is State.AS_WANTED:
        return FindingStatus.OK
    if one.state is State.UNREAD:
        return FindingStatus.UNKNOWN
    pages = one.wanted is not None and one.wanted.route is Route.PAGE
    return FindingStatus.CRITICAL if pages else FindingStatus.WARNING


def _reason(one: Deviation, done: Done | None) -> str:
    differing = f": {', '.join(field['field'] for field in one.fields)}" if one.fields else ""
    parts = [f"{one.state.value}{differing}", one.reason]
    if done is not None:
        parts.append(f"{done.action}: {done.error}" if done.error else f"{done.action} by this run")
    return "; ".join(part for part in parts if part)


def tables_of(wanted: Iterable[Alarm], done: Iterable[Done]) -> list[dict[str, Any]]:
    """For the report: the wanted alarms, and what was done."""
    alarms = [[one.name, one.route.value, _watches(one), _rule(one), NO_DATA[one.missing]] for one in wanted]
    actions = [[one.name, one.action, one.error or ""] for one in done]
    tables = [
        {"title": "What this run did", "head": ["Alarm", "Done", "Error"], "rows": actions},
        {"title": "Wanted alarms", "head": ["Alarm", "Notifies", "Watches", "Rings", "No data"], "rows": alarms},
    ]
    return [one for one in tables if one["rows"]]


def _watches(alarm: Alarm) -> str:
    if isinstance(alarm.measure, Formula):
        series = alarm.measure.series
        return f"{alarm.measure.expression} of {', '.join(one.metric for one in series)} ({series[0].namespace})"
    return f"{alarm.measure.statistic} {alarm.measure.metric} ({alarm.measure.namespace})"


def _rule(alarm: Alarm) -> str:
    measure = alarm.measure.series[0] if isinstance(alarm.measure, Formula) else alarm.measure
    sign = ">=" if "OrEqual" in alarm.comparison else ">"
    return f"{sign} {alarm.threshold:g} in {alarm.periods} x {measure.period_seconds // 60} min"
