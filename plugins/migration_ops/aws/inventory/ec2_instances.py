"""EC2 instances that MGN launched, found by its tags: metadata options, public addresses, instance profile."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing

MANAGED, SERVER_ID = "AWSApplicationMigrationServiceManaged", "AWSApplicationMigrationServiceSourceServerID"
ALIVE = ("pending", "running", "stopping", "stopped")


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``instances``: ``name`` (its id), ``serverId, tokens`` (``required`` is IMDSv2 only), ``metadata`` (``enabled``,
    ``disabled``), ``publicAddresses, profileArn``.

    MGN's own replication and conversion servers have no tag with a server id and are left out.
    """
    alive = [{"Name": "tag-key", "Values": [MANAGED]}, {"Name": "instance-state-name", "Values": list(ALIVE)}]
    reservations = reader.pages("ec2", "describe_instances", "Reservations", Filters=alive)
    if is_failed(reservations):
        return {"instances": reservations}
    found = reader.guarded(
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
    """Public IPv4 addresses of every interface, and all IPv6 addresses: they are always public."""
    interfaces = one.get("NetworkInterfaces", [])
    found = [one.get("PublicIpAddress"), *(each.get("Association", {}).get("PublicIp") for each in interfaces)]
    found += [address["Ipv6Address"] for each in interfaces for address in each.get("Ipv6Addresses", [])]
    return sorted({address for address in found if address})


# The lists that checks are about.
INSTANCES = Listing("instances", "instances", read)
