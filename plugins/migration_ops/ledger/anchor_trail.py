"""All anchors of a table, and whether one of them was overwritten, deleted or invented."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from migration_ops.core.errors import MigrationError
from migration_ops.ledger.anchor_signing import Signature, Signer
from migration_ops.ledger.anchor_store import AnchorStore, StoredAnchor
from migration_ops.ledger.anchors import ALL, Anchor, Head
from migration_ops.ledger.judgement import WHOLE, Judgement, broken, unknown


@dataclass(frozen=True)
class Anchored:
    """A head, and the oldest anchor file that holds it."""

    key: str
    head: Head


@dataclass(frozen=True)
class Trail:
    """
    All anchors of a table.

    :param files: how many anchors are trusted.
    :param newest: when the newest was written; empty for none.
    :param newest_of_all: when the newest anchor of all chains was written; empty for none.
    :param heads: anchored heads by migration, oldest first, each once.
    """

    files: int = 0
    newest: str = ""
    newest_of_all: str = ""
    heads: dict[str, list[Anchored]] = field(default_factory=dict)
    judgement: Judgement = WHOLE

    def migrations_of(self, wave: str) -> set[str]:
        """The migrations that were ever anchored in this wave."""
        return {name for name, some in self.heads.items() if any(one.head.wave == wave for one in some)}


@dataclass(frozen=True)
class _Read:
    stored: StoredAnchor
    anchor: Anchor
    signature: Signature | None


def read_trail(store: AnchorStore, table: str, signers: Sequence[Signer] = ()) -> Trail:
    """
    Reads and judges all anchors of a table.

    :param signers: keys that may have signed; without them signatures are not checked.
    :raises MigrationError: the anchors could not be read.
    """
    stored = store.read(table)
    parsed = [(one, _parse(one, table)) for one in stored]
    judgement = broken(*(f"{one.key}: was overwritten or deleted" for one in stored if one.was_touched))
    judgement += broken(*(f"{one.key}: is no anchor of this table" for one, read in parsed if read is None))
    read = [one for _, one in parsed if one is not None]
    judgement += _links(read)
    signed, good = _signatures(read, signers)
    return Trail(
        files=len(good),
        newest=max((one.anchor.written_at for one in good), default=""),
        newest_of_all=max((one.anchor.written_at for one in good if one.anchor.scope == ALL), default=""),
        heads=_by_migration(good),
        judgement=judgement + signed,
    )


def _parse(stored: StoredAnchor, table: str) -> _Read | None:
    try:
        document: dict[str, Any] = json.loads(stored.body)
        anchor = Anchor.from_document(document["anchor"])
        signed = document["signature"]
        signature = Signature.from_document(signed) if signed else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return _Read(stored, anchor, signature) if anchor.table == table else None


def _links(read: list[_Read]) -> Judgement:
    """Whether the anchor before each anchor exists and is unchanged."""
    digests = {one.stored.key: one.stored.sha256 for one in read}
    wrong = []
    for one in read:
        before = one.anchor.previous
        if before is None or digests.get(before.key) == before.sha256:
            continue
        how = "was changed" if before.key in digests else "is not there"
        wrong.append(f"{one.stored.key}: the anchor before it, {before.key}, {how}")
    return broken(*wrong)


def _signatures(read: list[_Read], signers: Sequence[Signer]) -> tuple[Judgement, list[_Read]]:
    """What is wrong with the signatures, and the anchors that are trusted."""
    signed = [one for one in read if one.signature is not None]
    if not signers:
        unread = f"{len(signed)} anchors are signed, and no key was named: their signatures were not checked"
        return (unknown(unread) if signed else WHOLE), read
    if not signed:
        return (unknown("a key was named, and no anchor is signed") if read else WHOLE), read
    # Before a key was set up, anchors were not signed; after the first signed one, all must be signed.
    must_be_signed, judgement, good = False, WHOLE, []
    for one in read:  # Oldest first.
        if one.signature is not None:
            must_be_signed, verdict = True, _signature(one.stored.key, one.anchor.digest, one.signature, signers)
        else:
            verdict = broken(f"{one.stored.key}: is not signed, earlier anchors are") if must_be_signed else WHOLE
        judgement += verdict
        good += [one] if not verdict.problems else []
    return judgement, good


def _signature(key: str, digest: bytes, signature: Signature, signers: Sequence[Signer]) -> Judgement:
    try:
        is_valid = any(one.is_valid(digest, signature) for one in signers)
    except MigrationError as error:
        return unknown(f"{key}: its signature could not be checked: {error}")
    return WHOLE if is_valid else broken(f"{key}: its signature is by none of the named keys, or it was changed")


def _by_migration(read: list[_Read]) -> dict[str, list[Anchored]]:
    found: dict[str, list[Anchored]] = defaultdict(list)
    seen: set[Head] = set()
    for one in sorted(read, key=lambda each: each.anchor.written_at):
        for head in one.anchor.heads:
            if head not in seen:
                seen.add(head)
                found[head.migration_id].append(Anchored(one.stored.key, head))
    return dict(found)
