"""The digest of a record's attributes, which each history line has: after an edit of the record they differ."""

from __future__ import annotations

import hashlib

from migration_ops.core.documents import canonical
from migration_ops.ledger.items import RECORD_ATTRIBUTES, Item, from_item

# ``historyDigest`` is computed from this digest, so it is left out. So are ``writeToken`` and what the archive notes
# (``archive*``, ``expiresAt``): the archive writes no line, and its notes are checked against the copy.
DIGESTED = RECORD_ATTRIBUTES - {"historyDigest"}


def record_digest(item: Item) -> str:
    """SHA-256 (hex) of the attributes as DynamoDB returns them, so that the notation of a number does not matter.

    :param item: the record's item, or the attributes that are about to be written.
    """
    document = from_item({name: value for name, value in item.items() if name in DIGESTED})
    return hashlib.sha256(canonical(document).encode("utf-8", "surrogatepass")).hexdigest()
