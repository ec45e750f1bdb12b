"""External access that IAM Access Analyzer found."""

from __future__ import annotations

from migration_ops.aws.inventory import iam_access_analyzer
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, ok, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import AUDIT
from migration_ops.runbook.checks.check import check

ACTIVE = "ACTIVE"
EVIDENCE = 20


@check(
    AUDIT,
    about=iam_access_analyzer.REGIONS,
    title="Access Analyzer is active and finds no external access",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="findings",
    severity="medium",
    risk="External access goes unnoticed, or nobody has decided about it.",
    remedy=(
        "Create an analyzer of external access where there is none. Close the access that a finding "
        "names; archive the finding when the access is intended."
    ),
    prowler=("accessanalyzer_enabled_without_findings",),
)
def accessanalyzer_enabled_without_findings(region: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """
    Archived findings are decided, and not counted.

    :raises NotReadError: analyzers or findings could not be read, or its policy checks were refused.
    """
    looking = [one for one in region["analyzers"] if one["status"] == ACTIVE]
    if not looking:
        return warning("no analyzer of external access is active in this Region")
    found = [each for one in looking for each in one["findings"]]
    if not found:
        unavailable = [why for one in _policy_checks(region) if (why := one.optional("unavailable"))]
        return ok("no active findings", value=0, limit=0, evidence=tuple(unavailable[:1]))
    shown = [f"{one['type']} {one.optional('resource', one['id'])}" for one in found]
    return warning(
        f"{len(found)} active findings of external access, for example {shown[0]}",
        value=len(found),
        limit=0,
        evidence=tuple(shown[:EVIDENCE]),
    )


def _policy_checks(region: Snapshot) -> list[Snapshot]:
    checks = region.optional("policyChecks", {})
    return [checks[name] for name in checks]
