"""EventBridge: the rules of our buses, their targets, and metrics of failed deliveries."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.metrics import Metric, read_metrics
from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import side_by_side
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import NOT_READ, failed, is_failed
from migration_ops.core.listing import Listing

DEFAULT_BUS = "default"
# The default bus also has other people's rules; names of ours, made by migration_setup, begin with this.
OUR_RULES = "migration-"
# AWS/Events sends these only when they are not zero: no data means none (EventBridge User Guide, monitoring).
METRICS = {
    "failedInvocations": "FailedInvocations",
    "undelivered": "InvocationsFailedToBeSentToDlq",
    "throttled": "ThrottledRules",
}


GONE = ("ResourceNotFoundException",)

Rule = dict[str, Any]


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``rules``: ``name`` (bus/rule), ``bus, rule, state, isManaged, targets [{id, arn, deadLetterArn}]`` and the values
    of ``failedInvocations, undelivered, throttled`` in the window.

    Of the default bus only our own rules. An unread entry ``*`` stands for all buses whose rules could not be read, and
    an unread ``bus/*`` for our own bus when it is gone or has no rule.
    """
    names = reader.config.resources.buses
    if not names.include:
        return {"rules": []}
    reader = reader.fresh()
    listed = buses(reader)
    if is_failed(listed):
        return {"rules": listed}
    wanted = [bus for bus in listed if bus != DEFAULT_BUS]
    lists = side_by_side([*wanted, DEFAULT_BUS], lambda bus: rules_of(reader, bus, OUR_RULES))
    unread = {bus: some for bus, some in zip([*wanted, DEFAULT_BUS], lists, strict=True) if is_failed(some)}
    found = [rule for some in lists if some is not None and not is_failed(some) for rule in some]
    rules = [rule for rule in side_by_side(found, lambda rule: _with_targets(reader, rule)) if rule is not None]
    values = read_metrics(reader, [_metric(rule, name) for rule in rules for name in METRICS])
    for rule in rules:
        rule |= {name: values[_key(rule, name)] for name in METRICS}
    beside = [_unread("*", _reason(unread))] if unread else []
    return {"rules": rules + beside + _missing(reader, {*unread, *(rule["bus"] for rule in rules)})}


def buses(reader: AwsReader) -> Any:
    """Names of our buses, always with the default bus; or the document of the failure. Listed once in a read."""
    listed = reader.once("events:list_event_buses", lambda: reader.pages("events", "list_event_buses", "EventBuses"))
    if is_failed(listed):
        return listed
    takes = reader.config.resources.buses.matches
    return [*(one["Name"] for one in listed if one["Name"] != DEFAULT_BUS and takes(one["Name"])), DEFAULT_BUS]


def rules_of(reader: AwsReader, bus: str, on_default: str = "") -> Any:
    """
    Rules of one bus; None when it is gone; the document of a failure.

    :param on_default: of the default bus only rules whose name begins with this. If the default bus is not one of our
        buses, only rules that begin with ``OUR_RULES``.
    """
    if bus == DEFAULT_BUS and not reader.config.resources.buses.matches(bus):
        on_default = OUR_RULES
    prefix = {"NamePrefix": on_default} if bus == DEFAULT_BUS and on_default else {}
    found = reader.once(
        f"events:list_rules {bus} {prefix}",
        lambda: reader.pages_or_none("events", "list_rules", "Rules", GONE, EventBusName=bus, **prefix),
    )
    if found is None or is_failed(found):
        return found
    return [
        {
            "name": f"{bus}/{one['Name']}",
            "bus": bus,
            "rule": one["Name"],
            "state": one.get("State"),
            "isManaged": bool(one.get("ManagedBy")),
        }
        for one in found
    ]


def targets_of(reader: AwsReader, rule: Rule) -> Any:
    """``id, arn, deadLetterArn`` of a rule's targets; None when the rule is gone; the document of a failure."""
    about = {"Rule": rule["rule"], "EventBusName": rule["bus"]}
    found = reader.once(
        f"events:list_targets_by_rule {about}",
        lambda: reader.pages_or_none("events", "list_targets_by_rule", "Targets", GONE, **about),
    )
    if found is None or is_failed(found):
        return found
    return [
        {"id": one["Id"], "arn": one["Arn"], "deadLetterArn": one.get("DeadLetterConfig", {}).get("Arn")}
        for one in found
    ]


def _with_targets(reader: AwsReader, rule: Rule) -> Rule | None:
    targets = targets_of(reader, rule)
    return None if targets is None else rule | {"targets": targets}


def _unread(name: str, why: dict[str, Any]) -> Rule:
    return {"name": name, "state": why, "targets": why} | dict.fromkeys(METRICS, why)


def _reason(unread: dict[str, Any]) -> dict[str, Any]:
    """One failure document for the buses whose rules could not be read."""
    why = next(iter(unread.values()))[NOT_READ]
    return {NOT_READ: {**why, "message": f"rules of {', '.join(sorted(unread))}: {why['message']}"}}


def _metric(rule: dict[str, Any], name: str) -> Metric:
    # On the default bus the metric has the rule's name only; on another bus it has both dimensions.
    bus = {} if rule["bus"] == DEFAULT_BUS else {"EventBusName": rule["bus"]}
    return Metric(_key(rule, name), "AWS/Events", METRICS[name], {**bus, "RuleName": rule["rule"]}, "Sum", 300)


def _key(rule: dict[str, Any], name: str) -> str:
    return f"{rule['name']}|{name}"


def _missing(reader: AwsReader, known: set[str]) -> list[Rule]:
    """An unread entry for our own bus if it has no rules here: a bus that was deleted must not go unnoticed."""
    bus = reader.settings.event_bus.rsplit("/", 1)[-1]
    if not bus or bus in known or not reader.config.resources.buses.matches(bus):
        return []
    gone = failed("events:list_rules", UnknownError(f"our bus {bus} is gone, or has no rule"))
    return [_unread(f"{bus}/*", gone)]


# The lists that checks are about.
RULES = Listing("events", "rules", read)
