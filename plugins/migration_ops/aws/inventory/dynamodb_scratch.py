"""Tables that a drill or a restore created: found by their tags, those of a drill also by name."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed

# While a table is being restored it has no tags yet.
DRILL_NAME = re.compile(r".+-drill-[0-9a-f]{10}-(backup|pitr)")
_GONE = ("ResourceNotFoundException",)


def read_scratch(reader: AwsReader) -> Any:
    """
    ``[{name, status, ageHours, run, handedOver}]``, without the table that the settings name.

    ``run`` and ``handedOver`` (a time) are left out if the table has no such tag; ``ageHours`` may be slightly below 0,
    because clocks differ.
    """
    names = reader.pages("dynamodb", "list_tables", "TableNames")
    if is_failed(names):
        return names
    in_use, ours = name_of(reader.settings.table_name), reader.config.resources.tables
    some = [one for one in names if one != in_use and (DRILL_NAME.fullmatch(one) or ours.matches(one))]
    found = reader.map(some, lambda name: _described(reader, name))
    if is_failed(found):
        return found
    return [one for one in found if one]


def _described(reader: AwsReader, name: str) -> dict[str, Any]:
    """Empty for a table that no drill or restore made, and for one that is gone."""
    answer = reader.call_optional("dynamodb", "describe_table", _GONE, TableName=name)
    if answer is None:
        return {}
    if is_failed(answer):
        return {"name": name, "status": answer}
    table = answer["Table"]
    tags = reader.guarded("dynamodb:list_tags_of_resource", lambda: _tags(reader, table["TableArn"]))
    if is_failed(tags):
        return {"name": name, "status": table.get("TableStatus"), "ageHours": tags}
    if RUN_TAG not in tags and not DRILL_NAME.fullmatch(name):
        return {}
    own = {"name": name, "status": table.get("TableStatus"), "ageHours": _age(reader, table)}
    own |= {"run": tags[RUN_TAG]} if RUN_TAG in tags else {}
    return own | ({"handedOver": tags[HANDED_OVER_TAG]} if HANDED_OVER_TAG in tags else {})


def _tags(reader: AwsReader, arn: str) -> dict[str, str]:
    pages = reader.client("dynamodb").get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
    return {one["Key"]: one["Value"] for page in pages for one in page["Tags"]}


def _age(reader: AwsReader, table: dict[str, Any]) -> float | None:
    """Age in hours; None when DynamoDB does not say when the table was created."""
    created = table.get("CreationDateTime")
    if not created:
        return None
    moment = created if isinstance(created, datetime) else datetime.fromisoformat(created)
    return round((reader.now - moment) / timedelta(hours=1), 2)


# Tags of tables that this package restored: when it was compared and handed over, and the run that made it.
HANDED_OVER_TAG = "migration-ops:handed-over-at"
RUN_TAG = "migration-ops:restored-by"


def name_of(table: str) -> str:
    """The name of a table given by name or ARN: DynamoDB's calls accept both, so a setting may have either."""
    return table.strip().partition(":table/")[2].partition("/")[0] if ":table/" in table else table.strip()
