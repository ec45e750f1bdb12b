"""Managed nodes of Systems Manager, and whether their agent answers (SSM DescribeInstanceInformation)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from migration_ops.core.batches import in_groups

ONLINE = "Online"
# The filter's own limit (InstanceInformationFilterValueSet).
MAX_FILTER_VALUES = 100
MAX_PAGE = 50


@dataclass(frozen=True)
class ManagedNode:
    """One node as its agent last reported it. None always means: SSM did not say.

    :param platform: ``Linux``, ``Windows`` or ``MacOS``.
    :param ping_status: ``Online``, ``ConnectionLost`` or ``Inactive``.
    :param ip_address: the primary address that the agent sees on its own machine.
    """

    instance_id: str
    computer_name: str | None = None
    ip_address: str | None = None
    platform: str | None = None
    ping_status: str | None = None
    last_ping_at: str | None = None

    @classmethod
    def from_api(cls, item: dict[str, Any]) -> ManagedNode:
        pinged = item.get("LastPingDateTime")
        return cls(
            instance_id=item["InstanceId"],
            computer_name=item.get("ComputerName"),
            ip_address=item.get("IPAddress"),
            platform=item.get("PlatformType"),
            ping_status=item.get("PingStatus"),
            last_ping_at=str(pinged) if pinged else None,
        )


def managed_nodes(ssm: Any, instance_ids: Iterable[str]) -> dict[str, ManagedNode]:
    """The nodes with these ids; one that SSM does not list is absent. Without ids there is no call."""
    wanted = list(dict.fromkeys(instance_ids))
    found: dict[str, ManagedNode] = {}
    for some in in_groups(wanted, MAX_FILTER_VALUES):
        filters = [{"Key": "InstanceIds", "Values": some}]
        pages = ssm.get_paginator("describe_instance_information").paginate(
            Filters=filters, PaginationConfig={"PageSize": MAX_PAGE}
        )
        for page in pages:
            for item in page.get("InstanceInformationList") or []:
                found[item.get("InstanceId")] = ManagedNode.from_api(item)
    return {one: found[one] for one in wanted if one in found}
