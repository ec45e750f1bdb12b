"""What a rollback would cost: minutes, from past rollbacks, and the last moment that still fits the window."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from migration_ops.aws.mgn.servers import moment
from migration_ops.core.documents import is_rehearsal_wave
from migration_ops.core.errors import MigrationError
from migration_ops.core.states import Status
from migration_ops.ledger.protocol import HistoryEntry
from migration_ops.wave.services import Services

_MOST_MIGRATIONS = 25
_STARTED, _ENDED = "rollback started", "rolled back"


def rollback_price(services: Services, closes: datetime | None = None) -> dict[str, Any]:
    """
    The median of the newest rollbacks that the ledger holds, in minutes; ``unknownBecause`` when there is no number.

    :param closes: end of the cutover window; ``lastStart`` is the last moment at which a rollback of that length ends
        before it.
    """
    try:
        # A drill rehearses rollbacks of sandbox servers: their duration says nothing.
        back = [one for one in services.ledger.by_status(Status.ROLLED_BACK) if not is_rehearsal_wave(one.wave)]
        back.sort(key=lambda one: one.updated_at or "")
        newest = [one.migration_id for one in back[-_MOST_MIGRATIONS:]]
        histories = services.ledger.histories(newest) if newest else {}
    except MigrationError as error:
        return _price(None, 0, f"the ledger could not be read: [{error.code}] {error.message}"[:200])
    minutes = [one for history in histories.values() for one in minutes_of(history)]
    if not minutes:
        return _price(None, 0, "the ledger holds no rollback yet")
    middle = median(minutes)
    last = closes - timedelta(minutes=middle) if closes else None
    return _price(round(middle, 1), len(minutes), None, last)


def minutes_of(history: Iterable[HistoryEntry]) -> list[float]:
    """How long each rollback of one migration took, from its start to its verified end."""
    found: list[float] = []
    began: datetime | None = None
    for line in history:
        if line.event == _STARTED:
            began = moment(line.at)
        elif line.event == _ENDED:
            ended = moment(line.at)
            if began is not None and ended is not None and ended >= began:
                found.append((ended - began).total_seconds() / 60)
            began = None
    return found


def _price(minutes: float | None, counted: int, why: str | None, last_start: datetime | None = None) -> dict[str, Any]:
    return {
        "medianMinutes": minutes,
        "countedRollbacks": counted,
        "unknownBecause": why,
        "lastStart": last_start.isoformat() if last_start else None,
    }
