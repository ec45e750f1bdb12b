"""The digest of a record's attributes, which each history line has: after an edit of the record they differ."""

from __future__ import annotations

import hashlib
from typing import Any

from migration_ops.core.documents import canonical
from migration_ops.ledger.items import RECORD_ATTRIBUTES, Item, from_item, read_back

# ``historyDigest`` is computed from this digest, so it is left out. So are ``writeToken`` and what the archive notes
# (``archive*``, ``expiresAt``): the archive writes no line, and its notes are checked against the copy.
DIGESTED = RECORD_ATTRIBUTES - {"historyDigest"}


def record_digest(item: Item) -> str:
    """SHA-256 (hex) of the attributes as DynamoDB returns them, so that the notation of a number does not matter.

    :param item: the record's item.
    """
    return _digest(from_item({name: value for name, value in item.items() if name in DIGESTED}))


def digest_to_be(document: dict[str, Any]) -> str:
    """The :func:`record_digest` of a record that is about to be written (``document_of``)."""
    return _digest(read_back({name: value for name, value in document.items() if name in DIGESTED}))


def _digest(document: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(document).encode("utf-8", "surrogatepass")).hexdigest()
