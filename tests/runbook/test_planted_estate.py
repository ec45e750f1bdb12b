"""On the planted estate each check reports exactly its problem, and no refused call makes a problem look well."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.sandbox.estates.estate import Expected, plant_all, seed_clean
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.reader import Reader
from migration_ops.core.finding import FindingVerdict
from tests.runbook.estates import account_of, chapters, look, reader_of

CHAPTERS = chapters()
CHECKS = [(name, check_id) for name, chapter in CHAPTERS.items() for check_id in chapter.check_ids]


@pytest.fixture(scope="module")
def planted(box: Sandbox) -> Iterator[tuple[Reader, Expected]]:
    box.reset()
    account = account_of(box)
    seed_clean(account)
    expected = plant_all(account)
    yield reader_of(box, account), expected
    box.reset()


@pytest.mark.parametrize(("name", "check_id"), CHECKS)
def test_a_problem_is_planted_for_each_check(planted: tuple[Reader, Expected], name: str, check_id: str) -> None:
    assert planted[1].get(check_id), f"no problem in include/sandbox/estates/planted for {check_id}"


@pytest.mark.parametrize("name", CHAPTERS)
def test_each_check_finds_exactly_its_problem(planted: tuple[Reader, Expected], name: str) -> None:
    reader, expected = planted
    _, found = look(reader, CHAPTERS[name])
    bad = {
        check_id: {one.resource for one in findings if one.verdict is not FindingVerdict.OK}
        for check_id, findings in found.items()
    }
    assert bad == {check_id: expected[check_id] for check_id in CHAPTERS[name].check_ids}
    unknown = [one for findings in found.values() for one in findings if one.verdict is FindingVerdict.UNKNOWN]
    assert [(one.check_id, one.resource, one.reason) for one in unknown] == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_refused_call_makes_a_problem_look_well(planted: tuple[Reader, Expected], box: Sandbox, name: str) -> None:
    """A reader that took an error for "there is none", or a check that took it for zero, would say OK here."""
    reader, expected = planted
    chapter = CHAPTERS[name]
    box.calls.clear()
    look(reader, chapter)
    lies = []
    for one in box.calls.counts():
        fault = box.book.add_document(
            {"kind": "accessDenied", "service": one["service"], "operation": one["operation"]}
        )
        _, found = look(reader, chapter)
        box.book.remove(fault.fault_id)
        for check_id, findings in found.items():
            seen = {finding.resource: finding for finding in findings}
            lies += [
                f"{one['service']}:{one['operation']}: {check_id} {resource} {finding and finding.verdict}"
                for resource in expected[check_id]
                for finding in [seen.get(resource) or seen.get("*")]
                if finding is None or finding.verdict is FindingVerdict.OK
            ]
    assert lies == []
