"""Reads the archive copies that a record names: their lines replace expired ones, and are verified as well."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from migration_ops.aws.evidence_store import EvidenceMismatchError, EvidenceStore
from migration_ops.core.errors import InvalidInputError, MigrationError
from migration_ops.ledger.items import KEY, Item, from_item, history_key, number_of, text_of, to_item
from migration_ops.ledger.judgement import WHOLE, Judgement, broken, unknown
from migration_ops.ledger.record_digest import record_digest

_ABSENT = frozenset({"NoSuchKey", "NoSuchBucket", "404", "NotFound"})


@dataclass(frozen=True)
class Copy:
    """One archive copy: the record's item and the history items by key, as they stood in the table."""

    record: Item
    lines: dict[str, Item]


@dataclass(frozen=True)
class Copies:
    """:param lines: the lines of all copies by key, in order; for a line in several copies that of the newest copy."""

    lines: dict[str, Item] = field(default_factory=dict)
    judgement: Judgement = WHOLE


def read_copies(migration_id: str, item: Item, store: EvidenceStore | None) -> Copies:
    """
    The copy that the record names, the copy that the record in that copy names, and so on back to the first line.

    :param item: the record's item.
    :param store: where the copies are; None: the archived lines are unknown.
    """
    lines: dict[str, Item] = {}
    sequence = number_of(item, "archivedSequence")
    while sequence > 0:
        key = text_of(item, "archiveKey")
        copy = read_copy(migration_id, key, sequence, store)
        if isinstance(copy, Judgement):
            return Copies(lines, copy)
        wrong = _contradictions(migration_id, key, item, copy, sequence)
        if wrong:
            return Copies(lines, broken(*wrong))
        lines = copy.lines | lines
        before = number_of(copy.record, "archivedSequence")
        if history_key(migration_id, 1) in lines or before >= sequence:
            break
        item, sequence = copy.record, before
    return Copies(dict(sorted(lines.items())))


def read_copy(migration_id: str, key: str, sequence: int, store: EvidenceStore | None) -> Copy | Judgement:
    """One copy, or the judgement why not: broken when it is missing or was changed, unknown when it was not read."""
    what = f"{migration_id}: lines up to {sequence} are archived"
    if not key.startswith("archive/"):
        return broken(f"{what} by its record, which names no copy")
    if store is None:
        return unknown(f"{what} in {key}, which was not read: no bucket is named")
    try:
        document = json.loads(store.get(key))
        lines = {str(one[KEY]): to_item(one) for one in document["history"]}
        return Copy(to_item(document["record"]), lines)
    except EvidenceMismatchError as error:
        return broken(f"{what}, but the copy was changed: {error}")
    except MigrationError as error:
        if is_absent(error):
            return broken(f"{what} by its record, but there is no {key}")
        return unknown(f"{what} in {key}, which could not be read: {error}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return broken(f"{what}, but {key} is no archive copy: {error!r}")


def is_absent(error: MigrationError) -> bool:
    """Whether S3 says that there is no such object. Without ``s3:ListBucket`` S3 answers 403 instead: not known."""
    return error.context.get("awsCode") in _ABSENT


def _contradictions(migration_id: str, key: str, item: Item, copy: Copy, sequence: int) -> list[str]:
    """What is wrong: the copy must be of this migration, end where the record says, and have an unchanged record."""
    wrong = []
    if text_of(copy.record, KEY) != migration_id:
        wrong.append(f"{migration_id}: {key} is the copy of another migration")
    if number_of(copy.record, "historySequence") != sequence:
        wrong.append(f"{migration_id}: {key} ends elsewhere than at line {sequence}")
    if text_of(copy.record, "historyDigest") != text_of(item, "archivedDigest"):
        wrong.append(f"{migration_id}: {key} ends with another line than the record says")
    last = copy.lines.get(history_key(migration_id, sequence))
    try:
        expected = from_item(last).get("recordDigest") if last else None
        if expected and expected != record_digest(copy.record):
            wrong.append(f"{migration_id}: the record in {key} was edited")
    except InvalidInputError as error:
        wrong.append(f"{migration_id}: the record in {key} is malformed: {error}")
    return wrong
