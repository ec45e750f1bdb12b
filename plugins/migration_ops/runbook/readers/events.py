"""EventBridge: the rules of our buses, their targets, and what could not be delivered."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.metrics import Metric, read_metrics
from migration_ops.aws.reader import Reader
from migration_ops.core.batches import side_by_side
from migration_ops.core.errors import Unknown
from migration_ops.core.facts import failed, is_failed

DEFAULT_BUS = "default"
# Everybody's rules are on the default bus; ours, made by migration_setup, begin so.
OUR_RULES = "migration-"
# AWS/Events sends these only when they are not zero: no data means none (EventBridge User Guide, monitoring).
METRICS = {
    "failedInvocations": "FailedInvocations",
    "undelivered": "InvocationsFailedToBeSentToDlq",
    "throttled": "ThrottledRules",
}


def read(reader: Reader) -> dict[str, Any]:
    """
    ``rules``: ``name`` (bus/rule), ``bus, rule, state, targets [{id, arn, deadLetterArn}]`` and the values of
    ``failedInvocations, undelivered, throttled`` in the window.

    Of the default bus only our own rules. Our own bus stands there unread when it is gone or has no rule.
    """
    names = reader.config.resources.buses
    if not names.include:
        return {"rules": []}
    buses = _bus_names(reader)
    if is_failed(buses):
        return {"rules": buses}
    wanted = [bus for bus in buses if bus != DEFAULT_BUS and names.takes(bus)]
    lists = side_by_side([*wanted, DEFAULT_BUS], lambda bus: _rules_of(reader, bus))
    unread = next((one for one in lists if is_failed(one)), None)
    if unread is not None:
        return {"rules": unread}
    rules = side_by_side([rule for some in lists for rule in some], lambda rule: _with_targets(reader, rule))
    values = read_metrics(reader, [_metric(rule, name) for rule in rules for name in METRICS])
    for rule in rules:
        rule |= {name: values[_key(rule, name)] for name in METRICS}
    return {"rules": rules + _missing(reader, rules)}


def _bus_names(reader: Reader) -> Any:
    """ListEventBuses has no paginator in the SDK."""

    def listed() -> list[str]:
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = reader.of("events").list_event_buses(**token)
            found += [bus["Name"] for bus in page["EventBuses"]]
            if not page.get("NextToken"):
                return found
            token = {"NextToken": page["NextToken"]}

    return reader.attempt("events:list_event_buses", listed)


def _rules_of(reader: Reader, bus: str) -> Any:
    request: dict[str, Any] = {"EventBusName": bus} | ({"NamePrefix": OUR_RULES} if bus == DEFAULT_BUS else {})

    def listed() -> list[dict[str, Any]]:
        pages = reader.of("events").get_paginator("list_rules").paginate(**request)
        return [
            {"name": f"{bus}/{one['Name']}", "bus": bus, "rule": one["Name"], "state": one.get("State")}
            for page in pages
            for one in page["Rules"]
        ]

    return reader.attempt("events:list_rules", listed)


def _with_targets(reader: Reader, rule: dict[str, Any]) -> dict[str, Any]:
    def listed() -> list[dict[str, Any]]:
        pages = reader.of("events").get_paginator("list_targets_by_rule")
        return [
            {"id": one["Id"], "arn": one["Arn"], "deadLetterArn": one.get("DeadLetterConfig", {}).get("Arn")}
            for page in pages.paginate(Rule=rule["rule"], EventBusName=rule["bus"])
            for one in page["Targets"]
        ]

    return rule | {"targets": reader.attempt("events:list_targets_by_rule", listed)}


def _metric(rule: dict[str, Any], name: str) -> Metric:
    # The rule's name alone means the default bus; on another bus both are needed.
    bus = {} if rule["bus"] == DEFAULT_BUS else {"EventBusName": rule["bus"]}
    return Metric(_key(rule, name), "AWS/Events", METRICS[name], {**bus, "RuleName": rule["rule"]}, "Sum", 300)


def _key(rule: dict[str, Any], name: str) -> str:
    return f"{rule['name']}|{name}"


def _missing(reader: Reader, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What migration_setup made and is not there any more cannot be judged, and must not be passed over."""
    bus = reader.settings.event_bus.rsplit("/", 1)[-1]
    if not bus or any(rule["bus"] == bus for rule in rules) or not reader.config.resources.buses.takes(bus):
        return []
    gone = failed("events:list_rules", Unknown(f"our bus {bus} is gone, or has no rule"))
    return [{"name": f"{bus}/*", "state": gone, "targets": gone} | dict.fromkeys(METRICS, gone)]
