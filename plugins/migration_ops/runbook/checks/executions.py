"""How executions of a state machine ended: counted from the list and from the metric, whichever saw more."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from migration_ops.core.facts import Snapshot

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Ended:
    """Executions of one state machine that ended with one status in the window.

    :param evidence: the last executions, with cause and last events; none for EXPRESS, which has no history.
    """

    count: int
    most_in_an_hour: int
    evidence: tuple[dict[str, Any], ...]


def ended(machine: Snapshot, status: str) -> Ended:
    """
    The larger of list and metric: the list is eventually consistent and lacks EXPRESS, the metric is minutes late.

    :raises NotReadError: either could not be read.
    """
    series = machine["metrics"][status]
    counted = [(_time(at), round(count)) for at, count in zip(series["times"], series["values"], strict=True)]
    total, busiest = sum(count for _, count in counted), most_in_an_hour(counted)
    if machine["kind"] != "STANDARD":
        return Ended(total, busiest, ())
    found = machine["ended"][status]
    listed = [(_time(at), 1) for at in found["times"]]
    return Ended(
        max(total, len(listed)),
        max(busiest, most_in_an_hour(listed)),
        tuple(one.plain() for one in found["executions"]),
    )


def most_in_an_hour(counted: Iterable[tuple[datetime, int]]) -> int:
    """The most in any hour, whenever that hour begins."""
    recent: deque[tuple[datetime, int]] = deque()
    most = running = 0
    for at, count in sorted(counted):
        recent.append((at, count))
        running += count
        while at - recent[0][0] >= HOUR:
            running -= recent.popleft()[1]
        most = max(most, running)
    return most


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
