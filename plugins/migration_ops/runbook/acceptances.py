"""Accepted findings (``accepted.yaml``): who decided, until when, and whether the id exists."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.listing import Listing
from migration_ops.runbook.kinds import all_kinds


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``entries``: ``name, who, ticket, reason, until, daysLeft`` (negative: it has ended), ``isKnown``.

    ``isKnown``: this package makes findings with exactly this id. Ids in another scanner's report are not known.
    """
    today = reader.now.date()
    known = all_kinds()
    return {
        "entries": [
            {
                "name": one.name,
                "who": one.who,
                "ticket": one.ticket,
                "reason": one.reason,
                "until": one.until.isoformat(),
                "daysLeft": (one.until - today).days,
                "isKnown": one.check in known,
            }
            for one in reader.config.accepted.accepted
        ]
    }


ENTRIES = Listing("acceptances", "entries", read)
