"""On the planted estate each check reports exactly its problem, and no refused call makes a problem look well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from include.sandbox.estates.estate import Expected, plant_all, seed_clean
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.reader import AwsReader
from migration_ops.core.finding import FindingStatus
from tests.runbook.estates import Found, account_of, chapters, look, reader_of, with_each_call_refused

CHAPTERS = chapters()
CHECKS = [(name, check_id) for name, chapter in CHAPTERS.items() for check_id in chapter.check_ids]


@pytest.fixture(scope="module")
def planted(box: Sandbox) -> Iterator[tuple[AwsReader, Expected]]:
    box.reset()
    account = account_of(box)
    seed_clean(account)
    expected = plant_all(account)
    yield reader_of(box, account), expected
    box.reset()


@pytest.mark.parametrize(("name", "check_id"), CHECKS)
def test_a_problem_is_planted_for_each_check(planted: tuple[AwsReader, Expected], name: str, check_id: str) -> None:
    assert planted[1].get(check_id), f"no problem in include/sandbox/estates/planted for {check_id}"


@pytest.fixture(scope="module")
def found_in(planted: tuple[AwsReader, Expected]) -> Callable[[str], Found]:
    """The findings of a chapter by check id, looked at once."""
    return cache(lambda name: look(planted[0], CHAPTERS[name])[1])


@pytest.mark.parametrize(("name", "check_id"), CHECKS)
def test_each_check_finds_exactly_its_problem(
    planted: tuple[AwsReader, Expected], found_in: Callable[[str], Found], name: str, check_id: str
) -> None:
    findings = found_in(name)[check_id]
    unknown = [one for one in findings if one.verdict is FindingStatus.UNKNOWN]
    assert [(one.resource, one.reason) for one in unknown] == []
    bad = {one.resource for one in findings if one.verdict is not FindingStatus.OK}
    assert bad == planted[1][check_id]


@pytest.fixture(scope="module")
def lies_in(planted: tuple[AwsReader, Expected], box: Sandbox) -> Callable[[str], dict[str, list[str]]]:
    """Of a chapter with each of its calls refused in turn: which problems looked well, by check id."""
    return cache(lambda name: _lies(planted, box, name))


def _lies(planted: tuple[AwsReader, Expected], box: Sandbox, name: str) -> dict[str, list[str]]:
    reader, expected = planted
    chapter = CHAPTERS[name]
    lies: dict[str, list[str]] = {check_id: [] for check_id in chapter.check_ids}
    for call, _, found in with_each_call_refused(box, reader, chapter):
        for check_id, findings in found.items():
            seen = {finding.resource: finding for finding in findings}
            lies[check_id] += [
                f"{call}: {resource} {finding and finding.verdict}"
                for resource in expected[check_id]
                for finding in [seen.get(resource) or seen.get("*")]
                if finding is None or finding.verdict is FindingStatus.OK
            ]
    return lies


@pytest.mark.parametrize(("name", "check_id"), CHECKS)
def test_no_refused_call_makes_a_problem_look_well(
    lies_in: Callable[[str], dict[str, list[str]]], name: str, check_id: str
) -> None:
    """A reader that took an error for "there is none", or a check that took it for zero, would say OK here."""
    assert lies_in(name)[check_id] == []
