"""Compares a history with its anchors: what was anchored must still be there, unchanged."""

from __future__ import annotations

from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.core.errors import InvalidInputError
from migration_ops.ledger.anchor_trail import Anchored
from migration_ops.ledger.archived_copies import read_copy
from migration_ops.ledger.chain import entry_of
from migration_ops.ledger.items import Item, history_key, number_of, text_of
from migration_ops.ledger.judgement import WHOLE, Judgement, broken, unknown
from migration_ops.ledger.protocol import HistoryEntry
from migration_ops.ledger.record_digest import record_digest
from migration_ops.ledger.stored_chain import StoredChain


def against_anchors(chain: StoredChain, anchored: list[Anchored], store: EvidenceStore | None) -> Judgement:
    """
    Judges one migration against its anchors.

    :param chain: record and lines as they are in the table.
    :param anchored: the anchored heads of this migration.
    :param store: where the archive is; None: archived lines cannot be compared.
    """
    try:
        whole, archive = chain.completed(store)
    except InvalidInputError as error:
        return broken(f"{chain.migration_id}: {error}")
    lines = _by_number(whole.lines)
    judgement = WHOLE
    for one in anchored:
        line = lines.get(one.head.sequence)
        if line is not None and line.digest == one.head.digest:
            judgement += _record(chain.item, one)
        elif line is None and archive.unknown and one.head.sequence <= chain.number("archivedSequence"):
            judgement += unknown(f"{_name(one)}: anchored in {one.key}, and archived: not compared")
        else:
            judgement += _earlier_life(chain, one, anchored, store)
    return judgement


def _record(item: Item | None, one: Anchored) -> Judgement:
    """If the record is still at the anchored line, its attributes must be the anchored ones."""
    if item is None or number_of(item, "historySequence") != one.head.sequence:
        return WHOLE
    try:
        is_same = record_digest(item) == one.head.record_digest
    except InvalidInputError as error:
        return broken(f"{one.head.migration_id}: {error}")
    if is_same:
        return WHOLE
    wave = text_of(item, "wave")
    moved = f": it was in wave {one.head.wave!r} and is in {wave!r}" if wave != one.head.wave else ""
    return broken(f"{one.head.migration_id}: the record was edited since it was anchored in {one.key}{moved}")


def _earlier_life(
    chain: StoredChain, one: Anchored, anchored: list[Anchored], store: EvidenceStore | None
) -> Judgement:
    """
    The table no longer has the anchored line. That is correct only for a migration that ended, was archived and
    expired: then the archive copy has the line.
    """
    copies = {(a.head.archive_key, a.head.archived_sequence) for a in anchored if a.head.archive_key}
    doubts = WHOLE
    for key, sequence in sorted(copies):
        if sequence < one.head.sequence:
            continue
        copy = read_copy(chain.migration_id, key, sequence, store)
        if isinstance(copy, Judgement):
            doubts += copy
            continue
        past, archive = StoredChain(chain.migration_id, copy.record, copy.lines).completed(store)
        line = _by_number(past.lines).get(one.head.sequence)
        is_whole = not past.judged(store).problems
        if line is not None and line.digest == one.head.digest and is_whole:
            return WHOLE
        doubts += archive
    if doubts.unknown and not doubts.broken:
        return doubts
    return doubts + broken(f"{_name(one)}: {_how(chain, one)}, anchored in {one.key}")


def _how(chain: StoredChain, one: Anchored) -> str:
    if chain.item is None and not chain.lines:
        return "record and history are gone"
    if chain.item is None or number_of(chain.item, "historySequence") < one.head.sequence:
        return "the history was shortened or reset: it no longer has this line"
    if history_key(one.head.migration_id, one.head.sequence) not in chain.lines:
        return "the line is gone"
    return "the line is not the one that was"


def _name(one: Anchored) -> str:
    return history_key(one.head.migration_id, one.head.sequence)


def _by_number(lines: dict[str, Item]) -> dict[int, HistoryEntry]:
    entries = [entry_of(item) for item in lines.values()]
    return {entry.sequence: entry for entry in entries}
