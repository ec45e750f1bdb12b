"""What a query's answer says: a finding, a table, a chart. Calls nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from migration_ops.core.finding import Finding, FindingVerdict, Route
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.insights.query import Chart, Query
from migration_ops.runbook.insights.run import COMPLETE

POINTER = "@ptr"
SHOWN_ROWS = 200
SHOWN_SERIES = 8
REMEDIES = {
    FindingVerdict.UNKNOWN: "Look at the task's log; a narrower window helps a query that timed out, fewer functions "
    "in resources.yaml where log groups were left out. Clear the task start with downstream to ask again.",
    FindingVerdict.WARNING: "Look at the rows in the report, and follow one migration with the query track_migration.",
}
SHOWN_EVIDENCE = 10
Row = Mapping[str, str]


def check_id(name: str) -> str:
    """Of the finding about a query."""
    return f"insights_{name}"


def finding_of(
    query: Query, answer: Mapping[str, Any], limits: Thresholds, left_out: Iterable[str] = (), asked: str = ""
) -> Finding:
    """
    OK says that the question was answered, whatever the answer; a query with a limit warns beyond it.

    UNKNOWN is all that was not answered, or not for all log groups.

    :param answer: what ``asking.results`` gave.
    :param left_out: log groups that were not asked.
    :param asked: the time range, for the reason.
    """
    others = list(left_out)
    if answer["status"] != COMPLETE:
        return unanswered(query, f"the query ended {answer['status']}")
    statistics, rows = answer["statistics"], answer["rows"]
    matched, scanned = (_count(statistics, name) for name in ("recordsMatched", "recordsScanned"))
    told = f"{len(rows)} rows; {matched} of {scanned} lines matched{asked and ', '}{asked}"
    if others:
        told += f"; {len(others)} log groups were not asked: {', '.join(others[:5])}"
        return _finding(query, FindingVerdict.UNKNOWN, told, len(rows))
    limit = query.limit.of(limits) if query.limit else None
    beyond = [row for row in rows if limit is not None and _beyond(query, row, limit)]
    if beyond:
        told = f"{len(beyond)} of {told}: {query.limit and query.limit.column} beyond {limit:g}"
        return _finding(query, FindingVerdict.WARNING, told, len(rows), tuple(beyond[:SHOWN_EVIDENCE]))
    return _finding(query, FindingVerdict.OK, told, len(rows))


def _beyond(query: Query, row: Row, limit: float) -> bool:
    return query.limit is not None and float(row[query.limit.column]) > limit


def unanswered(query: Query, reason: str) -> Finding:
    """UNKNOWN: the question was not answered."""
    return _finding(query, FindingVerdict.UNKNOWN, reason)


def _count(statistics: Mapping[str, Any], name: str) -> str:
    return f"{statistics[name]:g}" if name in statistics else "?"


def _finding(
    query: Query, verdict: FindingVerdict, reason: str, rows: int | None = None, evidence: tuple[Any, ...] = ()
) -> Finding:
    return Finding(
        check_id=check_id(query.name),
        resource=query.name,
        verdict=verdict,
        value=rows,
        unit="rows",
        reason=reason,
        evidence=evidence,
        remedy=REMEDIES.get(verdict, ""),
        section=query.section,
        route=Route.WARN,
    )


def table_of(query: Query, rows: list[Row]) -> dict[str, Any]:
    """The rows as a table of the report, with its chart; columns in the order in which the answer names them."""
    head = list(dict.fromkeys(name for row in rows for name in row if name != POINTER))
    title = query.title if len(rows) <= SHOWN_ROWS else f"{query.title} (the first {SHOWN_ROWS} of {len(rows)} rows)"
    table: dict[str, Any] = {
        "title": title,
        "head": head or ["Result"],
        "rows": [[row.get(name) for name in head] for row in rows[:SHOWN_ROWS]] or [["no lines matched"]],
    }
    chart = chart_of(query.chart, rows) if query.chart else None
    return table | ({"chart": chart} if chart else {})


def chart_of(chart: Chart, rows: list[Row]) -> dict[str, Any] | None:
    """A chart of ``charts``; None when there is nothing to draw. The largest series have a line of their own."""
    points: dict[str, list[list[Any]]] = {}
    for row in rows:
        if chart.x in row and chart.y in row:
            name = row.get(chart.series, "") if chart.series else ""
            points.setdefault(name, []).append([row[chart.x], float(row[chart.y])])
    if not points:
        return None
    largest = sorted(points, key=lambda name: (-max(value for _, value in points[name]), name))
    return {
        "kind": chart.kind,
        "unit": chart.unit,
        "series": [
            {"name": name, "points": points[name] if chart.kind == "bar" else sorted(points[name])}
            for name in largest[:SHOWN_SERIES]
        ],
        "leftOut": len(largest) - len(largest[:SHOWN_SERIES]),
    }
