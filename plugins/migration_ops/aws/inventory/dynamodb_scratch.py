"""Tables that a drill or a restore made: by their tags, and of a drill also by name."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed

# A table under recovery has no tags yet.
DRILL_NAME = re.compile(r".+-drill-[0-9a-f]{10}-(backup|pitr)")
_GONE = ("ResourceNotFoundException",)


def read_scratch(reader: AwsReader) -> Any:
    """
    ``[{name, status, ageHours, run, handedOver}]``; the table that the settings name is none of them.

    ``run`` and ``handedOver`` (when) are left out where the table has no such tag; ``ageHours`` may be a little below
    0, as clocks differ.
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
    """Empty for a table of anybody else's, and for one that is gone."""
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
    """None where DynamoDB does not say since when the table is there."""
    created = table.get("CreationDateTime")
    if not created:
        return None
    moment = created if isinstance(created, datetime) else datetime.fromisoformat(created)
    return round((reader.now - moment) / timedelta(hours=1), 2)


HANDED_OVER_TAG = "migration-ops:handed-over-at"


# Tags of tables that this package restored: the run that made them; when all items were in; when it was compared.
RUN_TAG = "migration-ops:restored-by"


def name_of(table: str) -> str:
    """A table by its bare name; DynamoDB's calls take its ARN too, and so may a setting."""
    return table.strip().partition(":table/")[2].partition("/")[0] if ":table/" in table else table.strip()
