"""Keys that an index refuses. A live table may hold them from before it had the index; a new table refuses them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from migration_ops.core.batches import side_by_side
from migration_ops.runbook.backup.jsonl import Reading, read_lines
from migration_ops.runbook.backup.manifest import Manifest
from migration_ops.runbook.backup.serialization import Item, each_line, item_of
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.table import ask, raw_description

AT_ONCE = 4
# DynamoDB's limits of keys, in bytes.
MOST_BYTES = {"HASH": 2048, "RANGE": 1024}
GLOBAL = "GlobalSecondaryIndexes"
Request = dict[str, Any]
# Index, attribute, type, most bytes.
Rule = tuple[str, str, str, int]


def leaving_out(create_table: Request, without: Collection[str]) -> Request:
    """CreateTable's request without some global indexes, and without the attributes that only they name."""
    if not without:
        return create_table
    request = dict(create_table)
    request[GLOBAL] = [one for one in create_table[GLOBAL] if one["IndexName"] not in without]
    if not request[GLOBAL]:
        del request[GLOBAL]
    schemas = [request["KeySchema"]]
    schemas += [one["KeySchema"] for kind in (GLOBAL, "LocalSecondaryIndexes") for one in request.get(kind, ())]
    used = {key["AttributeName"] for schema in schemas for key in schema}
    request["AttributeDefinitions"] = [
        one for one in create_table["AttributeDefinitions"] if one["AttributeName"] in used
    ]
    return request


def refusing_indexes(store: BackupStore, manifest: Manifest) -> tuple[str, ...]:
    """
    Names of the global indexes that refuse an item of the backup; usually none. Reads the whole backup.

    :raises BackupNotWholeError: a part is missing, is no whole gzip stream, or has a line that is no item.
    :raises MigrationError: S3 could not be read.
    """
    rules = list(_rules(manifest.create_table))
    if not rules:
        return ()
    found = side_by_side(manifest.parts, lambda part: _of_part(store, part.key, rules), AT_ONCE)
    return tuple(sorted({name for some in found for name in some}))


def _of_part(store: BackupStore, key: str, rules: list[Rule]) -> set[str]:
    found: set[str] = set()

    def take(lines: list[bytes]) -> None:
        found.update(*each_line(lines, lambda line: refused_by(item_of(line), rules)))

    read_lines(store, key, Reading(), take)
    return found


def _rules(create_table: Request) -> Iterator[Rule]:
    types = {one["AttributeName"]: one["AttributeType"] for one in create_table.get("AttributeDefinitions", ())}
    for index in create_table.get(GLOBAL, ()):
        for key in index["KeySchema"]:
            name = key["AttributeName"]
            yield index["IndexName"], name, types[name], MOST_BYTES[key["KeyType"]]


def refused_by(item: Item, rules: list[Rule]) -> set[str]:
    """Indexes that refuse the item. An item without an index's key is only left out of that index."""
    return {index for index, name, kind, most in rules if name in item and not _is_key(item[name], kind, most)}


def _is_key(value: dict[str, Any], kind: str, most: int) -> bool:
    if kind not in value:
        return False
    if kind == "N":
        return True
    text = str(value[kind])
    # Binary keys are base64 text here.
    size = len(text.encode()) if kind == "S" else len(text.rstrip("=")) * 3 // 4
    return 0 < size <= most


def make_next_index(client: Any, target: str, create_table: Request) -> int:
    """
    Creates the next missing index when no other is being made. Returns how many are not active yet.

    :raises MigrationError: DynamoDB refused it, or cannot say.
    """
    found = raw_description(client, target) or {}
    there = {one["IndexName"]: one["IndexStatus"] for one in found.get(GLOBAL) or ()}
    wanted = list(create_table.get(GLOBAL, ()))
    waiting = [one for one in wanted if there.get(one["IndexName"]) != "ACTIVE"]
    lacking = [one for one in wanted if one["IndexName"] not in there]
    is_still = found.get("TableStatus") == "ACTIVE" and set(there.values()) <= {"ACTIVE"}
    if lacking and is_still:
        index = lacking[0]
        names = {key["AttributeName"] for key in index["KeySchema"]}
        names |= {one["AttributeName"] for one in found.get("AttributeDefinitions", ())}
        definitions = [one for one in create_table["AttributeDefinitions"] if one["AttributeName"] in names]
        # If the answer is lost, the next call sees whether the index is there.
        ask(
            lambda: client.update_table(
                TableName=target,
                AttributeDefinitions=definitions,
                GlobalSecondaryIndexUpdates=[{"Create": index}],
            )
        )
    return len(waiting)
