"""Items as DynamoDB sends them: typed JSON, one canonical line each, and a digest that does not depend on order."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from migration_ops.runbook.backup.attribute_values import is_value

T = TypeVar("T")

# {"S": "text"}, {"N": "1"}, {"B": "<base64>"}, {"M": {...}}: an attribute value as JSON.
Item = dict[str, Any]

# The common end of SS, NS and BS: one search per line finds any set.
_SET = b'S":['
_BYTES = ('"B":', '"BS":[')
_MODULUS = 1 << 256
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
# Five times as fast as _encode, which took most of a backup's time; see _canonical.
_encoder = msgspec.json.Encoder(order="sorted")
_quick = _encoder.encode
_decode = msgspec.json.Decoder().decode
_DELETE = b"\x7f"


def raw_scans(client: Any) -> Any:
    """
    Makes a client's Scan answer items as they came: typed JSON with base64 text, not boto3's bytes.

    botocore's parser walks every attribute in Python, which takes most of a backup's time. It still handles the other
    members of the answer, errors, retries and checksums. For a client that nobody else uses.
    """
    client.meta.events.register("before-parse.dynamodb.Scan", _take_items)
    return client


def _take_items(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    if response_dict["status_code"] >= 300:
        return
    try:
        answer = _parsed(response_dict["body"])
        items = answer.pop("Items")
    except (ValueError, KeyError, TypeError, AttributeError):
        # Not an answer of DynamoDB: botocore says what is wrong with it.
        return
    customized_response_dict["Items"] = items
    response_dict["body"] = _encode(answer).encode()


def line_of(item: Item) -> bytes:
    """The line of an item, as in DynamoDB's own exports; the same for the same item, as names and sets are sorted."""
    line = _canonical({"Item": item})
    if _SET in line:
        # Sets come in any order. A text that only looks like a set changes nothing.
        line = _canonical({"Item": {name: _sorted_sets(value) for name, value in item.items()}})
    return line


class NoItemError(ValueError):
    """A line is no item. ``position`` among the lines that were given, from 0."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


def each_line(lines: list[bytes], read: Callable[[bytes], T]) -> Iterator[T]:
    """
    What ``read`` makes of each line.

    :raises NoItemError: ``read`` raised a ValueError.
    """
    for position, line in enumerate(lines):
        try:
            result = read(line)
        except ValueError as error:
            raise NoItemError(position) from error
        yield result


def canonical_lines(lines: list[bytes]) -> list[bytes]:
    """Lines of DynamoDB's own exports as :func:`line_of` writes them.

    :raises NoItemError: one of them is not a line of an item.
    """
    return list(each_line(lines, lambda line: line_of(item_of(line))))


def lines_of(items: list[Item]) -> list[bytes]:
    """The lines of a page, as :func:`line_of` writes each. A page of ASCII without sets is encoded in one call."""
    try:
        page = _encoder.encode_lines([{"Item": item} for item in items])
    except (UnicodeError, TypeError, ValueError):
        return [line_of(item) for item in items]
    if not page.isascii() or _DELETE in page or _SET in page:
        return [line_of(item) for item in items]
    # JSON has no line end within a document.
    return page.split(b"\n")[:-1]


def _canonical(document: Any) -> bytes:
    """As ``_encode`` writes it, which made the lines and digests of older backups: ASCII only."""
    try:
        line = _quick(document)
    except (UnicodeError, TypeError, ValueError):
        # Half a surrogate pair: JSON can express it, UTF-8 cannot.
        return _encode(document).encode()
    # Both encoders write the same, except for characters that only one of them escapes.
    return line if line.isascii() and _DELETE not in line else _encode(document).encode()


def _parsed(body: bytes) -> Any:
    """:raises ValueError: it is no JSON."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeError):
        return json.loads(body)


def item_of(line: bytes) -> Item:
    """:raises ValueError: not a line of an item."""
    try:
        document = _parsed(line)
        is_item = isinstance(document, dict) and set(document) == {"Item"} and is_value({"M": document["Item"]})
    except RecursionError as error:
        raise ValueError("a line of more levels than an item can have") from error
    if not is_item:
        raise ValueError("not a line of an item")
    item: Item = document["Item"]
    return item


def for_boto3(item: Item) -> Item:
    """The item as boto3 takes it: bytes instead of base64 text."""
    text = _encode(item)
    if not any(one in text for one in _BYTES):
        return item
    return {name: _with_bytes(value) for name, value in item.items()}


def _sorted_sets(value: dict[str, Any]) -> dict[str, Any]:
    ((kind, inner),) = value.items()
    if kind in ("SS", "NS", "BS"):
        return {kind: sorted(inner)}
    return {kind: _inside(kind, inner, _sorted_sets)}


def _with_bytes(value: dict[str, Any]) -> dict[str, Any]:
    ((kind, inner),) = value.items()
    if kind == "B":
        return {kind: b64decode(inner)}
    if kind == "BS":
        return {kind: [b64decode(one) for one in inner]}
    return {kind: _inside(kind, inner, _with_bytes)}


def _inside(kind: str, inner: Any, change: Any) -> Any:
    if kind == "M":
        return {name: change(one) for name, one in inner.items()}
    return [change(one) for one in inner] if kind == "L" else inner


@dataclass
class Tally:
    """
    Number, bytes and digest of lines, in whatever order they come.

    The digest is the sum of the lines' SHA-256 modulo 2^256. It shows whether two sets of items are the same; an edited
    part is found by the part's own SHA-256.
    """

    items: int = 0
    raw_bytes: int = 0
    total: int = 0

    def add(self, line: bytes) -> None:
        """:param line: without its end."""
        self.items += 1
        self.raw_bytes += len(line) + 1
        self.total += int.from_bytes(sha256(line).digest())

    def add_all(self, lines: list[bytes]) -> None:
        """:param lines: without their ends."""
        self.items += len(lines)
        self.raw_bytes += sum(map(len, lines)) + len(lines)
        self.total += sum(map(int.from_bytes, [sha256(line).digest() for line in lines]))

    def merge(self, other: Tally) -> None:
        self.items += other.items
        self.raw_bytes += other.raw_bytes
        self.total += other.total

    @property
    def digest(self) -> str:
        return f"{self.total % _MODULUS:064x}"
