"""Sums and worst days of what CloudWatch answered. No data points mean that nothing happened; a failed read raises."""

from __future__ import annotations

from migration_ops.runbook.facts import Facts


def total(series: Facts) -> float:
    return float(sum(series["values"]))


def worst_day(series: Facts) -> float | None:
    """The largest value of a day; None when there is none."""
    values = series["values"]
    return float(max(values)) if values else None
