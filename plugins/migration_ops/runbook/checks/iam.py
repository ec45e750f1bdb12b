"""IAM roles: administrators, privilege escalation, unused permissions."""

from __future__ import annotations

from migration_ops.aws.inventory import iam
from migration_ops.aws.policies.conditions import binds_assumption, in_force
from migration_ops.aws.policies.escalation import ASSUME_ROLE, ways_open_to
from migration_ops.aws.policies.role_policies import attached_policies, inline_policies, own_policies
from migration_ops.aws.policies.shedding import permissions_of
from migration_ops.aws.policies.statement_reach import (
    administrators,
    concerns,
    is_administrative,
    on_wide_resources,
    unbounded_changes,
)
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, Route, critical, ok, warning
from migration_ops.core.series import days_between
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import AUDIT
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.verdicts import asked_of, no_administrators, second_opinion

ALL_OF_KMS = "kms:*"
SHOWN = 3
SHOWN_3 = 8
ACTIVE = "ACTIVE"


@check(
    AUDIT,
    about=iam.ROLES,
    route=Route.PAGE,
    title="No inline policy allows everything",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="policies",
    kind="roles",
    severity="critical",
    risk="Whoever assumes the role, or runs code in it, owns the account.",
    remedy=(
        "Attach a policy of what the role has used (Access Analyzer generates it from CloudTrail); delete this one."
    ),
    prowler=("iam_inline_policy_no_administrative_privileges",),
)
def iam_inline_policy_no_administrative_privileges(role: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Inline policies that allow everything."""
    return no_administrators(role, inline_policies(role), "inline")


@check(
    AUDIT,
    about=iam.ROLES,
    route=Route.PAGE,
    title="No attached customer policy allows everything",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="policies",
    kind="roles",
    severity="critical",
    risk=("Whoever assumes the role, or runs code in it, owns the account; the policy may be attached elsewhere too."),
    remedy=(
        "Detach it from the role; attach a policy of what the role has used. Look where else the policy is attached."
    ),
    prowler=("iam_customer_attached_policy_no_administrative_privileges",),
)
def iam_customer_attached_policy_no_administrative_privileges(
    role: Snapshot, _: Snapshot, __: Thresholds
) -> CheckResult:
    """Policies of this account, attached to a role, that allow everything."""
    return no_administrators(role, attached_policies(role, by_aws=False), "attached")


@check(
    AUDIT,
    about=iam.ROLES,
    route=Route.PAGE,
    title="No role has AdministratorAccess",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="policies",
    kind="roles",
    severity="critical",
    risk="Whoever assumes the role, or runs code in it, owns the account.",
    remedy=(
        "Detach AdministratorAccess. Exclude roles that people sign in with by `roles.exclude` in "
        "resources.yaml, once somebody is responsible for them."
    ),
    prowler=("iam_role_administratoraccess_policy",),
)
def iam_role_administratoraccess_policy(role: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """AWS's policies that allow everything: AdministratorAccess."""
    return no_administrators(role, attached_policies(role, by_aws=True), "AWS managed")


@check(
    AUDIT,
    about=iam.ROLES,
    title="No role can give itself more permissions",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="ways",
    kind="roles",
    severity="high",
    risk="With the named permissions the role can get every other permission of the account.",
    remedy=(
        "Narrow the named actions to the resources the role works on (iam:PassRole to named roles, with "
        "iam:PassedToService), or set a permissions boundary that the role cannot remove or change."
    ),
    prowler=(
        "iam_inline_policy_allows_privilege_escalation",
        "iam_policy_allows_privilege_escalation",
    ),
)
def iam_role_no_privilege_escalation(role: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult | None:
    """Skips a role that may do everything without a boundary: the checks of administrative policies judge it."""
    policies = own_policies(role) + attached_policies(role, by_aws=True)
    permissions = permissions_of(role)
    if administrators(policies) and permissions.boundary is None and not permissions.shed:
        return None
    ways = [way.name for way in ways_open_to(permissions)]
    said, granted = second_opinion(asked_of(role, "grantCheck"))
    evidence = (*ways, *((said,) if said else ()))
    if ways:
        also = "" if granted or not said else f"; {said}"
        return critical(f"it can give itself more by {ways[0]}{also}", value=len(ways), limit=0, evidence=evidence)
    if granted:
        return critical(f"{said}; our reading finds no way", value=1, limit=0, evidence=evidence)
    return ok("it cannot give itself more", value=0, evidence=evidence)


@check(
    AUDIT,
    about=iam.ROLES,
    title="No policy allows a role to assume every role",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="policies",
    kind="roles",
    severity="critical",
    risk=("The role can assume every role whose trust policy allows its account, also in other accounts."),
    remedy="Name the roles in the policy's Resource.",
    prowler=("iam_no_custom_policy_permissive_role_assumption",),
)
def iam_policy_no_permissive_role_assumption(role: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """What a Deny or the boundary takes away is not counted; administrators have checks of their own."""
    open_to_all = [
        one
        for one in permissions_of(role).widely_allows(ASSUME_ROLE)
        if not is_administrative(one) and not any(binds_assumption(each) for each in in_force(one.conditions))
    ]
    found = [policy.name for policy in own_policies(role) if any(one in open_to_all for one in policy.statements)]
    if not found:
        return ok("it may assume named roles at most", value=0)
    return critical(
        f"{', '.join(found)} allows {ASSUME_ROLE} on every role", value=len(found), limit=0, evidence=tuple(found)
    )


@check(
    AUDIT,
    about=iam.ROLES,
    title="No policy allows all of KMS",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="policies",
    kind="roles",
    severity="medium",
    risk="The role can decrypt with every key, and schedule the keys for deletion.",
    remedy=("Allow the actions the role needs (kms:Decrypt, kms:GenerateDataKey) on the keys it needs."),
    prowler=(
        "iam_inline_policy_no_full_access_to_kms",
        "iam_policy_no_full_access_to_kms",
    ),
)
def iam_policy_no_full_access_to_kms(role: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Policies that allow all of KMS on all keys."""
    found = [
        policy.name
        for policy in own_policies(role)
        if any(
            one.allows and not is_administrative(one) and concerns(one, ALL_OF_KMS) and on_wide_resources(one)
            for one in policy.statements
        )
    ]
    if not found:
        return ok("no policy allows all of KMS", value=0)
    return warning(
        f"{', '.join(found)} allows {ALL_OF_KMS} on every key", value=len(found), limit=0, evidence=tuple(found)
    )


@check(
    AUDIT,
    about=iam.ROLES,
    title="No policy may change every resource of a service",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="policies",
    kind="roles",
    severity="medium",
    risk=("A fault in the role's code, or an attacker with the role, reaches every resource of the service."),
    remedy="Name the resources, or add a condition on their tags to the statement.",
)
def iam_policy_no_wildcard_resource_on_changes(role: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Policies that may change every resource of a service."""
    permissions = permissions_of(role)
    found = {
        policy.name: sorted(
            {
                action
                for one in policy.statements
                for action in unbounded_changes(one)
                if not permissions.surely_denies(action)
            }
        )
        for policy in own_policies(role)
    }
    bad = {name: actions for name, actions in found.items() if actions}
    if not bad:
        return ok("changes are bound to resources", value=0)
    actions = [one for some in bad.values() for one in some]
    return warning(
        f"{', '.join(bad)} allows {', '.join(actions[:SHOWN])}{' and more' if len(actions) > SHOWN else ''} on *",
        value=len(bad),
        limit=0,
        evidence=tuple(actions),
    )


@check(
    AUDIT,
    about=iam.ROLES,
    title="Roles use their permissions",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="services",
    kind="roles",
    severity="low",
    risk="Permissions that nobody needs help only an attacker.",
    remedy="Remove the named services from the role's policies, after checking yearly jobs.",
)
def iam_role_no_unused_permissions(role: Snapshot, estate: Snapshot, limits: Thresholds) -> CheckResult:
    """A service that was never used counts as unused since the role's creation."""
    now, limit = estate.path("iam.readAt"), limits.audit.max_unused_permission_days
    if days_between(role["createdAt"], now) <= limit:
        return ok(f"made less than {limit} days ago", limit=0)
    services = role["lastAccessed"]["services"]
    unused = sorted(
        one["namespace"] for one in services if days_between(one.optional("lastUsedAt", role["createdAt"]), now) > limit
    )
    if not unused:
        return ok(f"used all {len(services)} services that it may", value=0, limit=0)
    return warning(
        f"has not used {len(unused)} of {len(services)} services for {limit} days: {', '.join(unused[:SHOWN_3])}",
        value=len(unused),
        limit=0,
        evidence=tuple(unused),
    )
