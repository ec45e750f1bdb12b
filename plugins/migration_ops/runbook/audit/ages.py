"""Ages in days between instants as they were read."""

from __future__ import annotations

from datetime import datetime

SECONDS_A_DAY = 86_400


def days_between(earlier: str, later: str) -> float:
    """Days from one ISO 8601 instant to another, to a tenth; a future one is negative."""
    seconds = (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
    return round(seconds / SECONDS_A_DAY, 1)
