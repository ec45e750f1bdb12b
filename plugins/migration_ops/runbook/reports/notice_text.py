"""Notifications as people read them on a phone: what, where, how bad, since when, and what to do. Worst first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from migration_ops.core.finding import RED, Finding, FindingStatus, Route, worst, worst_first
from migration_ops.core.redaction import redacted_text
from migration_ops.runbook.kinds import title_of
from migration_ops.runbook.reports.notices import Notice
from migration_ops.runbook.reports.quantities import shown

# SNS: a subject is one line of at most 100 ASCII characters; a message has 256 KB, a character up to 4 bytes.
SUBJECT_CHARACTERS = 100
BODY_CHARACTERS = 60_000
LISTED = 40
# Of one text in a message.
FIELD_CHARACTERS = 600
EVIDENCE_SHOWN = 3


@dataclass(frozen=True)
class Place:
    """
    Where a message comes from. Unknown members are empty; the message says so.

    :param environment: the installation's name, or the id of its AWS connection.
    :param run: address of the run in the Airflow UI, or the run's id.
    :param report: address of the kept report.
    :param window: from when to when the run looked.
    :param remarks: what else readers must know, each one sentence.
    """

    account: str = ""
    region: str = ""
    environment: str = ""
    run: str = ""
    report: str = ""
    window: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Text:
    """A message's subject and body."""

    subject: str
    body: str


@dataclass(frozen=True)
class Due:
    """
    One finding that people are to be notified of.

    :param first: when anybody was first notified of it; None when it is new.
    :param notice: the earlier notice to this audience; None when there is none.
    """

    finding: Finding
    first: datetime | None = None
    notice: Notice | None = None


class Ended(StrEnum):
    """How a notice ends. Only ``WELL`` is an all-clear."""

    WELL = "well"
    GONE = "gone"
    LEFT_WINDOW = "leftWindow"
    READABLE = "readable"
    MOVED = "moved"


@dataclass(frozen=True)
class End:
    """One notice that has ended, and how; ``finding`` is this run's finding, if there is one."""

    key: str
    notice: Notice
    how: Ended
    finding: Finding | None = None


def priority_of(finding: Finding) -> str:
    """``P1`` to ``P4`` of the runbook's table. Paging: P1 if CRITICAL, P2 if UNKNOWN. Other red ones P3; else P4."""
    if finding.verdict not in RED:
        return "P4"
    if finding.route is Route.PAGE:
        return "P1" if finding.verdict is FindingStatus.CRITICAL else "P2"
    return "P3"


def due_text(title: str, due: Sequence[Due], place: Place) -> Text:
    """What is wrong, worst first, so that a limit cuts the least important."""
    by_key = {one.finding.key: one for one in due}
    listed = [by_key[one.key] for one in worst_first(one.finding for one in due)]
    verdict = worst(one.finding for one in due)
    head = f"{verdict}: {_line(title)}, {len(due)} to check"
    subject = _subject(str(verdict), title, place, [one.finding.resource for one in listed], _title(listed[0].finding))
    return Text(subject, _body(head, place, [_due_block(one) for one in listed]))


def ended_text(title: str, ended: Sequence[End], place: Place) -> Text:
    """What has ended: an all-clear, or findings that are only no longer reported."""
    is_well = all(one.how is Ended.WELL for one in ended)
    word = "All clear" if is_well else "No longer reported"
    head = f"{word}: {_line(title)}, {len(ended)} {'over' if is_well else 'not reported here any more'}"
    worst_ended = sorted(ended, key=lambda one: (list(FindingStatus).index(one.notice.verdict), one.key))
    names = [one.key.partition("|")[2] for one in worst_ended]
    subject = _subject(word, title, place, names, _check_name(worst_ended[0].key.partition("|")[0]))
    return Text(subject, _body(head, place, [_end_block(one, place) for one in worst_ended]))


def moment(at: datetime) -> str:
    """``2026-11-02 08:17 UTC``."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _due_block(due: Due) -> str:
    one = due.finding
    limit = "" if one.limit is None else f", limit {shown(one.limit, one.unit)}"
    lines = [
        f"{one.verdict} ({priority_of(one)}) {_title(one)}: {_line(one.resource)}",
        *([f"Seen: {_line(shown(one.value, one.unit))}{_line(limit)}"] if one.value is not None else []),
        f"Why: {_line(one.reason) or '-'}",
        f"Since: {_since(due)}",
        *([f"Evidence: {_evidence(one.evidence)}"] if one.evidence else []),
        f"What to do: {_line(one.remedy) or 'see the report'}",
        f"Check: {_line(one.check_id)}" + (f" (runbook: {_line(one.section)})" if one.section else ""),
    ]
    return "\n    ".join(lines)


def _since(due: Due) -> str:
    if due.first is None:
        return "new, first notified now"
    text = f"first notified {moment(due.first)}"
    notice = due.notice
    if notice is None:
        return f"{text}, to others; new to this topic"
    if due.finding.verdict is FindingStatus.UNKNOWN and notice.verdict is not FindingStatus.UNKNOWN:
        return f"{text} as {notice.verdict}; now nobody can say whether it still is"
    return f"{text}, still so" if notice.verdict is due.finding.verdict else f"{text} as {notice.verdict}"


def _evidence(evidence: Iterable[Any]) -> str:
    listed = list(evidence)
    texts = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in listed[:EVIDENCE_SHOWN]]
    more = [f"and {len(listed) - EVIDENCE_SHOWN} more"] if len(listed) > EVIDENCE_SHOWN else []
    return " | ".join([*(_line(redacted_text(one)) for one in texts), *more])


def _end_block(end: End, place: Place) -> str:
    check_id, _, resource = end.key.partition("|")
    name = _title(end.finding) if end.finding is not None else _check_name(check_id)
    lines = [
        f"{name}: {_line(resource)}: {_how(end, place)}",
        f"Was: {end.notice.verdict}, first notified {moment(end.notice.first)}. Check: {_line(check_id)}",
    ]
    return "\n    ".join(lines)


def _how(end: End, place: Place) -> str:
    finding = end.finding
    if end.how is Ended.READABLE:
        return "can be read again; this says nothing about what was notified before"
    if end.how is Ended.LEFT_WINDOW:
        seen = f" ({place.window})" if place.window else ""
        return f"no longer in the window{seen}; nothing shows that anybody has fixed it"
    if end.how is Ended.GONE or finding is None:
        return "no longer there: it is not among what this run listed; nothing shows that anybody has fixed it"
    if end.how is Ended.WELL:
        return _line(finding.reason) or "checked in this run: OK"
    where = "on-call is notified" if _pages(finding) else "the topic of warnings is notified"
    return f"not over: {finding.verdict} now, {where} from here on. {_line(finding.reason)}".rstrip()


def _pages(finding: Finding) -> bool:
    return finding.route is Route.PAGE and finding.verdict in RED


def _body(head: str, place: Place, blocks: Sequence[str]) -> str:
    """The head, as many blocks as fit, and how many were left out."""
    opening = [
        head,
        f"Environment {place.environment or 'unknown'}, account {place.account or 'unknown'}, "
        f"Region {place.region or 'unknown'}",
        *(f"Note: {_line(one)}" for one in place.remarks),
    ]
    closing = [
        f"{name}: {_line(text)}"
        for name, text in (("Run", place.run), ("Report", place.report), ("Window", place.window))
        if text
    ]
    room = BODY_CHARACTERS - sum(len(one) + 1 for one in [*opening, *closing]) - 100
    shown_blocks: list[str] = []
    for block in blocks[:LISTED]:
        room -= len(block) + 2
        if room < 0:
            break
        shown_blocks.append(block)
    left_out = len(blocks) - len(shown_blocks)
    more = [f"and {left_out} more, less severe or equally: see the report"] if left_out else []
    return "\n\n".join(["\n".join([*opening, *closing]), *shown_blocks, *more])


def _subject(word: str, title: str, place: Place, resources: Sequence[str], check: str) -> str:
    """Verdict and title first; a long resource is cut."""
    where = f" [{place.environment}]" if place.environment else ""
    more = f" +{len(resources) - 1}" if len(resources) > 1 else ""
    front = _ascii(f"{word}:{where} {title}: ")[: SUBJECT_CHARACTERS // 2]
    room = SUBJECT_CHARACTERS - len(front) - 1 - len(more)
    resource = _ascii(resources[0])
    name = _ascii(check)[: max(0, room - len(resource) - 2)]
    about = f"{resource}, {name}" if len(name) > 3 else resource
    return f"{front.rstrip()} {about[:room]}{more}"


def _title(finding: Finding) -> str:
    return _line(finding.title) or _check_name(finding.check_id)


def _check_name(check_id: str) -> str:
    return _line(title_of(check_id))


def _line(text: str) -> str:
    """One line of bounded length: text from outside adds no lines to a message."""
    whole = " ".join("".join(one if one.isprintable() else " " for one in str(text)).split())
    return whole if len(whole) <= FIELD_CHARACTERS else whole[: FIELD_CHARACTERS - 1] + "…"


def _ascii(text: str) -> str:
    return _line(text).encode("ascii", "replace").decode()
