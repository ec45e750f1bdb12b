"""Who is told what: once, again after a while, and once more when it is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from migration_ops.core.finding import RED, Finding, FindingVerdict, Route, worst, worst_first

# SNS: a subject has at most 100 characters, ASCII, one line; a message 256 KB.
SUBJECT_CHARACTERS = 100
LISTED = 40

Told = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Message:
    """One message to one topic (``page`` or ``warn``)."""

    route: Route
    subject: str
    body: str


@dataclass(frozen=True)
class Telling:
    """
    What to send now, and what is then known to have been told.

    :param told: by finding key ``{"verdict", "route", "at"}``; to be kept after everything was sent.
    """

    messages: tuple[Message, ...]
    told: Told


def route_of(finding: Finding) -> Route:
    """A warning never wakes anybody; a red finding does when its check says so."""
    return Route.PAGE if finding.route is Route.PAGE and finding.verdict in RED else Route.WARN


def decide(
    title: str, findings: Iterable[Finding], told: Told, now: datetime, remind_after: timedelta, link: str = ""
) -> Telling:
    """
    Compares what is wrong with what was told.

    Told are: what is new or has another verdict, what still is wrong after ``remind_after``, and what is over. An
    all-clear goes where the alarm went. The same findings twice are one message.

    :param told: what :class:`Telling` held after the run before.
    :param link: where the report is.
    """
    by_key = {one.key: one for one in findings}
    bad = {key: one for key, one in by_key.items() if one.verdict is not FindingVerdict.OK}
    due = [one for key, one in bad.items() if _is_due(one, told.get(key), now, remind_after)]
    # Also over for one route: what woke somebody up and only is a warning now.
    over = {key: entry for key, entry in told.items() if key not in bad or route_of(bad[key]) != entry["route"]}
    messages = [
        _alarm(title, route, [one for one in due if route_of(one) is route], link)
        for route in Route
        if any(route_of(one) is route for one in due)
    ]
    messages += [
        _all_clear(title, route, sorted(key for key, entry in over.items() if entry["route"] == route), by_key)
        for route in Route
        if any(entry["route"] == route for entry in over.values())
    ]
    fresh = {one.key: _entry(one, now) for one in due}
    kept = {key: entry for key, entry in told.items() if key in bad}
    return Telling(tuple(messages), kept | fresh)


def _is_due(finding: Finding, entry: dict[str, Any] | None, now: datetime, remind_after: timedelta) -> bool:
    if entry is None or entry["verdict"] != finding.verdict:
        return True
    return now - datetime.fromisoformat(entry["at"]) >= remind_after


def _entry(finding: Finding, now: datetime) -> dict[str, Any]:
    return {"verdict": finding.verdict.value, "route": route_of(finding).value, "at": now.isoformat()}


def _alarm(title: str, route: Route, findings: list[Finding], link: str) -> Message:
    listed = worst_first(findings)
    lines = [
        f"{one.verdict} {one.check_id} {one.resource}: {one.reason}" + (f"\n    {one.remedy}" if one.remedy else "")
        for one in listed[:LISTED]
    ]
    if len(listed) > LISTED:
        lines.append(f"and {len(listed) - LISTED} more")
    if link:
        lines += ["", f"Report: {link}"]
    return Message(route, _subject(f"{worst(findings)}: {title}, {len(findings)} to look at"), "\n".join(lines))


def _all_clear(title: str, route: Route, keys: list[str], by_key: dict[str, Finding]) -> Message:
    lines = [f"{key.replace('|', ' ')}: {_how_it_is(by_key.get(key))}" for key in keys[:LISTED]]
    return Message(route, _subject(f"All clear: {title}, {len(keys)} over"), "\n".join(lines))


def _how_it_is(finding: Finding | None) -> str:
    if finding is None:
        return "not found any more in the time that this run looked at"
    if finding.verdict is not FindingVerdict.OK:
        return f"only a {finding.verdict} now: {finding.reason}"
    return finding.reason or "well again"


def _subject(text: str) -> str:
    return " ".join(text.encode("ascii", "replace").decode().split())[:SUBJECT_CHARACTERS]
