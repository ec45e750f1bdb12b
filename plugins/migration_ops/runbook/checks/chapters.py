"""The chapters of the runbook that are lists of checks; each is one DAG, or part of one."""

from __future__ import annotations

from migration_ops.runbook.checks.check import Chapter

# Daily operations: the health check, every two hours.
HEALTH = "health"
# The monthly security audit: what is too open, too old or unencrypted.
AUDIT = "audit"
# The monthly cost review: what grew, and what is left over.
COST = "cost"
# The monthly performance review.
PERFORMANCE = "performance"
# The weekly review: how migrations went, what was spent, how old the packages are.
WEEKLY = "weekly"
# The quarterly capacity plan: growth and quotas.
CAPACITY = "capacity"
# The quarterly security assessment: what it checks beside the audit.
ASSESSMENT = "assessment"

CHAPTERS = {name: Chapter(name) for name in (HEALTH, AUDIT, COST, PERFORMANCE, WEEKLY, CAPACITY, ASSESSMENT)}
