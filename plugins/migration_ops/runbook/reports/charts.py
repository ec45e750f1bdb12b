"""Charts of a report's tables as numbers for SVG: lines over time, or bars. The template only draws."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import floor, log10
from typing import Any

WIDTH, HEIGHT = 900, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 40, 10, 34
# Colours that differ by more than red and green.
COLOURS = ("#0969da", "#bc4c00", "#6b4fa0", "#1a7f37", "#9a6700", "#b3261e", "#0a7d91", "#57606a")
Y_TICKS, X_TICKS = 4, 6
LABEL_CHARACTERS = 24
# How a time is written, by the seconds that a chart spans.
PATTERNS = ((86_400, "%H:%M"), (14 * 86_400, "%m-%d %H:%M"), (float("inf"), "%Y-%m-%d"))

Drawing = dict[str, Any]


def render_chart(chart: Mapping[str, Any] | None) -> Drawing | None:
    """
    What the template draws; None when there is nothing to draw.

    :param chart: ``{"kind": "line"|"bar", "unit", "series": [{"name", "points": [[x, value], ...]}], "leftOut"}``;
        of lines ``x`` is a time as ISO 8601 or as Logs Insights writes it, of bars a label.
    """
    series = [one for one in (chart or {}).get("series", ()) if one["points"]]
    if not chart or not series:
        return None
    top = _ceiling(max(value for one in series for _, value in one["points"]))
    base: Drawing = {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "bottom": HEIGHT - BOTTOM,
        "unit": chart.get("unit", ""),
        "leftOut": chart.get("leftOut", 0),
        "yTicks": [_y_tick(top * part / Y_TICKS, top) for part in range(Y_TICKS + 1)],
        "lines": [],
        "bars": [],
        "xTicks": [],
    }
    return base | (_bars(series[0]["points"], top) if chart["kind"] == "bar" else _lines(series, top))


def _lines(series: list[Mapping[str, Any]], top: float) -> Drawing:
    moments = sorted({_seconds(x) for one in series for x, _ in one["points"]})
    first, span = moments[0], (moments[-1] - moments[0]) or 1.0

    def across(seconds: float) -> float:
        return LEFT + (seconds - first) / span * (WIDTH - LEFT - RIGHT)

    lines = []
    for number, one in enumerate(series):
        places = [(across(_seconds(x)), _down(value, top)) for x, value in sorted(one["points"])]
        lines.append(
            {
                "name": one["name"],
                "colour": COLOURS[number % len(COLOURS)],
                "points": " ".join(f"{x:.1f},{y:.1f}" for x, y in places),
                "dots": [{"x": round(x, 1), "y": round(y, 1)} for x, y in places],
            }
        )
    pattern = next(one for most, one in PATTERNS if span <= most)
    marks = [first + span * part / (X_TICKS - 1) for part in range(X_TICKS)] if len(moments) > 1 else moments
    ticks = [{"x": round(across(at), 1), "text": datetime.fromtimestamp(at, UTC).strftime(pattern)} for at in marks]
    return {"lines": lines, "xTicks": ticks}


def _bars(points: list[list[Any]], top: float) -> Drawing:
    room = (WIDTH - LEFT - RIGHT) / len(points)
    bars: list[Drawing] = [
        {
            "x": round(LEFT + room * number + room * 0.1, 1),
            "y": round(_down(value, top), 1),
            "width": round(min(room * 0.8, 80), 1),
            "height": round(HEIGHT - BOTTOM - _down(value, top), 1),
            "name": f"{label}: {value:g}",
        }
        for number, (label, value) in enumerate(points)
    ]
    ticks = [
        {"x": round(bar["x"] + bar["width"] / 2, 1), "text": str(label)[:LABEL_CHARACTERS]}
        for bar, (label, _) in zip(bars, points, strict=True)
    ]
    return {"bars": bars, "xTicks": ticks if len(points) <= 8 else []}


def _down(value: float, top: float) -> float:
    return TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM)


def _y_tick(value: float, top: float) -> Drawing:
    return {"y": round(_down(value, top), 1), "text": f"{value:g}"}


def _ceiling(value: float) -> float:
    """A round number that is not below the value; 1 for zero and below."""
    if value <= 0:
        return 1.0
    magnitude = 10.0 ** floor(log10(value))
    return next(step * magnitude for step in (1, 2, 4, 5, 8, 10) if step * magnitude >= value)


def _seconds(text: str) -> float:
    """Epoch seconds of a time as ISO 8601, or as ``2026-01-31 12:00:00.000`` (UTC)."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
