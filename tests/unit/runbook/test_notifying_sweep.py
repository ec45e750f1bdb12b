"""Over every check: runs that cannot read, are late, are cleared, lose their bucket or a topic, notify of no lie.

The planted estate has a problem for each check. Each story is a few runs over it; of each are counted: all-clears of
what still was wrong, problems of which an audience never heard, and messages that said the same twice within a day.
A message that says of itself that earlier notices could not be read is no double: rather twice than never.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from include.sandbox.box import Sandbox
from include.sandbox.operations.estate import plant_all, seed_clean
from migration_ops.errors import Unknown
from migration_ops.runbook.facts import Facts, failed
from migration_ops.runbook.findings import Finding, FindingVerdict, Route
from migration_ops.runbook.judging import Chapter
from migration_ops.runbook.notifier import NOT_KNOWN
from migration_ops.runbook.notify import Message, route_of
from migration_ops.runbook.reading import Reader
from tests.unit.runbook.estates import Document, account_of, chapters, look, reader_of
from tests.unit.runbook.notified import Dag

CHAPTERS = chapters()
REFUSED = failed("sqs:list_queues", Unknown("AccessDenied"))
Findings = list[Finding]
UNKNOWN, OK = FindingVerdict.UNKNOWN, FindingVerdict.OK


class Planted:
    """What each chapter read on the planted estate, and finds there; also where parts of it cannot be read."""

    def __init__(self, reader: Reader) -> None:
        self.limits = reader.config.thresholds
        self.read: dict[str, Document] = {}
        self.found: dict[str, Findings] = {}
        for name, chapter in CHAPTERS.items():
            self.read[name], found = look(reader, chapter)
            self.found[name] = [one for some in found.values() for one in some]

    def judged(self, chapter: Chapter, estate: Document) -> Findings:
        return [one for check in chapter.checks for one in check.run(Facts(estate), self.limits)]


@pytest.fixture(scope="module")
def planted(box: Sandbox) -> Iterator[Planted]:
    box.reset()
    account = account_of(box)
    seed_clean(account)
    plant_all(account)
    yield Planted(reader_of(box, account))
    box.reset()


# --- what the second run sees instead: the problems are all there still ----------------------------------------------
def refused(planted: Planted, chapter: Chapter) -> Findings:
    return planted.judged(chapter, dict.fromkeys(chapter.readers, REFUSED))


def lists_refused(planted: Planted, chapter: Chapter) -> Findings:
    return planted.judged(
        chapter, {name: dict.fromkeys(one, REFUSED) for name, one in planted.read[chapter.name].items()}
    )


def entries_refused(planted: Planted, chapter: Chapter) -> Findings:
    return planted.judged(chapter, {name: _members_refused(one) for name, one in planted.read[chapter.name].items()})


def _members_refused(read: Document) -> Document:
    """Names could be listed, nothing else of them could be read."""

    def entry(one: Any) -> Any:
        if not isinstance(one, dict):
            return one
        return {name: value if name == "name" else REFUSED for name, value in one.items()}

    return {name: [entry(one) for one in value] if isinstance(value, list) else value for name, value in read.items()}


def lost(planted: Planted, chapter: Chapter) -> Findings:
    return [check.lost("the check's task left no findings: see its log") for check in chapter.checks]


def skipped(planted: Planted, chapter: Chapter) -> Findings:
    return []


BLIND = (refused, lists_refused, entries_refused, lost, skipped)
BLIND_IDS = [one.__name__ for one in BLIND]


class Tally:
    """Counts over one DAG's messages, run by run."""

    def __init__(self, dag: Dag) -> None:
        self.dag = dag
        self.heard: dict[tuple[Route, str], FindingVerdict] = {}
        self.counts: Counter[str] = Counter()

    def run(self, messages: list[Message], truth: Findings) -> None:
        """:param truth: what is so while the messages come, whatever the run could see."""
        bad = {one.key: one for one in truth if one.verdict is not OK}
        for message in messages:
            for key in message.ended:
                is_false = key in bad and route_of(bad[key]) is message.route
                self.counts["false all-clears"] += is_false
                self.heard.pop((message.route, key), None)
            for key, notice in message.begun.items():
                said = UNKNOWN if notice.unknown_at is not None else notice.verdict
                is_double = self.heard.get((message.route, key)) is said and NOT_KNOWN not in message.body
                self.counts["doubles"] += is_double
                if notice.unknown_at is None:
                    self.heard[message.route, key] = said
        self.counts["all-clears in words"] += sum(
            "All clear" in one.subject and any(key in bad for key in one.ended) for one in messages
        )

    def end(self, truth: Findings) -> None:
        for one in truth:
            if one.verdict is not OK and self.heard.get((route_of(one), one.key)) is not one.verdict:
                self.counts["lost"] += 1


def assert_none(tally: Tally, name: str, story: str) -> None:
    counts = {one: tally.counts[one] for one in ("false all-clears", "all-clears in words", "lost", "doubles")}
    print(f"{name} {story}: {counts}")
    assert set(counts.values()) == {0}, (name, story, counts)


def all_clear(findings: Findings) -> Findings:
    return [replace(one, verdict=OK, reason="mended") for one in findings]


@pytest.fixture
def dag(box: Sandbox, request: pytest.FixtureRequest) -> Iterator[Dag]:
    yield Dag(box, "runbook_" + "".join(one if one.isalnum() else "-" for one in request.node.name))
    box.book.remove()


@pytest.mark.parametrize("blind", BLIND, ids=BLIND_IDS)
@pytest.mark.parametrize("name", CHAPTERS)
def test_a_run_that_cannot_see(planted: Planted, dag: Dag, name: str, blind: Callable[..., Findings]) -> None:
    found, unseen = planted.found[name], blind(planted, CHAPTERS[name])
    tally = Tally(dag)
    for seen in (found, unseen, unseen, found):
        tally.run(dag.run(seen), found)
    tally.end(found)
    assert_none(tally, name, blind.__name__)
    ended = {(one.route, key) for one in dag.run(all_clear(found)) for key in one.ended}
    assert ended >= {(route_of(one), one.key) for one in found if one.verdict is not OK}, "and what is mended is over"


@pytest.mark.parametrize("name", CHAPTERS)
def test_an_older_run_that_is_cleared(planted: Planted, dag: Dag, name: str) -> None:
    found, tally = planted.found[name], Tally(dag)
    tally.run(dag.run(all_clear(found), "monday"), all_clear(found))
    monday = dag.now
    tally.run(dag.run(found), found)
    for seen in (all_clear(found), found, []):
        tally.run(dag.again(seen, "monday", monday), found)
    tally.run(dag.run(found), found)
    tally.end(found)
    assert_none(tally, name, "older run cleared")


@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
@pytest.mark.parametrize("lost_in", [0, 1])
@pytest.mark.parametrize("name", CHAPTERS)
def test_a_run_that_loses_its_bucket(planted: Planted, dag: Dag, name: str, lost_in: int, operation: str) -> None:
    found, tally = planted.found[name], Tally(dag)
    for number in range(3):
        if number == lost_in:
            dag.box.book.add_document({"kind": "accessDenied", "service": "s3", "operation": operation})
        messages = dag.run(found)
        if number == lost_in:
            dag.box.book.remove()
            assert lost_in or {one.route for one in messages} == {
                route_of(one) for one in found if one.verdict is not OK
            }
            # What could not be kept is due again, and was known to be when it was sent: the task is red.
            tally.heard.clear() if lost_in == 0 else None
            messages = [] if lost_in == 0 else messages
        tally.run(messages, found)
    tally.end(found)
    assert_none(tally, name, f"{operation} refused in run {lost_in + 1}")


@pytest.mark.parametrize("broken", list(Route))
@pytest.mark.parametrize("name", CHAPTERS)
def test_a_broken_topic(planted: Planted, dag: Dag, name: str, broken: Route) -> None:
    found, tally = planted.found[name], Tally(dag)
    dag.broken.add(broken)
    for _ in range(3):
        tally.run(dag.run(found), found)
    dag.broken.clear()
    tally.run(dag.run(found), found)
    tally.end(found)
    assert_none(tally, name, f"topic {broken} broken")
