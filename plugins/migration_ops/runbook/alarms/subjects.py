"""What alarms watch: names only. The health check reads the same services in more detail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from migration_ops.aws.inventory import events, lambda_, sqs
from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import in_groups
from migration_ops.core.facts import is_failed
from migration_ops.core.states import Status
from migration_ops.ledger import replication
from migration_ops.ledger.items import from_item

UNDER_WAY = (Status.REQUESTED, Status.MIGRATION_IN_PROGRESS)
_ATTRIBUTES = ("sourceServerId", "wave", "phase")


def read_subjects(reader: AwsReader, what: str) -> dict[str, Any]:
    """``{what: [...]}``: each subject with its ``name`` or ids; a failure document when they could not be listed.

    When one subject could not be read, the member that describes it is a failure document.
    """
    return {what: _READERS[what](reader.fresh())}


def _queues(reader: AwsReader) -> Any:
    """Queues with ``isDeadLetter``, without those that cannot be watched from here (another account or Region)."""
    if reader.config.resources.queues.is_empty:
        return []
    found = sqs.queues_with_roles(reader)
    return found if is_failed(found) else [queue for queue in found if "elsewhere" not in queue]


def _functions(reader: AwsReader) -> Any:
    names = reader.config.resources.functions
    if names.is_empty:
        return []
    return _picked(reader, lambda_.functions(reader), lambda one: {"name": one["FunctionName"]}, names.matches)


def _machines(reader: AwsReader) -> Any:
    names = reader.config.resources.state_machines
    if names.is_empty:
        return []
    found = reader.pages("stepfunctions", "list_state_machines", "stateMachines")
    return _picked(reader, found, lambda one: {"name": one["name"], "arn": one["stateMachineArn"]}, names.matches)


def _rules(reader: AwsReader) -> Any:
    """Rules of our buses, without the managed rules of AWS services; of the default bus only our own.

    A bus that could not be read is an entry whose ``name`` is a failure document.
    """
    names = reader.config.resources.buses
    if names.is_empty:
        return []
    listed = events.buses(reader)
    if is_failed(listed):
        return listed
    rules: list[dict[str, Any]] = []
    for bus in filter(names.matches, listed):
        found = events.rules_of(reader, bus, events.OUR_RULES)
        if is_failed(found):
            rules.append({"name": found, "bus": bus})
        elif found is not None:
            rules += [{"name": one["rule"], "bus": bus} for one in found if not one["isManaged"]]
    return rules


def _tables(reader: AwsReader) -> Any:
    name = reader.settings.table_name
    found = reader.call("dynamodb", "describe_table", TableName=name)
    if is_failed(found):
        return found
    indexes = found["Table"].get("GlobalSecondaryIndexes") or []
    return [{"name": name, "indexes": [one["IndexName"] for one in indexes]}]


def _migrations(reader: AwsReader) -> Any:
    """Migrations under way, by the index of statuses, never by a scan."""
    found: list[Any] = []
    for status in UNDER_WAY:
        items = reader.pages(
            "dynamodb",
            "query",
            "Items",
            TableName=reader.settings.table_name,
            IndexName="status-timestamp-index",
            KeyConditionExpression="#status = :status",
            ProjectionExpression=", ".join(f"#{name}" for name in _ATTRIBUTES),
            ExpressionAttributeNames={f"#{name}": name for name in ("status", *_ATTRIBUTES)},
            ExpressionAttributeValues={":status": {"S": status.value}},
        )
        if is_failed(items):
            return items
        found += [from_item(item) for item in items]
    return _with_replication(reader, found)


def _with_replication(reader: AwsReader, migrations: list[dict[str, Any]]) -> Any:
    """With ``lifecycleState`` and ``isArchived`` of servers that MGN lists; a failure document if MGN was not read."""
    ids = sorted({one["sourceServerId"] for one in migrations})
    views: dict[str, Any] = {}
    for group in in_groups(ids, replication.SERVERS_A_CALL):
        answer = replication.views_of(reader, group)
        if is_failed(answer):
            return answer
        views |= answer
    seen = {
        server: {"lifecycleState": view["lifecycleState"], "isArchived": view["isArchived"]}
        for server, view in views.items()
    }
    return [one | seen.get(one["sourceServerId"], {}) for one in migrations]


def _picked(reader: AwsReader, found: Any, pick: Callable[[Any], dict[str, Any]], takes: Callable[[str], bool]) -> Any:
    if is_failed(found):
        return found
    return reader.guarded("names", lambda: [one for one in map(pick, found) if takes(one["name"])])


_READERS: dict[str, Callable[[AwsReader], Any]] = {
    "queues": _queues,
    "functions": _functions,
    "machines": _machines,
    "rules": _rules,
    "tables": _tables,
    "migrations": _migrations,
}
