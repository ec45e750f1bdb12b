"""EventBridge buses: who may put events on them."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.facts import is_failed


def read(reader: Reader) -> dict[str, Any]:
    """``buses``: ``name, arn, policies`` (one, or none). A bus without one takes events of its own account only."""
    names = reader.config.resources.buses
    if names.are_none:
        return {"buses": []}
    listed = reader.attempt("events:list_event_buses", lambda: _all(reader.of("events")))
    if is_failed(listed):
        return {"buses": listed}
    ours = [one for one in listed if names.takes(one["Name"])]
    return {"buses": reader.each(ours, lambda one: _bus(reader, one["Name"]))}


def _all(events: Any) -> list[dict[str, Any]]:
    """The SDK has no paginator for buses."""
    found: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = events.list_event_buses(**more)
        found += page["EventBuses"]
        if not page.get("NextToken"):
            return found
        more = {"NextToken": page["NextToken"]}


def _bus(reader: Reader, name: str) -> dict[str, Any]:
    answer = reader.call("events", "describe_event_bus", Name=name)
    if is_failed(answer):
        return {"name": name, "arn": None, "policies": answer}
    policies = [answer["Policy"]] if answer.get("Policy") else []
    return {"name": name, "arn": answer.get("Arn"), "policies": policies}
