"""Accepted findings (``accepted.yaml``): who decided, until when, and whether the check exists."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.listing import Listing
from migration_ops.runbook.checks.check import REGISTRY, load

# Prefixes of findings that come from no check: alarms, queries, backups, drills.
OTHER_FINDINGS = ("alarm_", "insights_", "backup_", "drill_")


def read(reader: AwsReader) -> dict[str, Any]:
    """``entries``: ``name, who, ticket, reason, until, daysLeft`` (negative: it has ended), ``isKnown``."""
    today = reader.now.date()
    known = _check_ids()
    return {
        "entries": [
            {
                "name": one.name,
                "who": one.who,
                "ticket": one.ticket,
                "reason": one.reason,
                "until": one.until.isoformat(),
                "daysLeft": (one.until - today).days,
                "isKnown": one.check in known or one.check.startswith(OTHER_FINDINGS),
            }
            for one in reader.config.accepted.accepted
        ]
    }


def _check_ids() -> set[str]:
    """Ids of the checks of all chapters."""
    load()
    return set(REGISTRY)


ENTRIES = Listing("acceptances", "entries", read)
