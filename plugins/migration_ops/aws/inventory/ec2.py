"""The account's instances, volumes and snapshots, and which of them MGN made for replication; used by readers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from migration_ops.aws.reader import AwsReader

MANAGED = "AWSApplicationMigrationServiceManaged"
SERVER = "AWSApplicationMigrationServiceSourceServerID"
# "… Replication Server", "… Conversion Server", and the volumes and snapshots of both.
STAGING_NAME = "AWS Application Migration Service"
# Instances that exist, in any state.
THERE = ["pending", "running", "stopping", "stopped"]


def instances(reader: AwsReader, *filters: dict[str, Any]) -> Any:
    """Documents of instances that are not terminated, or the failure."""
    states = {"Name": "instance-state-name", "Values": THERE}
    return reader.guarded(
        "ec2:describe_instances",
        lambda: [
            instance(one, reader.now)
            for page in reader.client("ec2").get_paginator("describe_instances").paginate(Filters=[states, *filters])
            for reservation in page["Reservations"]
            for one in reservation["Instances"]
        ],
    )


def volumes(reader: AwsReader, *filters: dict[str, Any]) -> Any:
    return reader.guarded(
        "ec2:describe_volumes",
        lambda: [
            volume(one, reader.now)
            for page in reader.client("ec2").get_paginator("describe_volumes").paginate(Filters=list(filters))
            for one in page["Volumes"]
        ],
    )


def snapshots(reader: AwsReader, *filters: dict[str, Any]) -> Any:
    return reader.guarded(
        "ec2:describe_snapshots",
        lambda: [
            snapshot(one, reader.now)
            for page in reader.client("ec2")
            .get_paginator("describe_snapshots")
            .paginate(OwnerIds=["self"], Filters=list(filters))
            for one in page["Snapshots"]
        ],
    )


def instance(answer: dict[str, Any], now: datetime) -> dict[str, Any]:
    return _common(answer, answer["InstanceId"], "instance", answer["LaunchTime"], now) | {
        "state": answer["State"]["Name"],
        "type": answer["InstanceType"],
    }


def volume(answer: dict[str, Any], now: datetime) -> dict[str, Any]:
    return _common(answer, answer["VolumeId"], "volume", answer["CreateTime"], now) | {
        "state": answer["State"],
        "gib": answer["Size"],
        "attachedTo": [one["InstanceId"] for one in answer.get("Attachments", []) if one.get("InstanceId")],
    }


def snapshot(answer: dict[str, Any], now: datetime) -> dict[str, Any]:
    return _common(answer, answer["SnapshotId"], "snapshot", answer["StartTime"], now) | {
        "state": answer["State"],
        "gib": answer["VolumeSize"],
        "volumeId": answer.get("VolumeId"),
    }


def _common(answer: dict[str, Any], name: str, kind: str, made: datetime, now: datetime) -> dict[str, Any]:
    tags = {one["Key"]: one["Value"] for one in answer.get("Tags", [])}
    return {
        "name": name,
        "kind": kind,
        "ageHours": round((now - made) / timedelta(hours=1), 1),
        "label": tags.get("Name", ""),
        "isManaged": MANAGED in tags,
        "isStaging": MANAGED in tags and tags.get("Name", "").startswith(STAGING_NAME),
        "sourceServerId": tags.get(SERVER),
        # Snapshots of AWS Backup and Data Lifecycle Manager have their own retention.
        "isBackup": any(key.startswith(("aws:backup:", "aws:dlm:")) for key in tags),
    }
