"""The digest of a record's attributes, which each history line carries: what edits the record breaks its last line."""

from __future__ import annotations

import hashlib

from migration_ops.core.documents import canonical
from migration_ops.ledger.items import RECORD_ATTRIBUTES, Item, from_item

# ``historyDigest`` is made from this digest. ``writeToken`` and what the archive notes (``archive*``, ``expiresAt``)
# are left out: the archive writes without a line, and nobody believes its notes without reading the copy.
DIGESTED = RECORD_ATTRIBUTES - {"historyDigest"}


def record_digest(item: Item) -> str:
    """SHA-256 of the attributes as DynamoDB gives them back: how a number was spelled makes no difference.

    :param item: the record's item, or the attributes that are about to be written.
    """
    document = from_item({name: value for name, value in item.items() if name in DIGESTED})
    return hashlib.sha256(canonical(document).encode("utf-8", "surrogatepass")).hexdigest()
