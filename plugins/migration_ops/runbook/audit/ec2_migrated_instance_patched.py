"""Systems Manager scanned a migrated server lately and misses no patch on it."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds


def judge(instance: Facts, estate: Facts, limits: Thresholds) -> Judgement:
    state = estate.at("patch_compliance.servers").maybe(instance["name"])
    if state is None:
        return warning("Systems Manager has never looked for patches on it")
    limit = limits.audit.max_patch_scan_age_days
    if state["status"] == "NON_COMPLIANT":
        missing = state["missing"]
        return critical(f"{missing} patches are missing, the worst {state.maybe('severity')}", value=missing, limit=0)
    if state["status"] != "COMPLIANT":
        return unknown(f"Systems Manager calls it {state['status']}")
    if state["ageDays"] > limit:
        return warning(f"the last look for patches is {state['ageDays']:.0f} days old, limit {limit}")
    return ok("no patch is missing", value=0, limit=0)
