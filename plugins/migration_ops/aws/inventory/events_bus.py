"""EventBridge buses: who may put events on them."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing


def read(reader: AwsReader) -> dict[str, Any]:
    """``buses``: ``name, arn, policies`` (one, or none: then only the bus's own account may put events on it)."""
    names = reader.config.resources.buses
    if names.is_empty:
        return {"buses": []}
    listed = reader.pages("events", "list_event_buses", "EventBuses")
    if is_failed(listed):
        return {"buses": listed}
    ours = [one for one in listed if names.matches(one["Name"])]
    return {"buses": reader.map(ours, lambda one: _bus(reader, one["Name"]))}


def _bus(reader: AwsReader, name: str) -> dict[str, Any]:
    answer = reader.call("events", "describe_event_bus", Name=name)
    if is_failed(answer):
        return {"name": name, "arn": None, "policies": answer}
    policies = [answer["Policy"]] if answer.get("Policy") else []
    return {"name": name, "arn": answer.get("Arn"), "policies": policies}


# The lists that checks are about.
BUSES = Listing("eventbus", "buses", read)
