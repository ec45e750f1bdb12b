"""Who may assume a role: its trust policy."""

from __future__ import annotations

from migration_ops.aws.inventory import iam
from migration_ops.aws.policies.trust import deputies, for_strangers, open_doors
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, Route, critical, ok, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import AUDIT
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.verdicts import asked_of, second_opinion

ACTIVE = "ACTIVE"


@check(
    AUDIT,
    about=iam.ROLES,
    route=Route.PAGE,
    title="Nobody from outside can assume a role without a condition",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="principals",
    kind="roles",
    severity="critical",
    risk="People outside of our organization can assume the role.",
    remedy=(
        "Name the principals, and add conditions: sts:ExternalId for other accounts, aws:PrincipalOrgID for "
        "everybody (*), the subject (sub) with your organization's full name for identity providers, the pool "
        "(aud) for Cognito, SAML:aud for SAML."
    ),
)
def iam_role_trust_not_permissive(role: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Roles that people from outside can assume."""
    found = open_doors(role["trust"], role["accountId"])
    said, public = second_opinion(asked_of(role, "trustCheck"))
    evidence = (*found, *((said,) if said else ()))
    if not found and public:
        return critical(f"{said}; our reading finds nobody", value=1, limit=0, evidence=evidence)
    if not found:
        return ok("only named principals, or those bound to us, may assume it", value=0, evidence=evidence)
    return critical(
        f"may be assumed without a condition by {', '.join(found)}",
        value=len(found),
        limit=0,
        evidence=evidence,
    )


@check(
    AUDIT,
    about=iam.ROLES,
    title="Services assume a role on our behalf only",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="services",
    kind="roles",
    severity="high",
    risk=("Another account can make the service act with our role."),
    remedy="Add a condition on aws:SourceAccount (better aws:SourceArn) to the trust policy.",
    prowler=("iam_role_cross_service_confused_deputy_prevention",),
)
def iam_role_cross_service_confused_deputy_prevention(role: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Services that may assume a role on behalf of any account."""
    found = deputies(role["trust"])
    strangers = for_strangers(role["trust"], role["accountId"])
    if not found and strangers:
        return warning(f"other accounts are named: {'; '.join(strangers)}", value=len(strangers), limit=0)
    if not found:
        return ok("services assume it for this account only", value=0)
    return critical(
        f"{', '.join(found)} may assume it for any account", value=len(found), limit=0, evidence=tuple(found)
    )
