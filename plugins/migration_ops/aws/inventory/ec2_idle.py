"""What may cost money without use: volumes, addresses, instances with their CPU, snapshots. The checks judge it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from migration_ops.aws.inventory.ec2 import instances, snapshots, volumes
from migration_ops.aws.metrics import Metric, read_metrics
from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import side_by_side
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing

DAY_SECONDS = 86_400


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``volumes``, ``instances`` (running, with ``cpu``: daily means over ``cost.idleDays``), ``snapshots`` (with
    ``hasVolume``, ``images``: own images made from it): see ``aws/inventory/ec2.py``; ``addresses``: ``name, publicIp,
    isAssociated``. What MGN made for replication is left out: reader ``staging`` has it.
    """
    disks, machines, copies, images, addresses = side_by_side(
        (
            lambda: volumes(reader),
            lambda: instances(reader),
            lambda: snapshots(reader),
            lambda: reader.pages("ec2", "describe_images", "Images", Owners=["self"]),
            lambda: reader.call("ec2", "describe_addresses"),
        ),
        lambda ask: ask(),
    )
    return {
        "volumes": disks if is_failed(disks) else [one for one in disks if not one["isManaged"] or one["attachedTo"]],
        "instances": machines if is_failed(machines) else _with_cpu(reader, machines),
        "snapshots": _snapshots(copies, disks, images),
        "addresses": addresses if is_failed(addresses) else _addresses(reader, addresses),
    }


def _with_cpu(reader: AwsReader, machines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    running = [one for one in machines if one["state"] == "running" and not one["isStaging"]]
    since = reader.now - timedelta(days=reader.config.thresholds.cost.idle_days)
    series = read_metrics(
        reader,
        [
            Metric(one["name"], "AWS/EC2", "CPUUtilization", {"InstanceId": one["name"]}, "Average", DAY_SECONDS)
            for one in running
        ],
        since=since,
    )
    return [one | {"cpu": series[one["name"]]} for one in running]


def _snapshots(copies: Any, disks: Any, images: Any) -> Any:
    unread = next((one for one in (copies, disks, images) if is_failed(one)), None)
    if unread is not None:
        return unread
    volume_ids = {one["name"] for one in disks}
    used: dict[str, list[str]] = {}
    for image in images:
        for mapping in image.get("BlockDeviceMappings", []):
            used.setdefault(mapping.get("Ebs", {}).get("SnapshotId", ""), []).append(image["ImageId"])
    return [
        one | {"hasVolume": one["volumeId"] in volume_ids, "images": used.get(one["name"], [])}
        for one in copies
        if not one["isManaged"]
    ]


def _addresses(reader: AwsReader, answer: dict[str, Any]) -> Any:
    return reader.guarded(
        "ec2:describe_addresses",
        lambda: [
            {
                "name": one.get("AllocationId") or one["PublicIp"],
                "publicIp": one["PublicIp"],
                "isAssociated": bool(one.get("AssociationId") or one.get("InstanceId")),
            }
            for one in answer["Addresses"]
        ],
    )


# The lists that checks are about.
ADDRESSES = Listing("idle", "addresses", read)
INSTANCES = Listing("idle", "instances", read)
SNAPSHOTS = Listing("idle", "snapshots", read)
VOLUMES = Listing("idle", "volumes", read)
