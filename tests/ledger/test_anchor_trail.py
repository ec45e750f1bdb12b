"""The trail of anchors: which files are believed, and which heads they hold."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.errors import InvalidInputError, MigrationError, ThrottledError
from migration_ops.ledger.anchor_signing import Signature
from migration_ops.ledger.anchor_store import StoredAnchor
from migration_ops.ledger.anchor_trail import Trail, read_trail
from migration_ops.ledger.anchors import ALL, Anchor, Head, Link, every_head
from migration_ops.ledger.items import Item, to_item
from migration_ops.ledger.judgement import Judgement


def malformed(*_: Any) -> Any:
    raise InvalidInputError("malformed")


class Answers:
    """A table: the items of each status in turn, and those that are read by their key."""

    name = "t"

    def __init__(self, *by_status: list[Item], by_key: dict[str, Item] | None = None) -> None:
        self.by_status, self.by_key, self.asked = list(by_status), by_key or {}, []

    def query(self, *_: Any) -> list[Item]:
        return self.by_status.pop(0) if self.by_status else []

    def get(self, keys: list[str]) -> dict[str, Item]:
        self.asked += keys
        return {one: self.by_key[one] for one in keys if one in self.by_key}


def item_of(name: str, sequence: int = 1) -> Item:
    return to_item({"migrationId": name, "wave": "w", "historySequence": sequence, "historyDigest": f"d{sequence}"})


def heads(table: Any, *known: str) -> list[tuple[str, int]]:
    return [(one.migration_id, one.sequence) for one in every_head(table, known)]


@pytest.mark.parametrize("order", [(1, 2), (2, 1), (2, 2)])
def test_of_a_migration_in_two_answers_the_newer_counts(order: tuple[int, int]) -> None:
    answers = [[item_of("mig-b", one), item_of("mig-a")] for one in order]
    assert heads(Answers(*answers)) == [("mig-a", 1), ("mig-b", 2)]


def test_a_record_whose_number_of_lines_is_gone_is_still_in_the_anchor() -> None:
    item = {name: value for name, value in item_of("mig-a").items() if name != "historySequence"}
    assert heads(Answers([item])) == [("mig-a", 0)]


def test_a_migration_that_is_in_no_answer_is_read_by_its_key() -> None:
    table = Answers([item_of("mig-b")], by_key={"mig-a": item_of("mig-a", 7)})
    assert heads(table, "mig-a", "mig-b", "mig-none") == [("mig-a", 7), ("mig-b", 1)]
    assert table.asked == ["mig-a", "mig-none"]


def test_a_malformed_record_is_in_no_anchor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migration_ops.ledger.anchors.record_digest", malformed)
    assert heads(Answers([item_of("mig-a")])) == []


@pytest.mark.parametrize("more", [{}, {"archive_key": "archive/2", "archived_sequence": 2}])
@pytest.mark.parametrize("previous", [None, Link("anchors/0", "s")])
def test_an_anchor_is_read_as_it_is_written(more: dict[str, Any], previous: Link | None) -> None:
    head = Head("mig-1", "w", 3, "d", "r", **more)
    anchor = Anchor("t", ALL, "2030-01-01T00:00:00.000Z", "run", (head,), previous)
    assert Anchor.from_document(anchor.as_document()) == anchor
    assert ("archiveKey" in head.as_document()) is bool(more)


HEADS = tuple(Head(f"mig-{one}", f"wave-{one}", 1, "d", "r") for one in (1, 2))
SIGNATURE = {"keyId": "key-1", "algorithm": "RSASSA_PSS_SHA_256", "value": "c2ln"}


def file(number: int, signed: bool = False, was_touched: bool = False, **changes: Any) -> StoredAnchor:
    values: dict[str, Any] = {"table": "t", "scope": ALL, "written_at": f"2030-01-0{number}", "written_by": "run"}
    anchor = Anchor(**(values | {"heads": HEADS} | changes))
    document = {"anchor": anchor.as_document(), "signature": SIGNATURE if signed else None}
    return StoredAnchor(f"anchors/{number}", json.dumps(document).encode(), was_touched)


class Signers:
    """A key that finds every signature valid, or not, or cannot be asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def is_valid(self, digest: bytes, signature: Signature) -> bool:
        if isinstance(self.answer, MigrationError):
            raise self.answer
        return bool(self.answer)


def trail(*files: StoredAnchor, signers: tuple[Any, ...] = ()) -> Trail:
    class Store:
        def read(self, table: str) -> list[StoredAnchor]:
            return list(files)

    store: Any = Store()
    return read_trail(store, "t", signers)


def test_signatures_are_read_as_they_are_written() -> None:
    assert Signature.from_document(SIGNATURE).as_document() == SIGNATURE


def test_no_anchors_are_nothing_wrong() -> None:
    assert trail() == Trail()
    assert trail(signers=(Signers(True),)) == Trail()


def test_heads_are_kept_once_with_the_oldest_file() -> None:
    newer = replace(HEADS[0], sequence=2)
    found = trail(file(2, heads=(*HEADS, newer)), file(1))
    assert (found.files, found.newest, found.judgement) == (2, "2030-01-02", Judgement())
    assert [(one.key, one.head.sequence) for one in found.heads["mig-1"]] == [("anchors/1", 1), ("anchors/2", 2)]
    assert found.migrations_of("wave-2") == {"mig-2"}
    assert found.migrations_of("wave-9") == set()


def test_the_newest_of_all_chains_is_told_apart() -> None:
    found = trail(file(1), file(2, scope="wave w"))
    assert (found.newest, found.newest_of_all) == ("2030-01-02", "2030-01-01")


def test_a_file_that_was_touched_or_is_no_anchor_is_broken() -> None:
    strange = [StoredAnchor("anchors/9", body, False) for body in (b"{", b"[]", b"{}", b'{"anchor": {}}')]
    found = trail(file(1, was_touched=True), file(2, table="other"), *strange)
    assert found.judgement.broken == (
        "anchors/1: was overwritten or deleted",
        "anchors/2: is no anchor of this table",
        *["anchors/9: is no anchor of this table"] * 4,
    )
    assert found.files == 1


def test_each_anchor_names_the_one_before() -> None:
    first = file(1)
    assert trail(first, file(2, previous=Link(first.key, first.sha256))).judgement == Judgement()
    assert trail(first, file(2, previous=Link(first.key, "0"))).judgement.broken == (
        "anchors/2: the anchor before it, anchors/1, was changed",
    )
    assert trail(file(2, previous=Link(first.key, first.sha256))).judgement.broken == (
        "anchors/2: the anchor before it, anchors/1, is not there",
    )


def test_signatures_without_a_key_are_not_checked() -> None:
    found = trail(file(1), file(2, signed=True))
    assert found.judgement.unknown == ("1 anchors are signed, and no key was named: their signatures were not checked",)
    assert found.files == 2


def test_a_key_without_signatures_is_not_known() -> None:
    found = trail(file(1), signers=(Signers(True),))
    assert found.judgement.unknown == ("a key was named, and no anchor is signed",)
    assert found.files == 1


def test_after_the_first_signed_anchor_all_are_signed() -> None:
    key = (Signers(True),)
    assert trail(file(1), file(2, signed=True), file(3, signed=True), signers=key).judgement == Judgement()
    found = trail(file(1), file(2, signed=True), file(3), signers=key)
    assert found.judgement.broken == ("anchors/3: is not signed, earlier anchors are",)
    assert (found.files, found.newest) == (2, "2030-01-02")


def test_a_signature_is_by_one_of_the_keys() -> None:
    assert trail(file(1, signed=True), signers=(Signers(False), Signers(True))).judgement == Judgement()
    wrong = trail(file(1, signed=True), signers=(Signers(False),))
    assert (len(wrong.judgement.broken), wrong.files) == (1, 0)
    unread = trail(file(1, signed=True), signers=(Signers(ThrottledError("slow")),))
    assert (unread.judgement.broken, len(unread.judgement.unknown), unread.files) == ((), 1, 0)
