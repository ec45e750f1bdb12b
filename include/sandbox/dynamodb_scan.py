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

from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import dynamo_json_dump
from moto.dynamodb.responses import DynamoHandler

from include.sandbox.dynamodb_isolation import lock

PAGE_BYTES = 1 << 20
_MAY_HAVE = frozenset({"TableName", "ConsistentRead", "Segment", "TotalSegments", "ExclusiveStartKey", "Select"})
# (digest of the hash key, hash key, range key or "")
Place = tuple[bytes, str, str]


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if getattr(DynamoHandler, "_scans_quickly", False):
        return
    DynamoHandler.scan = _quick(DynamoHandler.scan)
    for name in ("put_item", "delete_item"):
        setattr(Table, name, _forgets_order(getattr(Table, name)))
    DynamoHandler._scans_quickly = True


def _forgets_order(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def changed(self: Table, *args: Any, **kwargs: Any) -> Any:
        self._places = None
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
    places = _places(table, total)[segment]
    at = bisect_right(places, _place_of_key(table, after)) if after else 0
    texts: list[str] = []
    size = 0
    for place in places[at:]:
        item = _item_at(table, place)
        text = _text_of(item)
        if texts and size + len(text) > PAGE_BYTES:
            break
        texts.append(text)
        size += len(text)
    at += len(texts)
    last = ""
    if at < len(places):
        last = f',"LastEvaluatedKey":{dynamo_json_dump(_key_of(table, _item_at(table, places[at - 1])))}'
    return f'{{"Count":{len(texts)},"ScannedCount":{len(texts)},"Items":[{",".join(texts)}]{last}}}'


def _text_of(item: Item) -> str:
    # A changed item is another object: an update works on a copy (see dynamodb_isolation), a copy has no text yet.
    if "_scan_text" not in vars(item):
        item._scan_text = dynamo_json_dump(item.attrs)
    return str(item._scan_text)


def _places(table: Table, total: int) -> list[list[Place]]:
    """By segment, in order. Items with the same hash key are in the same segment."""
    kept = getattr(table, "_places", None)
    if kept is None or kept[0] != total:
        segments: list[list[Place]] = [[] for _ in range(total)]
        for item in _items(table):
            place = _place(item.hash_key, item.range_key)
            segments[place[0][0] % total].append(place)
        for one in segments:
            one.sort()
        kept = table._places = (total, segments, _by_place(table))
    return kept[1]


def _by_place(table: Table) -> dict[Place, tuple[Any, Any]]:
    return {_place(item.hash_key, item.range_key): (item.hash_key, item.range_key) for item in _items(table)}


def _items(table: Table) -> list[Item]:
    if table.range_key_attr:
        return [item for some in table.items.values() for item in some.values()]
    return list(table.items.values())


def _item_at(table: Table, place: Place) -> Item:
    hash_key, range_key = table._places[2][place]
    held = table.items[hash_key]
    return held[range_key] if table.range_key_attr else held


def _place(hash_key: Any, range_key: Any) -> Place:
    first = dynamo_json_dump(hash_key)
    return md5(first.encode(), usedforsecurity=False).digest(), first, dynamo_json_dump(range_key) if range_key else ""


def _place_of_key(table: Table, key: dict[str, Any]) -> Place:
    from moto.dynamodb.models.dynamo_type import DynamoType

    ranged = DynamoType(key[table.range_key_attr]) if table.range_key_attr else None
    return _place(DynamoType(key[table.hash_key_attr]), ranged)


def _key_of(table: Table, item: Item) -> dict[str, Any]:
    names = [table.hash_key_attr, *([table.range_key_attr] if table.range_key_attr else [])]
    return {name: item.attrs[name] for name in names}
