"""EC2 instances that MGN launched, by its tags: what they open to others."""

from __future__ import annotations

from typing import Any

from migration_ops.runbook.facts import is_failed
from migration_ops.runbook.reading import Reader

MANAGED, SERVER_ID = "AWSApplicationMigrationServiceManaged", "AWSApplicationMigrationServiceSourceServerID"
ALIVE = ("pending", "running", "stopping", "stopped")


def read(reader: Reader) -> dict[str, Any]:
    """
    ``instances``: ``name`` (its id), ``serverId, tokens`` (``required`` is IMDSv2 only), ``metadata`` (``enabled``,
    ``disabled``), ``publicIp, publicIpv6, profileArn``.

    MGN's own replication and conversion servers have the first tag only; MGN makes and removes them as it needs them.
    """
    alive = [{"Name": "tag-key", "Values": [MANAGED]}, {"Name": "instance-state-name", "Values": list(ALIVE)}]
    reservations = reader.pages("ec2", "describe_instances", "Reservations", Filters=alive)
    if is_failed(reservations):
        return {"instances": reservations}
    found = reader.attempt(
        "ec2:describe_instances", lambda: [_instance(one) for group in reservations for one in group["Instances"]]
    )
    return {"instances": found if is_failed(found) else [one for one in found if one["serverId"]]}


def _instance(one: dict[str, Any]) -> dict[str, Any]:
    tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}
    metadata = one.get("MetadataOptions", {})
    return {
        "name": one["InstanceId"],
        "serverId": tags.get(SERVER_ID),
        "tokens": metadata.get("HttpTokens"),
        "metadata": metadata.get("HttpEndpoint"),
        "publicIp": one.get("PublicIpAddress") or None,
        "publicIpv6": [
            address["Ipv6Address"]
            for interface in one.get("NetworkInterfaces", [])
            for address in interface.get("Ipv6Addresses", [])
        ],
        "profileArn": one.get("IamInstanceProfile", {}).get("Arn"),
    }
