"""What alarms watch: names only. The health check reads far more of the same services, for its own reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.batches import side_by_side
from migration_ops.core.facts import is_failed
from migration_ops.core.states import Status
from migration_ops.ledger.items import from_item
from migration_ops.runbook.readers import sqs

UNDER_WAY = (Status.REQUESTED, Status.MIGRATION_IN_PROGRESS)
_ATTRIBUTES = ("sourceServerId", "wave", "phase")


def read_subjects(reader: Reader, what: str) -> dict[str, Any]:
    """``{what: [...]}``: each with a ``name`` or its ids; the document of a failure in the list's place."""
    return {what: _READERS[what](reader)}


def _queues(reader: Reader) -> Any:
    """Queues; a dead-letter queue is one that a queue, one of our functions or a target of our rules names as such.

    Who else may name one (SNS subscriptions, destinations of asynchronous calls) is not asked.
    """
    queues, targets = sqs.read(reader)["queues"], _dead_letter_targets(reader)
    unread = next((one for one in (queues, targets) if is_failed(one)), None)
    if unread is not None:
        return unread
    return [queue | ({"isDeadLetter": True} if queue["arn"] in targets else {}) for queue in queues]


def _dead_letter_targets(reader: Reader) -> Any:
    functions, rules = _functions(reader), _rules(reader)
    unread = next((one for one in (functions, rules) if is_failed(one)), None)
    if unread is not None:
        return unread
    found = {one["deadLetters"] for one in functions}
    for targets in side_by_side(rules, lambda rule: _targets(reader, rule)):
        if is_failed(targets):
            return targets
        found |= {one.get("DeadLetterConfig", {}).get("Arn") for one in targets}
    return sorted(filter(None, found))


def _targets(reader: Reader, rule: dict[str, Any]) -> Any:
    return reader.pages("events", "list_targets_by_rule", "Targets", Rule=rule["name"], EventBusName=rule["bus"])


def _functions(reader: Reader) -> Any:
    names = reader.config.resources.functions
    if names.are_none:
        return []
    found = reader.pages("lambda", "list_functions", "Functions")
    return _picked(
        reader,
        found,
        lambda one: {
            "name": one["FunctionName"],
            "deadLetters": one.get("DeadLetterConfig", {}).get("TargetArn"),
        },
        names.takes,
    )


def _machines(reader: Reader) -> Any:
    names = reader.config.resources.state_machines
    if names.are_none:
        return []
    found = reader.pages("stepfunctions", "list_state_machines", "stateMachines")
    return _picked(reader, found, lambda one: {"name": one["name"], "arn": one["stateMachineArn"]}, names.takes)


def _rules(reader: Reader) -> Any:
    """Rules of our buses, without those that AWS services keep for themselves."""
    names = reader.config.resources.buses
    if names.are_none:
        return []
    buses = _picked(reader, _buses(reader), lambda one: {"name": one["Name"]}, names.takes)
    if is_failed(buses):
        return buses
    rules: list[dict[str, Any]] = []
    for bus in buses:
        found = reader.pages("events", "list_rules", "Rules", EventBusName=bus["name"])
        if is_failed(found):
            return found
        rules += [{"name": one["Name"], "bus": bus["name"]} for one in found if not one.get("ManagedBy")]
    return rules


def _buses(reader: Reader) -> Any:
    """All pages of ListEventBuses, for which the SDK has no paginator."""

    def read() -> list[Any]:
        found: list[Any] = []
        token: dict[str, str] = {}
        while True:
            page = reader.of("events").list_event_buses(**token)
            found += page["EventBuses"]
            if not page.get("NextToken"):
                return found
            token = {"NextToken": page["NextToken"]}

    return reader.attempt("events:list_event_buses", read)


def _tables(reader: Reader) -> Any:
    name = reader.settings.table_name
    found = reader.call("dynamodb", "describe_table", TableName=name)
    if is_failed(found):
        return found
    indexes = found["Table"].get("GlobalSecondaryIndexes") or []
    return [{"name": name, "indexes": [one["IndexName"] for one in indexes]}]


def _migrations(reader: Reader) -> Any:
    """What is under way, by the index of statuses, never by a scan."""
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
    return found


def _picked(reader: Reader, found: Any, pick: Callable[[Any], dict[str, Any]], takes: Callable[[str], bool]) -> Any:
    if is_failed(found):
        return found
    return reader.attempt("names", lambda: [one for one in map(pick, found) if takes(one["name"])])


_READERS: dict[str, Callable[[Reader], Any]] = {
    "queues": _queues,
    "functions": _functions,
    "machines": _machines,
    "rules": _rules,
    "tables": _tables,
    "migrations": _migrations,
}
