"""Checks details that were too large for their line: the object in S3 must have the digest that the line has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from migration_ops.aws.evidence_store import EvidenceMismatchError, EvidenceStore
from migration_ops.core.errors import MigrationError
from migration_ops.ledger.archived_copies import is_absent
from migration_ops.ledger.items import history_key
from migration_ops.ledger.judgement import WHOLE, Judgement, broken, unknown
from migration_ops.ledger.protocol import HistoryEntry

# The members that ``within_limits`` puts in place of a large detail.
_PUT_AWAY = frozenset({"bytes", "sha256", "evidenceKey"})


def of_evidence(entries: Iterable[HistoryEntry], store: EvidenceStore | None) -> Judgement:
    """Judges the details in S3: one read for each line that has one."""
    judgement = WHOLE
    for entry in entries:
        if set(entry.detail) == _PUT_AWAY:
            judgement += _of_line(entry, store)
    return judgement


def _of_line(entry: HistoryEntry, store: EvidenceStore | None) -> Judgement:
    key = str(entry.detail["evidenceKey"])
    what = f"{history_key(entry.migration_id, entry.sequence)}: its detail is in {key}"
    if store is None:
        return unknown(f"{what}, which was not read: no bucket is named")
    try:
        body = store.get(key)
    except EvidenceMismatchError:
        return broken(f"{what}, which was changed")
    except MigrationError as error:
        if is_absent(error):
            return broken(f"{what}, which is not there")
        return unknown(f"{what}, which could not be read: {error}")
    if hashlib.sha256(body).hexdigest() != entry.detail["sha256"]:
        return broken(f"{what}, which is not what the line says")
    return WHOLE
