"""Keys: rotation, deletion, who may use them."""

from __future__ import annotations

from migration_ops.aws.inventory import kms
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, Route, critical, ok, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import AUDIT
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.verdicts import asked_of, open_to

PENDING = frozenset({"PendingDeletion", "PendingReplicaDeletion"})


@check(
    AUDIT,
    about=kms.KEYS,
    title="Keys rotate",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="keys",
    severity="medium",
    risk="All data ever encrypted depends on one key material.",
    remedy="Enable automatic rotation of the key (for a multi-Region key on its primary).",
    prowler=("kms_cmk_rotation_enabled",),
)
def kms_key_rotation_enabled(key: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult | None:
    """Keys that KMS could rotate, and does not."""
    rotation = key["rotation"]
    if not rotation["applies"]:
        return ok(f"does not apply: {rotation['why']}")
    return ok("rotates", value=True) if rotation["enabled"] else warning("does not rotate", value=False, limit=True)


@check(
    AUDIT,
    about=kms.KEYS,
    title="No key is scheduled for deletion",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="keys",
    severity="critical",
    risk="Once the key is deleted, nothing that it encrypted can ever be read again.",
    remedy=(
        "Cancel the deletion (CancelKeyDeletion), unless somebody shows that nothing is encrypted with it any more."
    ),
    prowler=("kms_cmk_not_deleted_unintentionally",),
)
def kms_key_not_pending_deletion(key: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Keys that are scheduled for deletion."""
    state = key["state"]
    if state not in PENDING:
        return ok(f"is {state}", value=state)
    # A primary key that waits for its replicas has no date yet.
    when = key.optional("deletionAt", "once its replicas are")
    return critical(f"is deleted {when}", value=state)


@check(
    AUDIT,
    about=kms.KEYS,
    route=Route.PAGE,
    title="No key is open to everybody",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="statements",
    kind="keys",
    severity="critical",
    risk="Everybody can decrypt with the key, as far as the policy allows.",
    remedy=("Name the principals in the key policy, or bind the statement to kms:CallerAccount or aws:PrincipalOrgID."),
    prowler=("kms_key_not_publicly_accessible",),
)
def kms_key_not_publicly_accessible(key: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Keys whose policy allows everybody."""
    return open_to([("", key["policy"])], asked_of(key, "accessCheck"))
