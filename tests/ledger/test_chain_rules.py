"""The hash chain rule by rule, on a table in memory: which change of a line or a record gives which finding."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from include.simulation.table import MemoryTable, TableClient
from migration_ops.core.states import Phase
from migration_ops.ledger.chain import (
    ArchivedUntil,
    digest_of,
    entry_item,
    entry_of,
    next_entry,
    verify,
)
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.items import RECORD_ATTRIBUTES, from_item, history_key, to_item, to_value
from migration_ops.ledger.judgement import Judgement
from migration_ops.ledger.protocol import HistoryEntry, Record
from migration_ops.ledger.record_digest import DIGESTED, record_digest
from migration_ops.ledger.stored_chain import StoredChain, read_chain
from migration_ops.ledger.table import Table
from tests.ledger.builders import Clock, a_holder, a_record

NAME = "mig-web001"
STEPS = (Phase.TEST_LAUNCHING, Phase.TEST_LAUNCHED, Phase.TESTED)


@pytest.fixture
def memory(clock: Clock) -> MemoryTable:
    return MemoryTable(lambda: clock().timestamp())


@pytest.fixture
def written(memory: MemoryTable, clock: Clock) -> Record:
    """Four lines, the first two without a lock."""
    ledger = DynamoDbLedger(TableClient(memory), "migration-state", clock)
    records = ledger.write([a_record()], [a_record()], "registered", {"by": "me"})
    for phase in STEPS:
        holder = None if phase is STEPS[0] else a_holder()
        records = ledger.write(records, [records[0].to(phase)], phase.lower(), {"lag": 0.5}, holder=holder)
    return records[0]


@pytest.fixture
def chain(memory: MemoryTable, written: Record, clock: Clock) -> StoredChain:
    return read_chain(Table(TableClient(memory), "migration-state"), NAME, clock().timestamp())


@pytest.fixture
def entries(chain: StoredChain) -> list[HistoryEntry]:
    return chain.entries


def line(number: int) -> str:
    return history_key(NAME, number)


def with_line(entries: list[HistoryEntry], number: int, **changes: Any) -> list[HistoryEntry]:
    return [replace(one, **changes) if one.sequence == number else one for one in entries]


def rechained(entries: list[HistoryEntry]) -> list[HistoryEntry]:
    """With all digests computed again, as somebody could who may write the table."""
    previous, made = "", []
    for entry in entries:
        entry = replace(entry, previous_digest=previous)
        entry = replace(entry, digest=digest_of(entry))
        previous = entry.digest
        made.append(entry)
    return made


# --- a chain of lines -------------------------------------------------------------------------------------------------


def test_a_whole_history_has_no_problem(chain: StoredChain, written: Record) -> None:
    assert [entry.sequence for entry in chain.entries] == [1, 2, 3, 4]
    assert verify(chain.entries, written) == []
    assert verify(chain.entries, written, record_digest(chain.item or {})) == []
    assert chain.judged() == Judgement()


def test_a_line_of_another_migration(entries: list[HistoryEntry], written: Record) -> None:
    found = verify(with_line(entries, 2, migration_id="mig-web002"), written)
    assert f"{line(2)}: belongs to 'mig-web002'" in found


@pytest.mark.parametrize(
    "change",
    [
        {"at": "2031-01-01T00:00:00.000Z"},
        {"phase": "READY"},
        {"event": "approved"},
        {"detail": {}},
        {"record_digest": "0" * 64},
        {"holder": {"dagId": "other"}},
        {"holder": {}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_edited_line(entries: list[HistoryEntry], written: Record, change: dict[str, Any]) -> None:
    assert verify(with_line(entries, 2, **change), written) == [f"{line(2)}: was edited, its digest does not match"]


def test_an_edited_line_with_a_digest_of_its_own(entries: list[HistoryEntry], written: Record) -> None:
    edited = with_line(entries, 2, event="approved")
    edited[1] = replace(edited[1], digest=digest_of(edited[1]))
    assert verify(edited, written) == [f"{line(3)}: does not follow the line before it"]


def test_a_missing_line(entries: list[HistoryEntry], written: Record) -> None:
    assert verify(entries[:1] + entries[2:], written) == [
        f"{line(3)}: expected line 2: lines are missing or swapped",
        f"{line(3)}: does not follow the line before it",
    ]


def test_a_cut_off_end(entries: list[HistoryEntry], written: Record) -> None:
    assert verify(entries[:3], written) == [
        f"{NAME}: the history ends at 3, the record at 4",
        f"{NAME}: the record is TESTED, its last line says TEST_LAUNCHED",
    ]


def test_no_line_at_all(written: Record) -> None:
    assert verify([], written) == [f"{NAME}: the history ends at 0, the record at 4"]
    nothing = replace(written, history_sequence=0, version=0, history_digest="")
    assert verify([], nothing) == []
    assert verify([], nothing, "0" * 64) == []


def test_a_history_that_was_computed_again(entries: list[HistoryEntry], written: Record) -> None:
    """Only the record's digest of the last line, and the anchors, show it."""
    forged = rechained(with_line(entries, 2, event="approved"))
    assert verify(forged, written) == [f"{NAME}: the last line is not the one that the record was written with"]


def test_a_record_that_was_set_back(entries: list[HistoryEntry], written: Record) -> None:
    assert verify(entries, replace(written, history_sequence=3)) == [
        f"{NAME}: the history ends at 4, the record at 3",
        f"{NAME}: version 4 with 3 lines",
    ]


@pytest.mark.parametrize("version", [3, 5])
def test_a_version_that_is_not_the_number_of_lines(entries: list[HistoryEntry], written: Record, version: int) -> None:
    assert verify(entries, replace(written, version=version)) == [f"{NAME}: version {version} with 4 lines"]


@pytest.mark.parametrize("sequence", [-1, 0])
def test_a_line_without_a_number_that_can_be_is_not_overlooked(
    entries: list[HistoryEntry], written: Record, sequence: int
) -> None:
    found = verify([*entries, replace(entries[-1], sequence=sequence)], written)
    assert f"{line(sequence)}: expected line 5: lines are missing or swapped" in found


def test_an_edited_record(entries: list[HistoryEntry], written: Record) -> None:
    assert verify(entries, written, "0" * 64) == [
        f"{NAME}: the record was edited, it is not what its last line was written with"
    ]
    assert verify(entries, written, "") == []


# --- lines of earlier releases ----------------------------------------------------------------------------------------


def old_lines(entries: list[HistoryEntry], *numbers: int) -> list[HistoryEntry]:
    """These lines without a digest of the record and without a holder."""
    return rechained(
        [replace(one, record_digest="", holder=None) if one.sequence in numbers else one for one in entries]
    )


def test_lines_of_earlier_releases_come_first(entries: list[HistoryEntry], written: Record) -> None:
    lines = old_lines(entries, 1, 2)
    record = replace(written, history_digest=lines[-1].digest)
    assert verify(lines, record) == []


@pytest.mark.parametrize("numbers", [(3,), (4,), (3, 4)], ids=str)
def test_a_digest_of_the_record_is_not_left_out_again(
    entries: list[HistoryEntry], written: Record, numbers: tuple[int, ...]
) -> None:
    lines = old_lines(entries, *numbers)
    record = replace(written, history_digest=lines[-1].digest)
    assert verify(lines, record, "0" * 64 if 4 in numbers else "") == [
        f"{line(one)}: has no digest of the record, the lines before it have" for one in numbers
    ]


def test_members_that_earlier_releases_did_not_have_change_no_digest() -> None:
    entry = next_entry(a_record(), "2030-01-01T00:00:00.000Z", "PLANNED", "registered", {})
    assert (entry.sequence, entry.previous_digest, entry.record_digest, entry.holder) == (1, "", "", None)
    # SHA-256 of the line's canonical JSON, as the first release wrote it.
    assert entry.digest == "bd3bcb488d9694c287aedde8e4513c840b6c933a1a0f100aef4795c515c50c1d"
    assert digest_of(replace(entry, holder={})) != entry.digest
    assert digest_of(replace(entry, record_digest="0")) != entry.digest


# --- after archived lines ---------------------------------------------------------------------------------------------


def test_lines_after_the_archived_ones(entries: list[HistoryEntry], written: Record) -> None:
    after = ArchivedUntil(2, entries[1].digest)
    assert verify(entries, written, "", after) == []
    assert verify(entries[2:], written, "", after) == []
    assert verify(entries[2:], written, "", ArchivedUntil(2, "0" * 64)) == [
        f"{line(3)}: does not follow the line before it"
    ]
    assert verify(entries[3:], written, "", after)[0] == f"{line(4)}: expected line 3: lines are missing or swapped"


def test_all_lines_are_archived(entries: list[HistoryEntry], written: Record) -> None:
    assert verify(entries, written, "", ArchivedUntil(4, entries[3].digest)) == []
    assert verify([], written, "", ArchivedUntil(4, "0" * 64)) == [
        f"{NAME}: the last line is not the one that the record was written with"
    ]


# --- lines as items ---------------------------------------------------------------------------------------------------


def test_a_line_is_read_as_it_was_written(entries: list[HistoryEntry]) -> None:
    assert [entry_of(entry_item(one)) for one in entries] == entries
    assert entries[0].holder is None
    assert entries[-1].holder == a_holder().identity
    assert "recordDigest" not in entry_item(replace(entries[0], record_digest=""))


@pytest.mark.parametrize("text", ["{", '"text"', "[]", "1"])
def test_a_detail_that_is_no_document_is_not_believed(entries: list[HistoryEntry], text: str) -> None:
    assert entry_of(entry_item(entries[0]) | {"detail": to_value(text)}).detail == {"unreadable": True}


def test_members_that_are_absent_or_of_another_type_match_no_digest(entries: list[HistoryEntry]) -> None:
    assert entry_of({}) == HistoryEntry("", -1, "", "", "", {"unreadable": True}, "", "")
    for wrong in ("1", 1.5, [1]):
        assert entry_of(entry_item(entries[0]) | {"sequence": to_value(wrong)}).sequence == -1
    assert entry_of(entry_item(entries[0]) | {"detail": to_value(7)}).detail == {"unreadable": True}


@pytest.mark.parametrize("holder", ["run-1", 1, ["run-1"], {"runId": 1}, {"runId": "run-1", "nonce": None}])
def test_a_holder_that_is_no_holder_matches_no_digest(entries: list[HistoryEntry], holder: Any) -> None:
    assert entry_of(entry_item(entries[0]) | {"holder": to_value(holder)}).holder == {"unreadable": ""}


# --- the digest of a record -------------------------------------------------------------------------------------------


def test_every_attribute_but_the_chains_own_is_digested(chain: StoredChain) -> None:
    item = chain.item or {}
    assert {"historyDigest"} == RECORD_ATTRIBUTES - DIGESTED
    for name in sorted(DIGESTED & set(item)):
        assert record_digest({**item, name: to_value("other")}) != record_digest(item), name
    notes = to_item({"historyDigest": "0", "writeToken": "t", "archiveKey": "archive/x", "expiresAt": 1})
    assert record_digest(item | notes) == record_digest(item)


# --- a chain in the table ---------------------------------------------------------------------------------------------


def edited(chain: StoredChain, number: int = 0, **attributes: Any) -> StoredChain:
    """The chain with attributes of a line (0: of the record) replaced; None removes one."""
    values = {name: to_value(value) for name, value in attributes.items() if value is not None}
    if not number:
        item = {name: value for name, value in (chain.item or {}).items() if name not in attributes}
        return replace(chain, item=item | values)
    return replace(chain, lines=chain.lines | {line(number): chain.lines[line(number)] | values})


def test_without_an_archive_nothing_is_merged(chain: StoredChain) -> None:
    whole, judgement = chain.completed(None)
    assert whole is chain
    assert judgement == Judgement()


def test_a_record_that_is_gone(chain: StoredChain) -> None:
    assert replace(chain, item=None).judged().broken == (f"{NAME}: the record is gone, its history is not",)
    assert replace(chain, item=None).record is None


def test_a_record_that_is_malformed_is_broken_and_hides_nothing(chain: StoredChain) -> None:
    [found] = edited(chain, phase="DONE").judged().broken
    assert found.startswith(f"{NAME}: [INVALID_INPUT]")


def test_an_attribute_that_was_edited(chain: StoredChain) -> None:
    assert edited(chain, instanceId="i-2").judged().broken == (
        f"{NAME}: the record was edited, it is not what its last line was written with",
    )


def test_archived_lines_that_nobody_read_are_unknown_and_the_others_are_judged(chain: StoredChain) -> None:
    digest = chain.entries[1].digest
    archived = edited(chain, archivedSequence=2, archivedDigest=digest, archiveKey="archive/a")
    assert archived.judged().broken == ()
    assert len(archived.judged().unknown) == 1
    gone = replace(archived, lines={key: chain.lines[key] for key in (line(3), line(4))})
    assert (gone.judged().broken, len(gone.judged().unknown)) == ((), 1)
    assert edited(gone, 4, event="approved").judged().broken == (f"{line(4)}: was edited, its digest does not match",)
    assert edited(archived, 1, event="approved").judged().broken == (
        f"{line(1)}: was edited, its digest does not match",
    )
    partly = replace(archived, lines={key: chain.lines[key] for key in (line(2), line(3), line(4))})
    assert (partly.judged().broken, len(partly.judged().unknown)) == ((), 1)


def test_lines_until_a_number(chain: StoredChain) -> None:
    assert chain.has_lines_until(4)
    assert not chain.has_lines_until(5)
    fewer = replace(chain, lines={key: chain.lines[key] for key in (line(1), line(3), line(4))})
    assert fewer.has_lines_until(1)
    assert not fewer.has_lines_until(2)
    assert not fewer.has_lines_until(3)


LATER = 4_000_000_000


def test_what_expires_without_a_copy_is_broken(chain: StoredChain) -> None:
    assert edited(chain, 2, expiresAt=LATER).judged().broken == (f"{line(2)}: expires, but is not archived",)
    [found] = edited(chain, expiresAt=LATER).judged().broken
    assert found == f"{NAME}: the record expires, but is not archived"


@pytest.mark.parametrize(("archived", "is_broken"), [(2, False), (1, True)])
def test_an_archived_line_may_expire(chain: StoredChain, archived: int, is_broken: bool) -> None:
    noted = edited(chain, archivedSequence=archived, archivedDigest=chain.entries[archived - 1].digest)
    noted = edited(noted, archiveKey="archive/a")
    found = edited(noted, 2, expiresAt=LATER).judged().broken
    assert found == ((f"{line(2)}: expires, but is not archived",) if is_broken else ())


@pytest.mark.parametrize(("archived", "is_broken"), [(4, False), (3, True)])
def test_a_record_may_expire_when_all_its_lines_are_archived(
    chain: StoredChain, archived: int, is_broken: bool
) -> None:
    noted = edited(chain, archivedSequence=archived, archivedDigest=chain.entries[archived - 1].digest)
    noted = edited(noted, archiveKey="archive/a", expiresAt=LATER)
    assert noted.judged().broken == ((f"{NAME}: the record expires, but is not archived",) if is_broken else ())


class OneObject:
    """An evidence store that holds one archive copy."""

    def __init__(self, chain: StoredChain, until: int) -> None:
        lines = [from_item(item) for key, item in chain.lines.items() if key <= line(until)]
        self.document: dict[str, Any] = {"record": from_item(chain.item or {}), "history": lines}

    def get(self, key: str) -> str:
        assert key == "archive/a"
        return json.dumps(self.document)


def archived(chain: StoredChain) -> StoredChain:
    digest = chain.entries[3].digest
    return edited(chain, archivedSequence=4, archivedDigest=digest, archiveKey="archive/a")


def test_archived_lines_take_the_place_of_expired_ones(chain: StoredChain) -> None:
    store: Any = OneObject(chain, 4)
    gone = replace(archived(chain), lines={line(4): chain.lines[line(4)]})
    whole, judgement = gone.completed(store)
    assert (list(whole.lines.items()), judgement) == (list(chain.lines.items()), Judgement())
    assert gone.judged(store) == Judgement()
    assert archived(chain).judged(store) == Judgement()


def test_a_line_that_differs_from_its_copy_is_named(chain: StoredChain) -> None:
    store: Any = OneObject(chain, 4)
    store.document["history"][1]["digest"] = "0" * 64
    assert archived(chain).completed(store)[1].broken == (f"{line(2)}: differs from its archive copy",)
    # A line that the copy does not have is compared with nothing.
    del store.document["history"][1]
    assert archived(chain).completed(store)[1].broken == ()


# --- read from the table ----------------------------------------------------------------------------------------------


def read(memory: MemoryTable, clock: Clock) -> StoredChain:
    return read_chain(Table(TableClient(memory), "migration-state"), NAME, clock().timestamp())


def test_one_line_more_than_the_record_says_is_read(memory: MemoryTable, chain: StoredChain, clock: Clock) -> None:
    memory.items[NAME] = memory.items[NAME] | {"historySequence": to_value(3)}
    assert list(read(memory, clock).lines) == [line(one) for one in range(1, 5)]
    memory.items[NAME] = memory.items[NAME] | {"historySequence": to_value(2)}
    assert list(read(memory, clock).lines) == [line(one) for one in range(1, 4)]


def test_nothing_in_the_table(memory: MemoryTable, clock: Clock) -> None:
    assert read(memory, clock) == StoredChain(NAME, None, {})


@pytest.mark.parametrize(("seconds", "is_there"), [(-1, False), (0, True), (1, True)])
def test_a_line_whose_time_is_over_counts_as_deleted(
    memory: MemoryTable, chain: StoredChain, clock: Clock, seconds: int, is_there: bool
) -> None:
    """DynamoDB deletes it only days later."""
    expires = to_value(int(clock().timestamp()) + seconds)
    memory.items[line(2)] = memory.items[line(2)] | {"expiresAt": expires}
    assert (line(2) in read(memory, clock).lines) is is_there
