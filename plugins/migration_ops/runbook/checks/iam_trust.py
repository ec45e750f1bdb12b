"""Who may become a role: its trust policy."""

from __future__ import annotations

from migration_ops.aws.inventory import iam
from migration_ops.aws.policies.trust import deputies, open_doors
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, Route, critical, ok
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import AUDIT
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.verdicts import asked_of, second_opinion

ACTIVE = "ACTIVE"


@check(
    AUDIT,
    about=iam.ROLES,
    route=Route.PAGE,
    title="Nobody from outside takes on a role unasked",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="principals",
    kind="roles",
    severity="critical",
    risk="The role can be taken on by people who have nothing to do with us.",
    remedy=(
        "Name the principals; ask other accounts for sts:ExternalId, everybody for aws:PrincipalOrgID, "
        "identity providers for the subject (sub) with your organization's whole name in it, Cognito for "
        "the pool (aud), SAML for SAML:aud."
    ),
)
def iam_role_trust_not_permissive(role: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Roles that people from outside can take on."""
    found = open_doors(role["trust"], role["accountId"])
    said, public = second_opinion(asked_of(role, "trustCheck"))
    evidence = (*found, *((said,) if said else ()))
    if not found and public:
        return critical(f"{said}; our reading finds nobody", value=1, limit=0, evidence=evidence)
    if not found:
        return ok("only who is named or tied to us may take it on", value=0, evidence=evidence)
    return critical(
        f"may be taken on without a condition by {', '.join(found)}",
        value=len(found),
        limit=0,
        evidence=evidence,
    )


@check(
    AUDIT,
    about=iam.ROLES,
    title="Services take on a role on our behalf only",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="services",
    kind="roles",
    severity="high",
    risk=("Somebody of another account can have the service act with our role on their behalf."),
    remedy="Add a condition on aws:SourceAccount (better aws:SourceArn) to the trust policy.",
    prowler=("iam_role_cross_service_confused_deputy_prevention",),
)
def iam_role_cross_service_confused_deputy_prevention(role: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Services that take on a role for whoever asks them."""
    found = deputies(role["trust"])
    if not found:
        return ok("services take it on for this account only", value=0)
    return critical(
        f"{', '.join(found)} may take it on for any account", value=len(found), limit=0, evidence=tuple(found)
    )
