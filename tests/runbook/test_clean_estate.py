"""On the clean estate no check finds anything; with any call refused, something is UNKNOWN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from include.sandbox.estates.estate import seed_clean
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.reader import AwsReader
from migration_ops.core.finding import Finding, FindingStatus
from tests.runbook.estates import account_of, chapters, failures, look, reader_of, with_each_call_refused

CHAPTERS = chapters()
CHECKS = [(name, check_id) for name, chapter in CHAPTERS.items() for check_id in chapter.check_ids]


@pytest.fixture(scope="module")
def reader(box: Sandbox) -> Iterator[AwsReader]:
    box.reset()
    account = account_of(box)
    seed_clean(account)
    yield reader_of(box, account)
    box.reset()


@pytest.fixture(scope="module")
def found_in(reader: AwsReader) -> Callable[[str], dict[str, list[Finding]]]:
    """The findings of a chapter by check id, looked at once."""
    return cache(lambda name: look(reader, CHAPTERS[name])[1])


@pytest.mark.parametrize(("name", "check_id"), CHECKS)
def test_nothing_is_wrong(found_in: Callable[[str], dict[str, list[Finding]]], name: str, check_id: str) -> None:
    findings = found_in(name)[check_id]
    bad = [one for one in findings if one.verdict is not FindingStatus.OK]
    assert [(one.resource, one.verdict, one.reason) for one in bad] == []
    assert findings


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_refused_call_is_seen_and_makes_something_unknown(reader: AwsReader, box: Sandbox, name: str) -> None:
    refused, unseen = 0, []
    for call, estate, found in with_each_call_refused(box, reader, CHAPTERS[name]):
        refused += 1
        verdicts = {one.verdict for findings in found.values() for one in findings}
        if not list(failures(estate)) or FindingStatus.UNKNOWN not in verdicts:
            unseen.append(call)
    assert refused
    assert unseen == []
