"""Topics: encryption, and who may publish."""

from __future__ import annotations

from migration_ops.aws.inventory import sns
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, ok, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import AUDIT
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.verdicts import all_asked_of, open_to


@check(
    AUDIT,
    about=sns.TOPICS,
    title="Topics that are encrypted",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="topics",
    severity="medium",
    risk="Alarms quote servers and errors; undelivered messages would be stored unencrypted.",
    remedy=(
        "Set KmsMasterKeyId of the topic to a key of our own: EventBridge and alarms cannot use the AWS managed key."
    ),
    prowler=("sns_topics_kms_encryption_at_rest_enabled",),
)
def sns_topic_encrypted(topic: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """The messages of a topic are encrypted at rest."""
    key = topic.optional("keyId")
    return ok(f"with key {key}") if key else warning("messages are not encrypted at rest")


@check(
    AUDIT,
    about=sns.TOPICS,
    title="Topics that everybody may use",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="topics",
    severity="high",
    risk="Anybody can page on-call, or subscribe and read the messages.",
    remedy="Name the principals in the topic's policy, or bind it with aws:SourceAccount.",
    prowler=("sns_topics_not_publicly_accessible",),
)
def sns_topic_not_public(topic: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """No policy of a topic allows everybody."""
    return open_to([("", one) for one in topic["policies"]], all_asked_of(topic))
