"""What a person must still set: contacts, subscriptions, and limits that depend on the installation."""

from __future__ import annotations

from migration_ops.core.config import RunbookConfig

NOBODY = frozenset({"", "-"})


def to_set(config: RunbookConfig) -> list[str]:
    """
    One line each, with the value that holds until somebody changes it. None of them stops the deployment.

    Limits are one question that is always asked: this package cannot know whether they fit the installation.
    """
    resources, limits = config.resources, config.thresholds
    contacts = [
        f"on_call.yaml: contact {one.role} has no name" for one in config.on_call.contacts if one.name in NOBODY
    ]
    topics = [
        f"subscribe people to the topic {topic} ({what}): until then it reaches nobody"
        for topic, what in ((resources.on_call_topic, "pages"), (resources.warnings_topic, "warnings"))
    ]
    values = [
        ("migrations.maxLagSeconds", limits.migrations.max_lag_seconds, "replication lag that is still acceptable"),
        ("queues.maxInFlight", limits.queues.max_in_flight, "messages that consumers work on at once"),
        ("cost.minAmount", limits.cost.min_amount, "a month, in the account's currency, from which growth is reported"),
        ("backup.rtoMinutes", limits.backup.rto_minutes, "how long a restore may take"),
        ("backup.rpoMinutes", limits.backup.rpo_minutes, "how much may be lost"),
        ("backup.retentionDays", limits.backup.retention_days, "how long backups are kept"),
    ]
    shown = "; ".join(f"{name} {value} ({what})" for name, value, what in values)
    question = f"Do these limits fit this installation? {shown}. Change them in thresholds.yaml."
    return [*contacts, *topics, question]
