"""Who is notified of what: once per audience, again as a reminder, and when it has ended. Makes no calls."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from migration_ops.core.finding import EVERYTHING, RED, WORST_FIRST, Finding, FindingStatus, Route, listed_checks
from migration_ops.runbook.reports.notice_text import Due, End, Ended, Place, Text, due_text, ended_text
from migration_ops.runbook.reports.notices import Notice, Notices


@dataclass(frozen=True)
class Message:
    """
    One message to one topic (``page`` or ``warn``), and how it changes the notices.

    :param begun: the notices that this message begins, by finding key.
    :param ended: keys of the notices that this message ends.
    """

    route: Route
    subject: str
    body: str
    begun: Mapping[str, Notice] = field(default_factory=dict)
    ended: tuple[str, ...] = ()

    def applied(self, notices: Notices) -> Notices:
        """The notices once this message was sent."""
        return notices.changed(self.route, self.begun, self.ended)


@dataclass(frozen=True)
class NotificationPlan:
    """
    What to send now, the most important first.

    :param readable: notices whose resource can be read again: they lose ``unknown_at``, and no message is due.
    """

    messages: tuple[Message, ...]
    readable: tuple[tuple[Route, str], ...] = ()

    def applied(self, notices: Notices) -> Notices:
        """The notices once everything was sent."""
        for message in self.messages:
            notices = message.applied(notices)
        return self.settled(notices)

    def settled(self, notices: Notices) -> Notices:
        """The notices with the changes that need no message."""
        for route, key in self.readable:
            notice = notices.of(route).get(key)
            if notice is not None and notice.unknown_at is not None:
                notices = notices.changed(route, {key: replace(notice, unknown_at=None)}, ())
        return notices


@dataclass(frozen=True)
class _Seen:
    """What a run has seen: the worst finding per key, and the checks that listed all their resources."""

    by_key: Mapping[str, Finding]
    listed: frozenset[str]

    @classmethod
    def of(cls, findings: Iterable[Finding], answered: Collection[str], partial: Collection[str]) -> _Seen:
        by_key: dict[str, Finding] = {}
        for one in sorted(findings, key=lambda one: WORST_FIRST.index(one.verdict)):
            by_key.setdefault(one.key, one)
        return cls(by_key, listed_checks(by_key.values(), answered, partial))


_UNKNOWN, _OK = FindingStatus.UNKNOWN, FindingStatus.OK


def route_of(finding: Finding) -> Route:
    """A warning never wakes anybody; a red finding does when its check says so."""
    return Route.PAGE if finding.route is Route.PAGE and finding.verdict in RED else Route.WARN


def plan(
    title: str,
    findings: Iterable[Finding],
    notices: Notices,
    now: datetime,
    remind_after: timedelta,
    *,
    place: Place | None = None,
    answered: Collection[str] = (),
    partial: Collection[str] = (),
    period: timedelta = timedelta(0),
) -> NotificationPlan:
    """
    Compares what this run found with what people were notified of.

    Due are findings that are new to their audience or have another verdict, findings still wrong after
    ``remind_after``, and ended ones. What this run did not look at, or could not read, has not ended: its notice stays.

    :param notices: what people were notified of, by audience.
    :param place: where this is and where the report is, for the text.
    :param answered: names of checks and tasks that left a result in this run, besides those in ``findings``.
    :param partial: checks that read only some of their resources: what is absent there has not ended.
    :param period: how far apart the runs are: a reminder is due half a period early (at most half of
        ``remind_after``), so that a daily run which begins a little sooner than yesterday's still reminds.
    """
    where = place or Place()
    seen = _Seen.of(findings, answered, partial)
    early = min(period, remind_after) / 2
    due: list[Due] = []
    for finding in seen.by_key.values():
        notice = notices.of(route_of(finding)).get(finding.key)
        if finding.verdict is not _OK and _is_due(finding, notice, now, remind_after - early):
            due.append(Due(finding, notices.first(finding.key), notice))
    ended = [
        (route, end)
        for route in Route
        for key, notice in sorted(notices.of(route).items())
        if (end := _end(route, key, notice, seen)) is not None
    ]
    messages = [*_due_messages(title, due, now, where), *_ended_messages(title, ended, where)]
    readable = tuple((route_of(one), one.key) for one in seen.by_key.values() if one.verdict not in (_OK, _UNKNOWN))
    return NotificationPlan(tuple(messages), readable)


def _is_due(finding: Finding, notice: Notice | None, now: datetime, after: timedelta) -> bool:
    if notice is None:
        return True
    if finding.verdict is _UNKNOWN and notice.verdict is not _UNKNOWN:
        return notice.unknown_at is None or now - notice.unknown_at >= after
    return notice.verdict is not finding.verdict or now - notice.at >= after


def _end(route: Route, key: str, notice: Notice, seen: _Seen) -> End | None:
    """How a notice has ended for its audience; None: it has not, or this run cannot say."""
    check_id, _, resource = key.partition("|")
    finding = seen.by_key.get(key)
    if finding is None:
        if check_id not in seen.listed:
            return None
        if resource == EVERYTHING:
            return End(key, notice, Ended.READABLE)
        return End(key, notice, Ended.LEFT_WINDOW if notice.is_event else Ended.GONE)
    if finding.verdict is _OK:
        return End(key, notice, Ended.WELL, finding) if finding.conclusive else None
    if route_of(finding) is route or (finding.verdict is _UNKNOWN and notice.verdict is not _UNKNOWN):
        return None
    return End(key, notice, Ended.MOVED, finding)


def _due_messages(title: str, due: list[Due], now: datetime, place: Place) -> list[Message]:
    found = []
    for route in Route:
        some = [one for one in due if route_of(one.finding) is route]
        if some:
            text = due_text(title, some, place)
            found.append(_message(route, text, begun={one.finding.key: _noticed(one, now) for one in some}))
    return found


def _noticed(due: Due, now: datetime) -> Notice:
    finding, before = due.finding, due.notice
    if before is not None and finding.verdict is _UNKNOWN and before.verdict is not _UNKNOWN:
        # What was wrong before may still be wrong: new is only that it is UNKNOWN.
        return replace(before, unknown_at=now)
    return Notice(finding.verdict, now, due.first or now, is_event=finding.is_event)


def _ended_messages(title: str, ended: list[tuple[Route, End]], place: Place) -> list[Message]:
    """All-clears have a message of their own, apart from findings that are only no longer reported."""
    found = []
    for route in Route:
        of_route = [end for to, end in ended if to is route]
        for some in (
            [one for one in of_route if one.how is Ended.WELL],
            [one for one in of_route if one.how is not Ended.WELL],
        ):
            if some:
                found.append(_message(route, ended_text(title, some, place), ended=tuple(one.key for one in some)))
    return found


def _message(
    route: Route, text: Text, begun: Mapping[str, Notice] | None = None, ended: tuple[str, ...] = ()
) -> Message:
    return Message(route, text.subject, text.body, begun or {}, ended)
