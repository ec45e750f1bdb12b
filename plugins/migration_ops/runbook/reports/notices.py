"""Of what people were notified, by audience; also as earlier versions of this package kept it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from migration_ops.core.finding import FindingStatus, Route

VERSION = 2


@dataclass(frozen=True)
class Notice:
    """
    What one audience was last notified of one finding.

    :param at: when it was last notified with this verdict.
    :param first: when people first heard of it.
    :param unknown_at: since when they know that it cannot be looked at; None while it can.
    :param is_event: it is about something that happened, which leaves the window by itself.
    """

    verdict: FindingStatus
    at: datetime
    first: datetime
    unknown_at: datetime | None = None
    is_event: bool = False

    def as_document(self) -> dict[str, Any]:
        """camelCase, as it is kept."""
        return {
            "verdict": self.verdict.value,
            "at": self.at.isoformat(),
            "first": self.first.isoformat(),
            "unknownAt": self.unknown_at.isoformat() if self.unknown_at else None,
            "isEvent": self.is_event,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Notice:
        at = datetime.fromisoformat(document["at"])
        unknown_at = document.get("unknownAt")
        return cls(
            FindingStatus(document["verdict"]),
            at,
            datetime.fromisoformat(document.get("first") or document["at"]),
            datetime.fromisoformat(unknown_at) if unknown_at else None,
            bool(document.get("isEvent", False)),
        )


@dataclass(frozen=True)
class Lease:
    """One run is notifying now; others wait until it has ended, or the lease has."""

    run_id: str
    expires: datetime


@dataclass(frozen=True)
class Notices:
    """
    All notices of one DAG.

    :param by_route: by audience and finding key.
    :param run_id: the last run that notified.
    :param moment: the end of that run's window: what is older notifies nobody any more.
    :param until: up to when everything that was seen was notified; None when nobody knows.
    """

    by_route: Mapping[Route, Mapping[str, Notice]] = field(default_factory=dict)
    run_id: str = ""
    moment: datetime | None = None
    until: datetime | None = None
    lease: Lease | None = None

    def of(self, route: Route) -> Mapping[str, Notice]:
        """One audience's, by finding key."""
        return self.by_route.get(route, {})

    def first(self, key: str) -> datetime | None:
        """When anybody first heard of it."""
        return min((some[key].first for some in self.by_route.values() if key in some), default=None)

    def changed(self, route: Route, begun: Mapping[str, Notice], ended: Iterable[str]) -> Notices:
        """With what one audience was notified of."""
        over = frozenset(ended)
        kept = {key: one for key, one in self.of(route).items() if key not in over}
        return replace(self, by_route={**self.by_route, route: kept | dict(begun)})

    def is_held(self, run_id: str, now: datetime) -> bool:
        """Whether another run is notifying at this moment."""
        return self.lease is not None and self.lease.run_id != run_id and self.lease.expires > now

    def leased(self, run_id: str, now: datetime, lasting: timedelta) -> Notices:
        return replace(self, lease=Lease(run_id, now + lasting))

    def as_document(self) -> dict[str, Any]:
        """camelCase, as it is kept."""
        return {
            "version": VERSION,
            "notices": {
                route.value: {key: one.as_document() for key, one in sorted(self.of(route).items())} for route in Route
            },
            "runId": self.run_id,
            "moment": self.moment.isoformat() if self.moment else None,
            "until": self.until.isoformat() if self.until else None,
            "lease": {"runId": self.lease.run_id, "expires": self.lease.expires.isoformat()} if self.lease else None,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Notices:
        """:raises ValueError, KeyError, TypeError, AttributeError: it is no such document."""
        if "version" not in document:
            return cls(_first_version(document))
        lease, moment, until = document["lease"], document["moment"], document["until"]
        return cls(
            {
                Route(route): {key: Notice.from_document(one) for key, one in some.items()}
                for route, some in document["notices"].items()
            },
            document["runId"],
            datetime.fromisoformat(moment) if moment else None,
            datetime.fromisoformat(until) if until else None,
            Lease(lease["runId"], datetime.fromisoformat(lease["expires"])) if lease else None,
        )


def _first_version(document: Mapping[str, Any]) -> dict[Route, dict[str, Notice]]:
    """By finding key, each with its one audience: ``{"verdict", "route", "at"}``."""
    found: dict[Route, dict[str, Notice]] = {}
    for key, one in document.items():
        found.setdefault(Route(one["route"]), {})[key] = Notice.from_document(one)
    return found
