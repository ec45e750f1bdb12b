"""Secrets: rotation, age, use, and who may read them."""

from __future__ import annotations

from migration_ops.aws.inventory import secretsmanager
from migration_ops.aws.policies.statement_reach import concerns
from migration_ops.aws.policies.statements import Statement, foreign_accounts, statements
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, FindingStatus, Route, above, critical, ok, warning
from migration_ops.core.series import days_between
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import AUDIT
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.rotation import cannot_be_changed, trouble
from migration_ops.runbook.checks.verdicts import asked_of, open_to

READ = "secretsmanager:GetSecretValue"
# A Deny with one of these operators exempts the principals in its values.
NEGATED = ("stringnotequals", "stringnotlike", "arnnotequals", "arnnotlike")
WHO = frozenset({"aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:userid"})


@check(
    AUDIT,
    about=secretsmanager.SECRETS,
    title="Secrets rotate by themselves",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="secrets",
    severity="medium",
    risk=("A leaked secret stays valid until somebody changes it; when rotation fails, the password expires some day."),
    remedy=(
        "Where rotation is on, look at the log of its rotation function, then rotate at once. Otherwise "
        "configure rotation of the secret. Where the other system cannot rotate, change the secret by hand "
        "on fixed dates, and exclude it in resources.yaml."
    ),
    prowler=("secretsmanager_automatic_rotation_enabled",),
)
def secretsmanager_secret_automatic_rotation(secret: Snapshot, estate: Snapshot, _: Thresholds) -> CheckResult | None:
    """Skips a secret that a service owns and does not rotate; one that it rotates is judged like any other."""
    home = secret.optional("primaryRegion")
    if home:
        return ok(f"is a replica: rotates in {home}")
    if not secret["rotates"]:
        return None if cannot_be_changed(secret) else warning("has no rotation", value=False, limit=True)
    wrong = trouble(secret, estate.path("secretsmanager.readAt"))
    if wrong:
        return critical(wrong, value=False, limit=True)
    when = secret.optional("schedule") or f"every {secret.optional('everyDays', '?')} days"
    return ok(f"rotates {when}", value=True)


@check(
    AUDIT,
    about=secretsmanager.SECRETS,
    title="Secrets were rotated lately",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="days",
    kind="secrets",
    severity="medium",
    risk="A leaked secret stays valid for long; or its rotation fails silently.",
    remedy="Rotate it now. Where rotation is on, look at the log of its rotation function.",
    prowler=("secretsmanager_secret_rotated_periodically",),
)
def secretsmanager_secret_rotated_periodically(
    secret: Snapshot, estate: Snapshot, limits: Thresholds
) -> CheckResult | None:
    """
    The age of a secret that was never rotated counts from its creation.

    Does not apply to a secret that a service owns and does not rotate, nor to a replica without a rotation date: it is
    judged in its primary Region.
    """
    if cannot_be_changed(secret) and not secret["rotates"]:
        return None
    if secret.optional("primaryRegion") and not secret.optional("rotatedAt"):
        return None
    limit = limits.audit.max_secret_age_days
    age = days_between(secret.optional("rotatedAt") or secret["createdAt"], estate.path("secretsmanager.readAt"))
    return above(age, limit, "since it was rotated or made", FindingStatus.WARNING)


@check(
    AUDIT,
    about=secretsmanager.SECRETS,
    title="Secrets are used",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="days",
    kind="secrets",
    severity="medium",
    risk="A secret that nobody uses or watches still gives access.",
    remedy="Revoke the access it gives, then delete the secret with a recovery window.",
    prowler=("secretsmanager_secret_unused",),
)
def secretsmanager_secret_unused(secret: Snapshot, estate: Snapshot, limits: Thresholds) -> CheckResult | None:
    """
    AWS names the day of the last read; a secret that was never read counts from its creation.

    Does not apply to a secret that a service owns: the service deletes it.
    """
    if cannot_be_changed(secret):
        return None
    limit = limits.audit.max_unused_secret_days
    unused = days_between(secret.optional("accessedAt") or secret["createdAt"], estate.path("secretsmanager.readAt"))
    return above(unused, limit, "since it was read or made", FindingStatus.WARNING)


@check(
    AUDIT,
    about=secretsmanager.SECRETS,
    route=Route.PAGE,
    title="No secret is open to everybody",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="statements",
    kind="secrets",
    severity="critical",
    risk="Everybody with an AWS account can read the secret.",
    remedy=("Name the principals in the resource policy, rotate the secret now, and look in CloudTrail who read it."),
    prowler=("secretsmanager_not_publicly_accessible",),
)
def secretsmanager_secret_not_publicly_accessible(secret: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Secrets whose policy allows everybody."""
    policy = secret["policy"]
    document = policy.optional("document")
    return open_to([("", document)], asked_of(policy, "accessCheck")) if document else ok("has no resource policy")


@check(
    AUDIT,
    about=secretsmanager.SECRETS,
    title="Secrets deny everybody who is not named",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="secrets",
    severity="medium",
    risk="Any IAM policy, and any mistake of an administrator, can give access to the secret.",
    remedy=(
        "Add a resource policy that denies everybody except the roles that need it (Deny with "
        "StringNotEquals on aws:PrincipalArn or aws:PrincipalAccount)."
    ),
    prowler=("secretsmanager_has_restrictive_resource_policy",),
)
def secretsmanager_secret_restrictive_resource_policy(
    secret: Snapshot, _: Snapshot, __: Thresholds
) -> CheckResult | None:
    """Does not apply to a secret that a service owns: only the service sets its policy."""
    if cannot_be_changed(secret):
        return None
    policy = secret["policy"].optional("document")
    if not policy:
        return warning("has no resource policy", value=False, limit=True)
    if not any(_keeps_out(one) for one in statements(policy)):
        return warning("its policy denies nobody: whoever IAM allows can read it", value=False, limit=True)
    strangers = sorted(foreign_accounts(policy, {secret["accountId"]}))
    if strangers:
        return warning(f"its policy allows other accounts: {', '.join(strangers)}", value=False, limit=True)
    return ok("its policy denies everybody who is not named", value=True)


def _keeps_out(statement: Statement) -> bool:
    return (
        not statement.allows
        and statement.names_everybody
        and concerns(statement, READ)
        and any(
            one.operator.lower().startswith(NEGATED) and one.key in WHO and "*" not in one.values
            for one in statement.conditions
        )
    )
