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

from include.sandbox.estates.estate import plant_all, seed_clean
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import Snapshot, failed
from migration_ops.core.finding import Finding, FindingStatus, Route
from migration_ops.runbook.reports.notifier import NOT_KNOWN
from migration_ops.runbook.reports.notify import Message, route_of
from tests.runbook.estates import Document, account_of, chapters, look, reader_of
from tests.runbook.notified import Dag

# The planted estate of all chapters is read once, which takes minutes on a busy machine.
pytestmark = pytest.mark.timeout(900)

CHAPTERS = chapters()
REFUSED = failed("sqs:list_queues", UnknownError("AccessDenied"))
Findings = list[Finding]
UNKNOWN, OK = FindingStatus.UNKNOWN, FindingStatus.OK


class Planted:
    """What was read on the planted estate, and what all checks find there; also where parts of it cannot be read."""

    def __init__(self, reader: AwsReader) -> None:
        self.limits = reader.config.thresholds
        self.read: dict[str, Document] = {}
        self.found: Findings = []
        for name, chapter in CHAPTERS.items():
            self.read[name], found = look(reader, chapter)
            self.found += [one for some in found.values() for one in some]

    def judged(self, without: Callable[[Document], Document]) -> Findings:
        """What all checks say where each reader's document lacks something."""
        return [
            one
            for name, chapter in CHAPTERS.items()
            for check in chapter.checks
            for one in check.run(
                Snapshot({reader: without(self.read[name][reader]) for reader in chapter.readers}), self.limits
            )
        ]


@pytest.fixture(scope="module")
def planted(box: Sandbox) -> Iterator[Planted]:
    box.reset()
    account = account_of(box)
    seed_clean(account)
    plant_all(account)
    yield Planted(reader_of(box, account))
    box.reset()


# --- what the second run sees instead: the problems are all there still ----------------------------------------------
def refused(planted: Planted) -> Findings:
    return planted.judged(lambda read: REFUSED)


def lists_refused(planted: Planted) -> Findings:
    return planted.judged(lambda read: dict.fromkeys(read, REFUSED))


def entries_refused(planted: Planted) -> Findings:
    """Names could be listed, nothing else of them could be read."""

    def entry(one: Any) -> Any:
        if not isinstance(one, dict):
            return one
        return {name: value if name == "name" else REFUSED for name, value in one.items()}

    return planted.judged(
        lambda read: {
            name: [entry(one) for one in value] if isinstance(value, list) else value for name, value in read.items()
        }
    )


def lost(planted: Planted) -> Findings:
    return [
        check.missing_result("the task left no findings") for chapter in CHAPTERS.values() for check in chapter.checks
    ]


def skipped(planted: Planted) -> Findings:
    return []


BLIND = (refused, lists_refused, entries_refused, lost, skipped)


class Tally:
    """Counts over the messages of one DAG, run by run."""

    def __init__(self) -> None:
        self.heard: dict[tuple[Route, str], FindingStatus] = {}
        self.counts: Counter[str] = Counter()
        self.told_wrongly: list[str] = []

    def _count(self, what: str, key: str) -> None:
        self.counts[what] += 1
        self.told_wrongly.append(f"{what}: {key}")

    def run(self, messages: list[Message], truth: Findings) -> None:
        """:param truth: what is so while the messages come, whatever the run could see."""
        bad = {one.key: one for one in truth if one.verdict is not OK}
        for message in messages:
            for key in message.ended:
                if key in bad and ("All clear" in message.subject or route_of(bad[key]) is message.route):
                    self._count("false all-clears", key)
                self.heard.pop((message.route, key), None)
            for key, notice in message.begun.items():
                said = UNKNOWN if notice.unknown_at is not None else notice.verdict
                if self.heard.get((message.route, key)) is said and NOT_KNOWN not in message.body:
                    self._count("doubles", key)
                if notice.unknown_at is None:
                    self.heard[message.route, key] = said

    def end(self, truth: Findings) -> None:
        for one in truth:
            if one.verdict is not OK and self.heard.get((route_of(one), one.key)) is not one.verdict:
                self._count("lost", one.key)

    def assert_none(self, story: str) -> None:
        counts = {one: self.counts[one] for one in ("false all-clears", "lost", "doubles")}
        checks = sum(len(one.check_ids) for one in CHAPTERS.values())
        print(f"{story}, {len(CHAPTERS)} chapters, {checks} checks: {counts}")
        assert set(counts.values()) == {0}, self.told_wrongly


def all_clear(findings: Findings) -> Findings:
    return [replace(one, verdict=OK, reason="fixed") for one in findings]


def test_every_check_has_its_problem(planted: Planted) -> None:
    bad = {one.check_id for one in planted.found if one.verdict is not OK}
    assert bad == {check_id for chapter in CHAPTERS.values() for check_id in chapter.check_ids}


@pytest.fixture
def dag(box: Sandbox, request: pytest.FixtureRequest) -> Iterator[Dag]:
    name = "".join(one if one.isalnum() else "-" for one in request.node.name)
    yield Dag(box, f"runbook_{name}", saves=False)
    box.faults.remove()


@pytest.mark.parametrize("blind", BLIND, ids=lambda one: one.__name__)
def test_a_run_that_cannot_see(planted: Planted, dag: Dag, blind: Callable[[Planted], Findings]) -> None:
    found, unseen, tally = planted.found, blind(planted), Tally()
    for seen in (found, unseen, unseen, found):
        tally.run(dag.run(seen), found)
    tally.end(found)
    tally.assert_none(f"a run that cannot see: {blind.__name__}")
    ended = {(one.route, key) for one in dag.run(all_clear(found)) for key in one.ended}
    assert ended >= {(route_of(one), one.key) for one in found if one.verdict is not OK}, "what is fixed is over"


def test_an_older_run_that_is_cleared(planted: Planted, dag: Dag) -> None:
    found, tally = planted.found, Tally()
    tally.run(dag.run(all_clear(found), "monday"), all_clear(found))
    monday = dag.now
    tally.run(dag.run(found), found)
    for seen in (all_clear(found), found, []):
        tally.run(dag.again(seen, "monday", monday), found)
    tally.run(dag.run(found), found)
    tally.end(found)
    tally.assert_none("an older run that is cleared")


@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
def test_a_first_run_without_its_bucket(planted: Planted, dag: Dag, operation: str) -> None:
    """All is heard at once; and again with the next run, which cannot know: the task of the first was red."""
    found = planted.found
    dag.box.faults.add_document({"kind": "accessDenied", "service": "s3", "operation": operation})
    for _ in range(2):
        tally = Tally()
        tally.run(dag.run(found), found)
        dag.box.faults.remove()
        tally.end(found)
        tally.assert_none(f"a first run, {operation} refused")
    assert dag.run(found) == []


@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
def test_a_later_run_without_its_bucket(planted: Planted, dag: Dag, operation: str) -> None:
    found, tally = planted.found, Tally()
    tally.run(dag.run(found), found)
    dag.box.faults.add_document({"kind": "accessDenied", "service": "s3", "operation": operation})
    tally.run(dag.run(found), found)
    dag.box.faults.remove()
    tally.run(dag.run(found), found)
    tally.end(found)
    tally.assert_none(f"a later run, {operation} refused")


@pytest.mark.parametrize("broken", list(Route))
def test_a_broken_topic(planted: Planted, dag: Dag, broken: Route) -> None:
    found, tally = planted.found, Tally()
    dag.broken.add(broken)
    for _ in range(3):
        tally.run(dag.run(found), found)
    dag.broken.clear()
    tally.run(dag.run(found), found)
    tally.end(found)
    tally.assert_none(f"the topic {broken} broken")
