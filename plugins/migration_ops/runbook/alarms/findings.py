"""What is said of each alarm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from migration_ops.core.finding import Finding, FindingVerdict, Route
from migration_ops.runbook.alarms.alarm import BAD, GOOD, Alarm, Formula
from migration_ops.runbook.alarms.apply import Done
from migration_ops.runbook.alarms.drift import Deviation, State

NO_DATA = {GOOD: "is well", BAD: "rings"}
SECTION = "Monitoring & Alerts, Setting Up Alarms"
APPLY = "Trigger runbook_alarms with dryRun false: it puts the alarm right."
REMEDIES = {
    State.MISSING: APPLY,
    State.DRIFTED: APPLY,
    State.ORPHANED: "Trigger runbook_alarms with dryRun false: it deletes the alarm, which watches nothing any more.",
    State.DISABLED: "Enable the alarm's actions when the maintenance is over; this package leaves them as they are.",
    State.FOREIGN: "Somebody else made an alarm of this name; rename or delete it by hand, then run again.",
    State.UNREAD: "Mend what the reason names, then clear the task.",
}


def check_id(kind: str) -> str:
    """Of findings about alarms of a kind."""
    return f"alarm_{kind}"


def findings_of(kind: str, deviations: Iterable[Deviation], done: Iterable[Done] = ()) -> list[Finding]:
    """
    One finding an alarm; one for all when there is none.

    An alarm that would page and cannot ring is CRITICAL: the next fault is heard by nobody. It pages nobody itself.
    """
    results = {one.name: one for one in done}
    found = [_finding(kind, one, results.get(one.name)) for one in deviations]
    return found or [Finding(check_id(kind), "*", FindingVerdict.OK, 0, reason="nothing to watch", section=SECTION)]


def unread(kind: str, reason: str) -> Finding:
    """Of a kind of which nobody knows what is wanted or there."""
    return Finding(
        check_id(kind), "*", FindingVerdict.UNKNOWN, reason=reason, remedy=REMEDIES[State.UNREAD], section=SECTION
    )


def _finding(kind: str, one: Deviation, done: Done | None) -> Finding:
    verdict = _verdict(one, done)
    return Finding(
        check_id=check_id(kind),
        resource=one.name,
        verdict=verdict,
        value=one.state.value,
        limit=State.AS_WANTED.value if one.wanted else "gone",
        reason=_reason(one, done),
        evidence=one.fields,
        remedy="" if verdict is FindingVerdict.OK else REMEDIES.get(one.state, APPLY),
        section=SECTION,
    )


def _verdict(one: Deviation, done: Done | None) -> FindingVerdict:
    if done is not None and done.error is not None:
        return FindingVerdict.CRITICAL
    if one.state is State.AS_WANTED:
        return FindingVerdict.OK
    if one.state is State.UNREAD:
        return FindingVerdict.UNKNOWN
    pages = one.wanted is not None and one.wanted.route is Route.PAGE
    return FindingVerdict.CRITICAL if pages else FindingVerdict.WARNING


def _reason(one: Deviation, done: Done | None) -> str:
    told = f": {', '.join(field['field'] for field in one.fields)}" if one.fields else ""
    parts = [f"{one.state.value}{told}", one.reason]
    if done is not None:
        parts.append(f"{done.action}: {done.error}" if done.error else f"{done.action} by this run")
    return "; ".join(part for part in parts if part)


def tables_of(wanted: Iterable[Alarm], done: Iterable[Done]) -> list[dict[str, Any]]:
    """Of the report: what each alarm is, and what was done."""
    alarms = [[one.name, one.route.value, _watches(one), _rule(one), NO_DATA[one.missing]] for one in wanted]
    actions = [[one.name, one.action, one.error or ""] for one in done]
    tables = [
        {"title": "What this run did", "head": ["Alarm", "Done", "Error"], "rows": actions},
        {"title": "Wanted alarms", "head": ["Alarm", "Tells", "Watches", "Rings", "No data"], "rows": alarms},
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
