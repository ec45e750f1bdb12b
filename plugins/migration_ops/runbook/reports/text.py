"""A report as text: Markdown, the run's note, and one HTML page without external files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.core.markdown import code, plain, table
from migration_ops.runbook.checks.expectations import skipped_lines
from migration_ops.runbook.reports.charts import render_chart
from migration_ops.runbook.reports.quantities import number, shown
from migration_ops.runbook.reports.report import Report

TEMPLATE = Path(__file__).with_name("report.html.j2")
MARKS = {
    FindingStatus.CRITICAL: "🔴",
    FindingStatus.UNKNOWN: "❔",
    FindingStatus.WARNING: "🟡",
    FindingStatus.OK: "✅",
}
# OK findings in the Markdown page; HTML and JSON have all.
SHOWN_OK = 40
SPARK_WIDTH, SPARK_HEIGHT = 120, 24


def headline(report: Report) -> str:
    """``2 CRITICAL, 1 UNKNOWN, 0 WARNING, 40 OK``."""
    return ", ".join(f"{count} {verdict}" for verdict, count in report.counts.items())


def note(report: Report) -> str:
    """What the run's note shows: the head, what changed, the worst first; of each check one before any second one."""
    bad = _by_turns(one for one in report.findings if one.verdict is not FindingStatus.OK)
    lines = [f"**{plain(report.title)}**: {headline(report)}", *map(plain, report.remarks)]
    lines += [
        f"- {MARKS[one.verdict]} {code(one.resource)} {plain(one.reason)} ({code(one.check_id)})" for one in bad[:8]
    ]
    if len(bad) > 8:
        lines.append(f"- and {len(bad) - 8} more, see the log of the task `report`")
    lines += [f"- {plain(line)}" for line in skipped_lines(report.findings)]
    return "\n".join(lines)


def _by_turns(findings: Iterable[Finding]) -> list[Finding]:
    """Within each verdict the first of every check, then the second ones: many of one check do not hide another."""
    before: Counter[tuple[FindingStatus, str]] = Counter()
    turns: dict[FindingStatus, list[tuple[int, Finding]]] = {}
    for one in findings:
        turns.setdefault(one.verdict, []).append((before[one.verdict, one.check_id], one))
        before[one.verdict, one.check_id] += 1
    return [one for mine in turns.values() for _, one in sorted(mine, key=lambda pair: pair[0])]


def markdown(report: Report) -> str:
    """The whole report; of the OK findings only the first ones."""
    parts = [f"## {MARKS[report.verdict]} {plain(report.title)}: {headline(report)}", _facts(report)]
    if report.changes:
        rows = [[one.kind, *_row(one.finding)[:4], one.before.value if one.before else "-"] for one in report.changes]
        parts += ["### Since the run before", table(("Change", "Verdict", "Check", "Resource", "Seen", "Was"), rows)]
    bad = [one for one in report.findings if one.verdict is not FindingStatus.OK]
    good = [one for one in report.findings if one.verdict is FindingStatus.OK]
    parts += [f"{plain(line)}." for line in skipped_lines(report.findings)]
    head = ("Verdict", "Check", "Resource", "Seen", "Limit", "Why", "What to do")
    if bad:
        parts += ["### To check", table(head, [_row(one) for one in bad])]
    parts += [markdown_table(one) for one in report.extra]
    if good:
        parts += ["### OK", table(head[:6], [_row(one)[:6] for one in good[:SHOWN_OK]])]
    if len(good) > SHOWN_OK:
        parts.append(f"and {len(good) - SHOWN_OK} more that are OK.")
    return "\n\n".join(parts)


def html(report: Report) -> str:
    """One page without external files: it can be mailed, and opens from a bucket."""
    return _template().render(
        report=report,
        window=_window(report),
        has_trend=any(spark(pairs) for pairs in report.trend.values()),
        spark=spark,
        shown=shown,
        drawn=render_chart,
    )


def _window(report: Report) -> str:
    """The window's length: in days from 72 hours on, else in hours."""
    hours = report.window_hours
    return f"{number(hours / 24)} days" if hours >= 72 else f"{number(hours)} h"


@cache
def _template() -> Any:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


def spark(pairs: list[list[Any]] | None) -> dict[str, Any] | None:
    """A line chart's points for SVG: ``{"points", "last", "low", "high"}``; None for fewer than two values."""
    values = [float(value) for _, value in pairs or []]
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = SPARK_WIDTH / (len(values) - 1)
    points = [
        f"{place * step:.1f},{SPARK_HEIGHT - 2 - (value - low) / span * (SPARK_HEIGHT - 4):.1f}"
        for place, value in enumerate(values)
    ]
    return {"points": " ".join(points), "low": number(low), "high": number(high), "last": points[-1].split(",")}


def _facts(report: Report) -> str:
    compared = f"compared with run {code(report.previous_run)}" if report.previous_run else "nothing to compare with"
    facts = f"Window: {_window(report)} until {plain(report.at)}; {compared}."
    return " ".join([facts, *map(plain, report.remarks)])


def _row(one: Finding) -> list[str]:
    seen, limit = shown(one.value, one.unit), shown(one.limit, one.unit)
    verdict = f"{MARKS[one.verdict]} {one.verdict}"
    return [
        verdict,
        code(one.check_id),
        code(one.resource),
        plain(seen),
        plain(limit),
        plain(one.reason),
        plain(one.remedy),
    ]


def markdown_table(extra: dict[str, Any]) -> str:
    """A further table of a report."""
    rows = [[plain(shown(cell)) for cell in row] for row in extra["rows"]]
    return f"### {plain(extra['title'])}\n\n" + table([plain(one) for one in extra["head"]], rows)
