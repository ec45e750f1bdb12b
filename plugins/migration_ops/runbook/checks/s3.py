"""Buckets: versions, public access, encryption, TLS."""

from __future__ import annotations

from migration_ops.aws.inventory import s3
from migration_ops.aws.policies.exposure import BLOCK_PARTS, ENFORCED, is_blocked, public_grants
from migration_ops.aws.policies.statements import Statement, statements
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, FindingStatus, Route, critical, ok, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import AUDIT
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.verdicts import all_asked_of, open_to


@check(
    AUDIT,
    about=s3.BUCKETS,
    title="Buckets with versioning",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="buckets",
    severity="medium",
    risk="Evidence, reports and backups could be overwritten or deleted without a trace.",
    remedy="Enable versioning, with a lifecycle rule for old versions.",
    prowler=("s3_bucket_object_versioning",),
)
def s3_bucket_versioned(bucket: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """A bucket keeps the versions of its objects."""
    state = bucket["versioning"]
    return ok("", value=state) if state == "Enabled" else warning("it is off", value=state, limit="Enabled")


@check(
    AUDIT,
    about=s3.BUCKETS,
    title="Buckets with a public access block",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="of 4 parts",
    kind="buckets",
    severity="medium",
    risk="One wrong policy or ACL would publish the bucket.",
    remedy="Set all four members of the bucket's public access block, or of the account's.",
    prowler=("s3_bucket_level_public_access_block",),
)
def s3_bucket_public_access_block(bucket: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """All four parts of the public access block are on: of the bucket, or of its account."""
    own, total = bucket.optional("publicAccessBlock"), len(BLOCK_PARTS)
    open_here = [name for name in BLOCK_PARTS if not is_blocked(name, own)]
    if not open_here:
        return ok("", value=total, limit=total)
    account = bucket.optional("accountPublicAccessBlock")
    off = [name for name in open_here if not is_blocked(name, account)]
    if off:
        return warning(f"off: {', '.join(off)}", value=total - len(off), limit=total)
    return ok("by the account's block", value=total, limit=total)


@check(
    AUDIT,
    about=s3.BUCKETS,
    title="Buckets with default encryption",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="buckets",
    severity="medium",
    risk="Without a rule of the bucket, each writer decides how its objects are encrypted.",
    remedy="Set the bucket's default encryption to SSE-KMS or SSE-S3.",
    prowler=("s3_bucket_default_encryption",),
)
def s3_bucket_encrypted(bucket: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """A bucket has a rule for default encryption."""
    algorithms = bucket.optional("encryption")
    return ok("", value=", ".join(algorithms)) if algorithms else warning("there is no rule")


@check(
    AUDIT,
    about=s3.BUCKETS,
    title="Buckets that refuse plain HTTP",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="buckets",
    severity="medium",
    risk=("A wrongly configured client would send evidence and signatures over the network in plain text."),
    remedy=("Deny s3:* on bucket and objects where aws:SecureTransport is false, for everybody."),
    prowler=("s3_bucket_secure_transport_policy",),
)
def s3_bucket_tls_only(bucket: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """A bucket's policy denies everybody requests without TLS."""
    said = [one for policy in bucket["policies"] for one in statements(policy)]
    if any(_refuses_plain(one, bucket["name"]) for one in said):
        return ok()
    return warning("no statement denies everybody requests without TLS")


def _refuses_plain(statement: Statement, bucket: str) -> bool:
    """Whether it denies everybody all actions on bucket and objects, with no other condition."""
    asked = [(one.operator.lower(), one.key, one.values) for one in statement.conditions]
    covered = {one.split(":::", 1)[-1] for one in statement.resources}
    return (
        not statement.allows
        and any(one.value == "*" for one in statement.principals)
        and bool({"s3:*", "*"}.intersection(statement.actions))
        and ("*" in covered or {bucket, f"{bucket}/*"} <= covered)
        and asked == [("bool", "aws:securetransport", ("false",))]
    )


@check(
    AUDIT,
    about=s3.BUCKETS,
    route=Route.PAGE,
    title="Buckets that everybody may access",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="buckets",
    severity="critical",
    risk="Anybody can read the evidence, or write false evidence.",
    remedy=(
        "Name the principals in the bucket's policy, and set its ObjectOwnership to BucketOwnerEnforced "
        "so that ACLs do not count. The public access block alone does not suffice: it can be switched off."
    ),
    prowler=(
        "s3_bucket_public_access",
        "s3_bucket_policy_public_write_access",
    ),
)
def s3_bucket_not_public(bucket: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Judges the policy first: what it allows is public, even when ACL or block could not be read."""
    by_policy = open_to([("", one) for one in bucket["policies"]], all_asked_of(bucket))
    if by_policy.verdict is FindingStatus.CRITICAL:
        by_policy = _held_back(bucket, by_policy)
    if by_policy.verdict is FindingStatus.CRITICAL:
        return by_policy
    return _by_acl(bucket) or by_policy


def _held_back(bucket: Snapshot, found: CheckResult) -> CheckResult:
    """A WARNING where the public access block of bucket or account keeps everybody out."""
    if not _is_on(bucket, "RestrictPublicBuckets"):
        return found
    reason = f"{found.reason}; only the public access block holds it back"
    return warning(reason, value=found.value, evidence=found.evidence)


def _by_acl(bucket: Snapshot) -> CheckResult | None:
    found = tuple(public_grants(bucket["acl"]))
    if not found or bucket.optional("ownership") == ENFORCED:
        return None
    reason = f"everybody is allowed {'; '.join(found)}"
    if _is_on(bucket, "IgnorePublicAcls"):
        return warning(f"{reason}; only the public access block holds it back", value="everybody", evidence=found)
    return critical(reason, value="everybody", evidence=found)


def _is_on(bucket: Snapshot, part: str) -> bool:
    """
    Whether this part of the public access block is on, of the bucket or of the account.

    :raises NotReadError: it is not on for the bucket, and the account's could not be read.
    """
    own = bucket.optional("publicAccessBlock")
    return is_blocked(part, own) or is_blocked(part, bucket.optional("accountPublicAccessBlock"))
