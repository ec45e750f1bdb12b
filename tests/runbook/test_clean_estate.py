"""On the clean estate no check finds anything; with any call refused, something is UNKNOWN."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.sandbox.estates.estate import seed_clean
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.reader import Reader
from migration_ops.core.finding import FindingVerdict
from tests.runbook.estates import account_of, chapters, failures, look, reader_of

CHAPTERS = chapters()


@pytest.fixture(scope="module")
def reader(box: Sandbox) -> Iterator[Reader]:
    box.reset()
    account = account_of(box)
    seed_clean(account)
    yield reader_of(box, account)
    box.reset()


@pytest.mark.parametrize("name", CHAPTERS)
def test_nothing_is_wrong(reader: Reader, name: str) -> None:
    _, found = look(reader, CHAPTERS[name])
    bad = [one for findings in found.values() for one in findings if one.verdict is not FindingVerdict.OK]
    assert [(one.check_id, one.resource, one.verdict, one.reason) for one in bad] == []
    assert all(found.values())


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_refused_call_is_seen_and_makes_something_unknown(reader: Reader, box: Sandbox, name: str) -> None:
    chapter = CHAPTERS[name]
    box.calls.clear()
    look(reader, chapter)
    calls = [(one["service"], one["operation"]) for one in box.calls.counts()]
    assert calls
    unseen = []
    for service, operation in calls:
        fault = box.book.add_document({"kind": "accessDenied", "service": service, "operation": operation})
        estate, found = look(reader, chapter)
        box.book.remove(fault.fault_id)
        verdicts = {one.verdict for findings in found.values() for one in findings}
        if not list(failures(estate)) or FindingVerdict.UNKNOWN not in verdicts:
            unseen.append(f"{service}:{operation}")
    assert unseen == []
