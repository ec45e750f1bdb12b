"""What people were notified of, by audience; reads the form of earlier versions too."""

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
    The last notice to one audience about one finding.

    :param at: when it was last notified with this verdict.
    :param first: when people were first notified of it.
    :param unknown_at: when they were last notified that it is UNKNOWN now; None when it is not.
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
    """One run is notifying now; others wait until it has ended or the lease has expired."""

    run_id: str
    expires: datetime


@dataclass(frozen=True)
class Notices:
    """
    All notices of one DAG.

    :param by_route: by audience and finding key.
    :param run_id: the last run that notified.
    :param moment: the end of that run's window: an older run notifies nobody.
    :param until: up to when people were notified of everything; None when that is not known.
    """

    by_route: Mapping[Route, Mapping[str, Notice]] = field(default_factory=dict)
    run_id: str = ""
    moment: datetime | None = None
    until: datetime | None = None
    lease: Lease | None = None

    def of(self, route: Route) -> Mapping[str, Notice]:
        """One audience's notices, by finding key."""
        return self.by_route.get(route, {})

    def first(self, key: str) -> datetime | None:
        """When anybody was first notified of it; None when nobody was."""
        return min((some[key].first for some in self.by_route.values() if key in some), default=None)

    def changed(self, route: Route, begun: Mapping[str, Notice], ended: Iterable[str]) -> Notices:
        """The notices with those that begin and without those that end, for one audience."""
        over = frozenset(ended)
        kept = {key: one for key, one in self.of(route).items() if key not in over}
        return replace(self, by_route={**self.by_route, route: kept | dict(begun)})

    def is_held(self, run_id: str, now: datetime) -> bool:
        """Whether another run holds the lease now."""
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
    """Reads version 1: by finding key ``{"verdict", "route", "at"}``, each with one audience."""
    found: dict[Route, dict[str, Notice]] = {}
    for key, one in document.items():
        found.setdefault(Route(one["route"]), {})[key] = Notice.from_document(one)
    return found
