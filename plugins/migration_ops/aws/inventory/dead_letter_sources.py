"""Which functions, streams, rules, buses, topics, schedules and pipes use a queue for dead letters.

Each source returns ``{"arn", "by"}`` entries, and failure documents for parts that could not be read. What was deleted
since it was listed is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from migration_ops.aws.inventory import events, lambda_
from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import side_by_side
from migration_ops.core.facts import is_failed

GONE = ("ResourceNotFoundException", "NotFoundException", "NotFound", "NotFoundError")
# In place of the ARN: subscriptions that are not confirmed or are being deleted have no attributes to read.
WITHOUT_ATTRIBUTES = ("PendingConfirmation", "Deleted")

Entries = list[dict[str, Any]]


def named_by_others(reader: AwsReader) -> Entries:
    """All entries of all sources; services of which this installation has nothing are not asked."""
    sources = (_functions, _streams, _rules, _buses, _subscriptions, _schedules, _pipes)
    return list(chain.from_iterable(side_by_side(sources, lambda source: source(reader))))


def _functions(reader: AwsReader) -> Entries:
    """Dead-letter targets of every listed function; of ours also those of their versions and for failed calls."""
    names = reader.config.resources.functions
    if names.is_empty:
        return []
    listed = lambda_.functions(reader)
    if is_failed(listed):
        return [listed]
    found = [_entry(_letters_of(one), f"function {one['FunctionName']}") for one in listed]
    ours = [one["FunctionName"] for one in listed if names.matches(one["FunctionName"])]

    def destinations(name: str) -> Entries:
        targets = lambda_.failure_destinations(reader, name)
        if targets is None or is_failed(targets):
            return _present([targets])
        return _present(_entry(target, f"function {name}, failed calls") for target in targets)

    def versions(name: str) -> Entries:
        # An alias may still call an old version, which keeps the target that the function had then.
        kept = lambda_.versions(reader, name)
        if kept is None or is_failed(kept):
            return _present([kept])
        return _present(_entry(_letters_of(one), f"function {name}, version {one['Version']}") for one in kept)

    return _present(found) + _flat(ours, destinations) + _flat(ours, versions)


def _letters_of(function: dict[str, Any]) -> str | None:
    target: str | None = function.get("DeadLetterConfig", {}).get("TargetArn")
    return target


def _streams(reader: AwsReader) -> Entries:
    if reader.config.resources.functions.is_empty:
        return []
    listed = reader.pages("lambda", "list_event_source_mappings", "EventSourceMappings")
    if is_failed(listed):
        return [listed]
    return _present(
        _entry(
            one.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"),
            f"event source mapping {one.get('UUID')}",
        )
        for one in listed
    )


def _rules(reader: AwsReader) -> Entries:
    """Targets of the rules on our buses and on the default bus, without rules that AWS services manage."""
    if reader.config.resources.buses.is_empty:
        return []
    buses = events.buses(reader)
    if is_failed(buses):
        return [buses]
    lists: list[Any] = side_by_side(buses, lambda bus: events.rules_of(reader, bus) or [])
    unread = [some for some in lists if is_failed(some)]
    rules = [rule for some in lists if not is_failed(some) for rule in some if not rule["isManaged"]]

    def targets(rule: dict[str, Any]) -> Entries:
        found = events.targets_of(reader, rule)
        if found is None or is_failed(found):
            return _present([found])
        return _present(_entry(one["deadLetterArn"], f"rule {rule['name']}, target {one['id']}") for one in found)

    return unread + _flat(rules, targets)


def _buses(reader: AwsReader) -> Entries:
    """Our buses' own dead-letter queues: they take events that a bus cannot decrypt with its key."""
    if reader.config.resources.buses.is_empty:
        return []
    buses = events.buses(reader)
    if is_failed(buses):
        return [buses]

    def bus_queue(name: str) -> Entries:
        answer = reader.call_optional("events", "describe_event_bus", GONE, Name=name)
        if answer is None or is_failed(answer):
            return _present([answer])
        return _present([_entry(answer.get("DeadLetterConfig", {}).get("Arn"), f"bus {name}")])

    return _flat(buses, bus_queue)


def _subscriptions(reader: AwsReader) -> Entries:
    names = reader.config.resources.topics
    if names.is_empty:
        return []
    listed = reader.pages("sns", "list_subscriptions", "Subscriptions")
    if is_failed(listed):
        return [listed]
    arns = [
        one["SubscriptionArn"]
        for one in listed
        if one["SubscriptionArn"] not in WITHOUT_ATTRIBUTES and names.matches(one["TopicArn"].rsplit(":", 1)[-1])
    ]

    def policy(arn: str) -> Entries:
        answer = reader.call_optional("sns", "get_subscription_attributes", GONE, SubscriptionArn=arn)
        if answer is None or is_failed(answer):
            return _present([answer])
        redrive = json.loads(answer["Attributes"].get("RedrivePolicy") or "{}")
        return _present([_entry(redrive.get("deadLetterTargetArn"), f"subscription {arn.split(':', 5)[-1]}")])

    return _flat(arns, policy)


def _schedules(reader: AwsReader) -> Entries:
    if reader.config.resources.buses.is_empty:
        return []
    listed = reader.pages("scheduler", "list_schedules", "Schedules")
    if is_failed(listed):
        return [listed]

    def target(one: dict[str, Any]) -> Entries:
        name = {"Name": one["Name"], "GroupName": one["GroupName"]}
        answer = reader.call_optional("scheduler", "get_schedule", GONE, **name)
        if answer is None or is_failed(answer):
            return _present([answer])
        arn = answer["Target"].get("DeadLetterConfig", {}).get("Arn")
        return _present([_entry(arn, f"schedule {one['GroupName']}/{one['Name']}")])

    return _flat(listed, target)


def _pipes(reader: AwsReader) -> Entries:
    if reader.config.resources.buses.is_empty:
        return []
    listed = reader.pages("pipes", "list_pipes", "Pipes")
    if is_failed(listed):
        return [listed]

    def source(one: dict[str, Any]) -> Entries:
        answer = reader.call_optional("pipes", "describe_pipe", GONE, Name=one["Name"])
        if answer is None or is_failed(answer):
            return _present([answer])
        # Only stream sources have one, in the parameters of their kind.
        kinds = (part for part in answer.get("SourceParameters", {}).values() if isinstance(part, dict))
        return _present(_entry(part.get("DeadLetterConfig", {}).get("Arn"), f"pipe {one['Name']}") for part in kinds)

    return _flat(listed, source)


def _entry(arn: str | None, by: str) -> dict[str, Any] | None:
    return {"arn": arn, "by": by} if arn else None


def _present(entries: Iterable[dict[str, Any] | None]) -> Entries:
    return [one for one in entries if one is not None]


def _flat(things: Iterable[Any], read: Callable[[Any], Entries]) -> Entries:
    return list(chain.from_iterable(side_by_side(things, read)))
