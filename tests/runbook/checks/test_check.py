"""A check over what was read: one finding at least, and UNKNOWN for whatever could not be judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import Snapshot, failed
from migration_ops.core.finding import CheckResult, FindingStatus, Route, above, ok, warning
from migration_ops.core.listing import Listing
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.check import Check, Metadata

CRITICAL, UNKNOWN, WARNING, OK = FindingStatus
LOST = failed("sqs:x", UnknownError("refused"))
QUEUES = Listing("sqs", "queues", lambda reader: {})
META = Metadata(
    check_id="depth",
    chapter="health",
    title="Depth",
    listing=QUEUES,
    route=Route.PAGE,
    section="Daily Operations",
    risk="Risk.",
    remedy="Do.",
    unit="messages",
)


class Given(Check):
    """A check with a judgement of the test."""

    def __new__(cls, *_: Any) -> Any:
        return object.__new__(cls)

    def __init__(self, judge: Any, meta: Metadata = META) -> None:
        object.__setattr__(self, "chapter", "health")
        object.__setattr__(self, "check_id", meta.check_id)
        self.__dict__["_metadata"] = meta
        self.__dict__["_judge"] = judge

    @property
    def metadata(self) -> Metadata:
        return self.__dict__["_metadata"]

    @property
    def judge(self) -> Any:
        return self.__dict__["_judge"]


def run(judge: Any, queues: Any, meta: Metadata = META) -> list[tuple[str, FindingStatus]]:
    found = Given(judge, meta).run(Snapshot({"sqs": {"queues": queues}}), Thresholds())
    return [(one.resource, one.verdict) for one in found]


def depth(queue: Snapshot, *_: Any) -> CheckResult:
    return above(queue["depth"], 10, "depth", CRITICAL)


def test_up_to_the_limit_is_well() -> None:
    assert run(depth, [{"name": "a", "depth": 10}, {"name": "b", "depth": 11}]) == [("a", OK), ("b", CRITICAL)]


def test_one_that_cannot_be_judged_does_not_hide_the_others() -> None:
    queues = [
        {"name": "a"},
        {"name": "b", "depth": LOST},
        LOST,
        {"name": "c", "depth": "many"},
        {"name": "d", "depth": 1},
    ]
    assert run(depth, queues) == [("a", UNKNOWN), ("b", UNKNOWN), ("*", UNKNOWN), ("c", UNKNOWN), ("d", OK)]


def test_what_was_said_before_a_doubt_stays_said() -> None:
    def each(queue: Snapshot, *_: Any) -> Iterator[CheckResult]:
        for part in queue["parts"]:
            yield above(part["depth"], 10, "depth", CRITICAL, resource=part["name"])

    parts = [{"name": "p", "depth": 11}, {"name": "q"}, {"name": "r", "depth": 1}]
    assert run(each, [{"name": "a", "parts": parts}]) == [("p", CRITICAL), ("a", UNKNOWN)]


def test_one_whose_name_was_not_read_is_judged_as_unknown() -> None:
    assert run(lambda queue, *_: ok(queue["name"]), [{"name": LOST}]) == [("*", UNKNOWN)]


def test_a_judgement_may_name_another_resource_and_there_may_be_many() -> None:
    def judge(queue: Snapshot, *_: Any) -> Iterator[CheckResult]:
        yield warning("one", resource="a/1")
        yield ok("two")

    assert run(judge, [{"name": "a"}]) == [("a/1", WARNING), ("a", OK)]


def test_a_generator_that_breaks_off_is_unknown_and_not_half_an_answer() -> None:
    def judge(queue: Snapshot, *_: Any) -> Iterator[CheckResult]:
        yield ok("fine so far")
        yield ok(queue["missing"])

    assert run(judge, [{"name": "a"}]) == [("a", UNKNOWN)]


def test_a_check_that_applies_to_none_says_so() -> None:
    assert run(lambda *_: None, [{"name": "a"}]) == [("*", OK)]


@pytest.mark.parametrize(("empty", "verdict"), [("unknown", UNKNOWN), ("ok", OK)])
def test_nothing_to_judge_is_what_the_metadata_says(empty: str, verdict: FindingStatus) -> None:
    assert run(depth, [], Metadata(**{**vars(META), "empty": empty})) == [("*", verdict)]


def test_only_what_is_not_well_says_what_to_do() -> None:
    queues = [{"name": "a", "depth": 1}, {"name": "b", "depth": 11}]
    found = Given(depth).run(Snapshot({"sqs": {"queues": queues}}), Thresholds())
    assert [(one.remedy, one.section, one.unit, one.route) for one in found] == [
        ("", "Daily Operations", "messages", Route.PAGE),
        ("Do.", "Daily Operations", "messages", Route.PAGE),
    ]
