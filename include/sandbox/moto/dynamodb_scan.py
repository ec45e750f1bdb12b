"""Gives moto's DynamoDB a scan of whole tables that takes as long as there are items.

moto 5.2.5 sorts the table and passes over all of it from its beginning for every page and every segment, and copies
each item: 100,000 items take minutes, whoever asks. Here a page begins where the last one ended, items come by the
hash of their key (as in DynamoDB, where no order can be relied on), and an item's text is made once. A page has 1 MB.

Scans with a filter, a projection, an index or a limit are moto's own. Not for PartiQL, which changes items in place.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import wraps
from hashlib import md5
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import dynamo_json_dump
from moto.dynamodb.responses import DynamoHandler

from include.sandbox.moto.dynamodb_isolation import lock

PAGE_BYTES = 1 << 20
_MAY_HAVE = frozenset({"TableName", "ConsistentRead", "Segment", "TotalSegments", "ExclusiveStartKey", "Select"})
# Digest of the hash key; hash key and range key as JSON, the second empty where there is none.
Place = tuple[bytes, str, str]
Segment = tuple[list[Place], list[str]]


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if getattr(DynamoHandler, "_scans_quickly", False):
        return
    DynamoHandler.scan = _quick(DynamoHandler.scan)
    for name in ("put_item", "delete_item"):
        setattr(Table, name, _forgetting(getattr(Table, name)))
    update = DynamoDBBackend.update_item

    @wraps(update)
    def updated(self: DynamoDBBackend, table_name: str, *args: Any, **kwargs: Any) -> Any:
        if table_name in self.tables:
            self.tables[table_name]._scanned = None
        return update(self, table_name, *args, **kwargs)

    DynamoDBBackend.update_item = updated
    DynamoHandler._scans_quickly = True


def _forgetting(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def changed(self: Table, *args: Any, **kwargs: Any) -> Any:
        self._scanned = None
        return method(self, *args, **kwargs)

    return changed


def _quick(scan: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(scan)
    def scanned(self: DynamoHandler) -> Any:
        body = self.body
        is_whole = {name for name, value in body.items() if value is not None} <= _MAY_HAVE
        if not is_whole or body.get("Select", "ALL_ATTRIBUTES") != "ALL_ATTRIBUTES":
            return scan(self)
        segment, total = body.get("Segment"), body.get("TotalSegments")
        if (segment is None) != (total is None) or (total is not None and segment >= total):
            # Refused, with moto's own words.
            return scan(self)
        with lock:
            table = self.dynamodb_backend.get_table(body["TableName"])
            text = _page(table, segment or 0, total or 1, body.get("ExclusiveStartKey"))
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, text

    return scanned


def _page(table: Table, segment: int, total: int, after: dict[str, Any] | None) -> str:
    places, texts = _segments(table, total)[segment]
    start = bisect_right(places, _place_of_key(table, after)) if after else 0
    end, size = start, 0
    while end < len(texts) and (end == start or size + len(texts[end]) <= PAGE_BYTES):
        size += len(texts[end])
        end += 1
    last = f',"LastEvaluatedKey":{_key_of(places[end - 1], table)}' if end < len(places) else ""
    number = end - start
    return f'{{"Count":{number},"ScannedCount":{number},"Items":[{",".join(texts[start:end])}]{last}}}'


def _segments(table: Table, total: int) -> list[Segment]:
    """In order, kept until something is written. Items with the same hash key are in the same segment."""
    kept: dict[int, list[Segment]] | None = getattr(table, "_scanned", None)
    if kept is None:
        kept = table._scanned = {}
    if total not in kept:
        found: list[list[tuple[Place, str]]] = [[] for _ in range(total)]
        for item in _items(table):
            place = _place(item.hash_key, item.range_key)
            found[place[0][0] % total].append((place, _text_of(item)))
        kept[total] = [([place for place, _ in some], [text for _, text in some]) for some in map(sorted, found)]
    return kept[total]


def _text_of(item: Item) -> str:
    # A changed item is another object: an update works on a copy (see dynamodb_isolation), a copy has no text yet.
    if "_scan_text" not in vars(item):
        item._scan_text = dynamo_json_dump(item.attrs)
    return str(item._scan_text)


def _items(table: Table) -> list[Item]:
    if table.range_key_attr:
        return [item for some in table.items.values() for item in some.values()]
    return list(table.items.values())


def _place(hash_key: Any, range_key: Any) -> Place:
    first = dynamo_json_dump(hash_key)
    return md5(first.encode(), usedforsecurity=False).digest(), first, dynamo_json_dump(range_key) if range_key else ""


def _place_of_key(table: Table, key: dict[str, Any]) -> Place:
    ranged = DynamoType(key[table.range_key_attr]) if table.range_key_attr else None
    return _place(DynamoType(key[table.hash_key_attr]), ranged)


def _key_of(place: Place, table: Table) -> str:
    ranged = f',"{table.range_key_attr}":{place[2]}' if table.range_key_attr else ""
    return f'{{"{table.hash_key_attr}":{place[1]}{ranged}}}'
