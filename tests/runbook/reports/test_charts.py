"""Charts as numbers for SVG, and as they stand in the page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migration_ops.core.finding import Finding, FindingVerdict
from migration_ops.runbook.reports.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, drawn
from migration_ops.runbook.reports.report import Report
from migration_ops.runbook.reports.text import html, markdown


def lines(*points: tuple[str, float], name: str = "a") -> dict[str, Any]:
    return {"kind": "line", "unit": "s", "series": [{"name": name, "points": [list(one) for one in points]}]}


@pytest.mark.parametrize("chart", [None, {}, {"kind": "line", "series": []}, lines()])
def test_nothing_is_drawn_of_nothing(chart: Any) -> None:
    assert drawn(chart) is None


def test_a_line_goes_from_edge_to_edge() -> None:
    found = drawn(lines(("2026-01-01 00:00:00.000", 0), ("2026-01-01 01:00:00.000", 400), name="mig-1"))
    assert found
    first, last = found["lines"][0]["dots"]
    assert first == {"x": LEFT, "y": HEIGHT - BOTTOM}
    assert last == {"x": WIDTH - RIGHT, "y": TOP}
    assert [one["text"] for one in found["yTicks"]] == ["0", "100", "200", "300", "400"]
    assert [one["text"] for one in found["xTicks"]] == ["00:00", "00:12", "00:24", "00:36", "00:48", "01:00"]


def test_both_ways_to_write_a_time_are_one_time() -> None:
    iso = drawn(lines(("2026-01-01T00:00:00Z", 1), ("2026-01-01T01:00:00+00:00", 2)))
    assert iso == drawn(lines(("2026-01-01 00:00:00.000", 1), ("2026-01-01 01:00:00.000", 2)))


@pytest.mark.parametrize("value", [0, 0.03, 0.4, 1, 7, 99, 101, 45_000, -3])
def test_every_value_stays_within_the_picture(value: float) -> None:
    found = drawn(lines(("2026-01-01 00:00:00.000", value)))
    assert found
    assert float(found["yTicks"][-1]["text"]) >= value
    if value >= 0:
        assert TOP <= found["lines"][0]["dots"][0]["y"] <= HEIGHT - BOTTOM


def test_bars_stand_on_the_ground() -> None:
    found = drawn({"kind": "bar", "unit": "", "series": [{"name": "", "points": [["A", 2], ["B", 1]]}]})
    assert found
    assert [one["y"] + one["height"] for one in found["bars"]] == [HEIGHT - BOTTOM] * 2
    assert found["bars"][0]["height"] == 2 * found["bars"][1]["height"]
    assert [one["text"] for one in found["xTicks"]] == ["A", "B"]


def test_the_page_has_the_chart_and_escapes_names() -> None:
    table = {
        "title": "Lag",
        "head": ["x"],
        "rows": [["1"]],
        "chart": lines(("2026-01-01 00:00:00.000", 1), ("2026-01-01 01:00:00.000", 2), name="<script>"),
    }
    plain = {"title": "Plain", "head": ["x"], "rows": [["1"]]}
    finding = Finding("check", "thing", FindingVerdict.OK)
    report = Report("dag", "run", "Title", "2026-01-01T02:00:00Z", 1, (finding,), extra=(table, plain))
    page = html(report)
    assert page.count("<svg viewBox") == 1
    assert "<polyline" in page
    assert "<script>" not in page
    assert "### Lag" in markdown(report)


@pytest.mark.parametrize(("days", "text"), [(1, "00:00"), (3, "01-04 00:00"), (120, "2026-05-01")])
def test_a_long_span_needs_no_hours(days: int, text: str) -> None:
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    points = [[begun.isoformat(), 1], [(begun + timedelta(days=days)).isoformat(), 2]]
    drawing = drawn({"kind": "line", "series": [{"name": "a", "points": points}]})
    assert drawing is not None
    assert drawing["xTicks"][-1]["text"] == text
