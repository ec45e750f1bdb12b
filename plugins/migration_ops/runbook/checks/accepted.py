"""Accepted findings that end soon, or match nothing."""

from __future__ import annotations

from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, ok, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook import acceptances
from migration_ops.runbook.checks.chapters import WEEKLY
from migration_ops.runbook.checks.check import check


@check(
    WEEKLY,
    about=acceptances.ENTRIES,
    title="Accepted findings that end soon",
    section="Maintenance Tasks, Weekly 1. Review CloudWatch Dashboards",
    unit="days",
    empty="ok",
    risk=("An acceptance that ends unnoticed turns a run red; one that matches no check looks like a decision."),
    remedy=("Fix the finding, or decide again: change the entry in include/config/accepted.yaml, or remove it."),
)
def accepted_findings_near_end(entry: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Acceptances that end soon, have ended, or name no check."""
    left, limit = entry["daysLeft"], limits.weekly.acceptance_end_warning_days
    seen = {"value": left, "limit": limit, "evidence": (entry["ticket"], entry["reason"])}
    if not entry["isKnown"]:
        return warning("no check of this package has this id: it accepts another scanner's finding, or nothing", **seen)
    if left < 0:
        return warning(f"it ended on {entry['until']} ({entry['who']})", **seen)
    if left <= limit:
        return warning(f"it ends on {entry['until']} ({entry['who']}): the finding is red again after it", **seen)
    return ok(f"until {entry['until']} by {entry['who']}", **seen)
