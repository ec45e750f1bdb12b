"""How much there was at once: the peak of spans that overlap."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime


def peak(spans: Iterable[tuple[datetime, datetime, int]]) -> int:
    """The largest sum of weights at one moment of ``(begin, end, weight)``; one that ends as another begins is over."""
    changes = [change for begin, end, weight in spans for change in ((begin, weight), (end, -weight))]
    most = present = 0
    for _, weight in sorted(changes, key=lambda one: (one[0], one[1])):
        present += weight
        most = max(most, present)
    return most
