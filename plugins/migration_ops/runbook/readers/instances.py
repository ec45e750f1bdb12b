"""EC2 instances that MGN launched, by its tags: what they open to others."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.facts import is_failed

MANAGED, SERVER_ID = "AWSApplicationMigrationServiceManaged", "AWSApplicationMigrationServiceSourceServerID"
ALIVE = ("pending", "running", "stopping", "stopped")


def read(reader: Reader) -> dict[str, Any]:
    """
    ``instances``: ``name`` (its id), ``serverId, tokens`` (``required`` is IMDSv2 only), ``metadata`` (``enabled``,
    ``disabled``), ``publicAddresses, profileArn``.

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
        "publicAddresses": _public_addresses(one),
        "profileArn": one.get("IamInstanceProfile", {}).get("Arn"),
    }


def _public_addresses(one: dict[str, Any]) -> list[str]:
    """IPv4 of every interface, and IPv6, which is public as such."""
    interfaces = one.get("NetworkInterfaces", [])
    found = [one.get("PublicIpAddress"), *(each.get("Association", {}).get("PublicIp") for each in interfaces)]
    found += [address["Ipv6Address"] for each in interfaces for address in each.get("Ipv6Addresses", [])]
    return sorted({address for address in found if address})
