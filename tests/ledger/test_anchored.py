"""A history against its anchors: what was anchored is there, or in an archive copy, or is missed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.errors import InvalidInputError, RefusedError, ThrottledError
from migration_ops.ledger.anchor_trail import Anchored
from migration_ops.ledger.anchored import against_anchors
from migration_ops.ledger.anchors import head_of
from migration_ops.ledger.items import history_key, to_value
from migration_ops.ledger.judgement import Judgement
from tests.ledger.archived import NAME, Archived


@pytest.fixture
def archived() -> Archived:
    return Archived()


def anchored_at(archived: Archived, number: int = 4, **changes: Any) -> Anchored:
    """The head of this line, as an anchor of that time holds it."""
    head = replace(head_of(archived.item), sequence=number, digest=archived.chain.entries[number - 1].digest)
    return Anchored("anchors/1", replace(head, **changes))


def against(archived: Archived, *heads: Anchored, store: bool = True, **chain: Any) -> Judgement:
    given: Any = archived.store if store else None
    return against_anchors(replace(archived.chain, **chain), list(heads), given)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_what_was_anchored_is_there(archived: Archived, number: int) -> None:
    assert against(archived, anchored_at(archived, number)) == Judgement()


def test_a_record_that_was_edited_since(archived: Archived) -> None:
    item = archived.item | {"instanceId": to_value("i-2")}
    assert against(archived, anchored_at(archived), item=item).broken == (
        f"{NAME}: the record was edited since it was anchored in anchors/1",
    )
    # It went on since that line: its attributes are no longer those.
    assert against(archived, anchored_at(archived, 3), item=item) == Judgement()


def test_a_record_that_was_moved_to_another_wave(archived: Archived) -> None:
    item = archived.item | {"wave": to_value("wave-9")}
    [found] = against(archived, anchored_at(archived), item=item).broken
    assert found.endswith("anchored in anchors/1: it was in wave 'wave-3' and is in 'wave-9'")


def unarchived(archived: Archived) -> dict[str, Any]:
    return {name: one for name, one in archived.item.items() if not name.startswith("archive")}


@pytest.mark.parametrize(
    ("lines", "item", "words"),
    [
        ((), None, "record and history are gone"),
        ((1, 2), None, "the history was shortened or reset"),
        ((1, 2), 2, "the history was shortened or reset"),
        ((1, 2), 3, "the line is gone"),
        ((1, 2, 3), 3, "the line is not the one that was"),
    ],
)
def test_an_anchored_line_that_is_no_longer_there(
    archived: Archived, lines: tuple[int, ...], item: int | None, words: str
) -> None:
    known = {history_key(NAME, one): archived.chain.lines[history_key(NAME, one)] for one in lines}
    record = unarchived(archived) | {"historySequence": to_value(item)} if item else None
    head = anchored_at(archived, 3, archive_key="", digest="0" * 64)
    [found] = against(archived, head, item=record, lines=known).broken
    assert found.startswith(f"{history_key(NAME, 3)}: {words}")
    assert found.endswith("anchored in anchors/1")


@pytest.mark.parametrize("number", [2, 4])
def test_a_migration_that_was_archived_and_expired_is_in_its_copy(archived: Archived, number: int) -> None:
    head = anchored_at(archived, number)
    assert against(archived, head, item=None, lines={}) == Judgement()
    # Another line than the anchored one is no proof, nor is a copy that is not whole.
    other = anchored_at(archived, number, digest="0" * 64)
    assert len(against(archived, other, item=None, lines={}).broken) == 1
    archived.store.documents["archive/4"]["history"][0]["event"] = "approved"
    assert against(archived, head, item=None, lines={}).broken


def test_a_copy_that_ends_before_the_line_proves_nothing(archived: Archived) -> None:
    head = anchored_at(archived, 4, archive_key="archive/2", archived_sequence=2)
    assert len(against(archived, head, item=None, lines={}).broken) == 1
    assert archived.store.asked == []
    # A later anchor names the copy that has it.
    assert against(archived, head, anchored_at(archived), item=None, lines={}) == Judgement()


def test_a_copy_that_is_not_there_breaks_and_one_that_was_not_read_is_not_known(archived: Archived) -> None:
    head = anchored_at(archived)
    found = against(archived, head, item=None, lines={}, store=False)
    assert (found.broken, len(found.unknown)) == ((), 1)
    archived.store.documents["archive/4"] = RefusedError("no", awsCode="NoSuchKey")
    assert len(against(archived, head, item=None, lines={}).broken) == 2
    archived.store.documents["archive/4"] = ThrottledError("slow")
    assert against(archived, head, item=None, lines={}).broken == ()


def test_an_archived_line_that_nobody_can_read_is_not_compared(archived: Archived) -> None:
    later = {history_key(NAME, 4): archived.chain.lines[history_key(NAME, 4)]}
    found = against(archived, anchored_at(archived, 3), lines=later, store=False)
    assert (found.broken, found.unknown) == (
        (),
        (f"{history_key(NAME, 3)}: anchored in anchors/1, and archived: not compared",),
    )
    last = against(archived, anchored_at(archived, 4, archive_key=""), lines={}, store=False)
    assert (last.broken, len(last.unknown)) == ((), 1)
    # Beyond what is archived it must be in the table; and one that is there and differs is broken.
    item = archived.item | {"archivedSequence": to_value(2)}
    gone = against(archived, anchored_at(archived, 3, archive_key=""), lines=later, item=item, store=False)
    assert len(gone.broken) == 1
    differs = anchored_at(archived, 4, digest="0" * 64, archive_key="")
    assert len(against(archived, differs, lines=later, store=False).broken) == 1


def malformed(*_: Any) -> Any:
    raise InvalidInputError("malformed")


def test_a_malformed_record_is_broken(archived: Archived, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migration_ops.ledger.anchored.record_digest", malformed)
    assert len(against(archived, anchored_at(archived)).broken) == 1
