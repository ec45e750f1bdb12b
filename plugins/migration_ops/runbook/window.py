"""The time window of a run. Windows of successive runs join, so that no time is left out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """
    The time window of one run, UTC. Fixed once: all its tasks share it.

    :param missed: start of the time before the window that no run covered; None when nothing was missed.
    :param asked: whether a person gave its length.
    :param is_certain: False when the end of the last report could not be read: nobody knows whether time was missed.
    """

    since: datetime
    until: datetime
    missed: datetime | None = None
    asked: bool = False
    is_certain: bool = True

    @property
    def length(self) -> timedelta:
        return self.until - self.since

    def as_document(self) -> dict[str, Any]:
        """camelCase, as it is kept."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "missed": self.missed.isoformat() if self.missed else None,
            "asked": self.asked,
            "isCertain": self.is_certain,
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Window:
        missed = document["missed"]
        return cls(
            datetime.fromisoformat(document["since"]),
            datetime.fromisoformat(document["until"]),
            datetime.fromisoformat(missed) if missed else None,
            document["asked"],
            document["isCertain"],
        )


@dataclass(frozen=True)
class LastLook:
    """
    Where earlier runs ended.

    :param looked: end of the window of the latest report; None before the first.
    :param notified: up to when people were notified of everything; None when nobody knows.
    """

    looked: datetime | None = None
    notified: datetime | None = None

    @property
    def end(self) -> datetime | None:
        """Where the next window begins, without the overlap. A report that nobody was notified of does not count."""
        known = [one for one in (self.looked, self.notified) if one is not None]
        return min(known, default=None)


def longest(usual: timedelta, overlap: timedelta) -> timedelta:
    """How far back a run looks at most: the DAG's own window and the overlap, but at least a day."""
    return max(A_DAY, usual + overlap)


def window_of(until: datetime, usual: timedelta, last: LastLook | None, overlap: timedelta) -> Window:
    """
    Begins where the last run ended, less ``overlap`` for data that comes late; never shorter than ``usual``.

    :param until: the moment of the run.
    :param usual: the DAG's own window.
    :param last: None when it could not be read: then the longest window is taken.
    """
    bound = until - longest(usual, overlap)
    if last is None:
        return Window(bound, until, is_certain=False)
    if last.end is None:
        return Window(until - usual, until)
    since = max(min(until - usual, last.end - overlap), bound)
    looked = last.looked or last.end
    return Window(since, until, missed=looked if looked < since else None)


def asked_window(until: datetime, length: timedelta, last: LastLook | None) -> Window:
    """The window that a person gave: exactly that long, even when time before it was not covered.

    :param last: None when it could not be read.
    """
    since = until - length
    end = last.end if last else None
    return Window(since, until, missed=end if end and end < since else None, asked=True, is_certain=last is not None)
