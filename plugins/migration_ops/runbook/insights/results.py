"""Finding, table and chart of a query's answer. Makes no calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from migration_ops.core.finding import CheckResult, Finding, FindingStatus
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.insights.kinds import finding_kind
from migration_ops.runbook.insights.query import Chart, Query
from migration_ops.runbook.insights.run import COMPLETE, LINE_TIME

POINTER = "@ptr"
SHOWN_ROWS = 200
SHOWN_SERIES = 8
SHOWN_EVIDENCE = 10
Row = Mapping[str, str]


def finding_of(
    query: Query, answer: Mapping[str, Any], limits: Thresholds, left_out: Iterable[str] = (), asked: str = ""
) -> Finding:
    """
    OK: the query was answered for all log groups, whatever the answer. WARNING: a row is above the query's limit.

    UNKNOWN: the query was not answered, or not for all log groups, or the answer may be cut (it has as many rows as the
    query allows).

    :param answer: of ``run.results`` or ``run.results_of_all``.
    :param left_out: log groups that were not queried.
    :param asked: the time range, for the reason.
    """
    others = list(left_out)
    if answer["status"] != COMPLETE:
        return unanswered(query, f"the query ended {answer['status']}")
    statistics, rows = answer["statistics"], answer["rows"]
    matched, scanned = (_count(statistics, name) for name in ("recordsMatched", "recordsScanned"))
    said = f"{len(rows)} rows; {matched} of {scanned} lines matched{asked and ', '}{asked}"
    limit = query.limit.of(limits) if query.limit else None
    beyond = tuple(row for row in rows if limit is not None and _beyond(query, row, limit))
    if beyond:
        said = f"{len(beyond)} of {said}: {query.limit and query.limit.column} beyond {limit:g}"
    verdict = FindingStatus.WARNING if beyond else FindingStatus.OK
    if others:
        verdict = FindingStatus.UNKNOWN
        said += f"; {len(others)} log groups were not queried: {', '.join(others[:5])}"
    if any(number >= query.row_limit for number in answer.get("parts", [len(rows)])):
        verdict = FindingStatus.UNKNOWN
        said += f"; the answer was cut at {query.row_limit} rows"
    return _finding(query, verdict, said, len(rows), beyond[:SHOWN_EVIDENCE])


def _beyond(query: Query, row: Row, limit: float) -> bool:
    return query.limit is not None and float(row[query.limit.column]) > limit


def unanswered(query: Query, reason: str) -> Finding:
    """UNKNOWN: the query was not answered."""
    return _finding(query, FindingStatus.UNKNOWN, reason)


def _count(statistics: Mapping[str, Any], name: str) -> str:
    return f"{statistics[name]:g}" if name in statistics else "?"


def _finding(
    query: Query, verdict: FindingStatus, reason: str, rows: int | None = None, evidence: tuple[Any, ...] = ()
) -> Finding:
    judged = CheckResult(verdict, reason, rows, evidence=evidence)
    return finding_kind(query).finding(query.name, judged)


def table_of(query: Query, rows: list[Row]) -> dict[str, Any]:
    """The rows as a table of the report, with its chart; columns in the order in which the answer names them.

    Of many log lines the last are shown. Of other rows the first are shown: the query sorts the important ones first.
    """
    are_lines = bool(rows) and all(LINE_TIME in row for row in rows)
    shown = rows[-SHOWN_ROWS:] if are_lines else rows[:SHOWN_ROWS]
    which = "last" if are_lines else "first"
    head = list(dict.fromkeys(name for row in rows for name in row if name != POINTER))
    title = query.title if len(rows) <= SHOWN_ROWS else f"{query.title} (the {which} {SHOWN_ROWS} of {len(rows)} rows)"
    table: dict[str, Any] = {
        "title": title,
        "head": head or ["Result"],
        "rows": [[row.get(name) for name in head] for row in shown] or [["no lines matched"]],
    }
    chart = chart_of(query.chart, rows) if query.chart else None
    return table | ({"chart": chart} if chart else {})


def chart_of(chart: Chart, rows: list[Row]) -> dict[str, Any] | None:
    """A chart for ``charts``; None when there is nothing to draw. Only the largest series are drawn."""
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
