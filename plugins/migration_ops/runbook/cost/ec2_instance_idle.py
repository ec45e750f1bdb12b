"""Instances whose busiest day was idle."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds


def judge(instance: Facts, _: Facts, limits: Thresholds) -> Judgement:
    days, most = limits.cost.idle_days, limits.cost.max_idle_cpu_percent
    if instance["ageHours"] < days * 24:
        return ok(f"runs since {instance['ageHours'] / 24:.1f} days: too short to call it idle", limit=most)
    means = instance["cpu"]["values"]
    # CloudWatch has a value for every day on which it ran.
    if len(means) < days / 2:
        return unknown(f"it runs, and CloudWatch has its CPU of {len(means)} of {days} days")
    busiest = round(max(means), 2)
    said = f"{instance['type']}: {busiest:g} % CPU on its busiest day of {days}"
    return (warning if busiest <= most else ok)(said, value=busiest, limit=most)
