"""What was accepted (``accepted.yaml``): who decided it, until when, and whether there is such a check."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from migration_ops import runbook
from migration_ops.aws.reader import Reader

# Findings that are no checks of a chapter: alarms, queries, backups, drills.
OTHER_FINDINGS = ("alarm_", "insights_", "backup_", "drill_")


def read(reader: Reader) -> dict[str, Any]:
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
    """Of all chapters."""
    found: set[str] = set()
    for one in pkgutil.iter_modules(runbook.__path__):
        chapter = getattr(importlib.import_module(f"{runbook.__name__}.{one.name}"), "CHAPTER", None)
        found |= set(chapter.check_ids) if one.ispkg and chapter else set()
    return found
