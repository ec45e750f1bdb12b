"""Money that is spent for nothing, or more of it than before; each on a resource of its own."""

from __future__ import annotations

from datetime import date
from typing import Any

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.costs import DAYS, book, line
from include.sandbox.estates.clean.ec2 import mgn_tags, migrated_instance
from include.sandbox.estates.clean.mgn_ledger import make_server, migration
from include.sandbox.estates.clean.tables import make_table
from include.sandbox.estates.estate import Expected
from migration_ops.core.states import Phase
from migration_ops.runbook.readers.cost_explorer import whole_months

ZONE = "us-east-1a"


def plant(account: Account) -> Expected:
    if account.control is None:
        return {}
    return _costs(account) | _staging(account) | _idle(account) | _table(account)


def _costs(account: Account) -> Expected:
    """From the first day of the last whole month on a service, a wave and a kind of transfer cost more."""
    book(
        account,
        [
            *_more(account, "Amazon Kinesis", "Storage-ShardHour", 5.0, 9.0),
            *_more(account, "Amazon Relational Database Service", "InstanceUsage:db.m5", 30.0, 31.0, wave="wave-calm"),
            *_more(account, "Amazon Relational Database Service", "InstanceUsage:db.r5", 4.0, 6.0, wave="wave-dear"),
            *_more(account, "Amazon Virtual Private Cloud", "USE1-VpcEndpoint-Hours", 60.0, 60.0),
            *_more(account, "Amazon Virtual Private Cloud", "USE1-NatGateway-Bytes", 2.0, 4.5),
        ],
    )
    return {
        "cost_service_growth": {"Amazon Kinesis"},
        "cost_tag_growth": {"wave=wave-dear"},
        "cost_data_transfer_growth": {"USE1-NatGateway-Bytes"},
    }


def _more(
    account: Account, service: str, usage_type: str, before: float, now: float, *, wave: str = ""
) -> list[dict[str, Any]]:
    last: date = whole_months(account.now.date())[1]
    change = (account.now.date() - last).days
    return [
        line(account, service, usage_type, before, wave=wave, days_ago=(DAYS, change + 1)),
        line(account, service, usage_type, now, wave=wave, days_ago=(change, 0)),
    ]


def _staging(account: Account) -> Expected:
    """A finalized server whose staging volume and snapshot stayed, and a test instance that nobody terminated."""
    ended = migration(
        account, "staged-01", wave="staged-wave", app="staged", phase=Phase.FINALIZED, updated_minutes_ago=12 * 60
    )
    ec2 = account.client("ec2")
    tags = mgn_tags(ended.source_server_id) | {"Name": "AWS Application Migration Service Replication Volume"}
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    volume = _volume(ec2, TagSpecifications=[{"ResourceType": "volume", "Tags": listed}])
    copy = ec2.create_snapshot(VolumeId=volume, TagSpecifications=[{"ResourceType": "snapshot", "Tags": listed}])[
        "SnapshotId"
    ]
    tested = make_server(account, "tested-01", app="tested", state="READY_FOR_CUTOVER")
    forgotten = migrated_instance(account, "tested-01", server_id=tested)
    account.control.write_history(ec2HoursAgo={volume: 20, copy: 18, forgotten: 30})
    return {"mgn_staging_leftover": {volume, copy}, "mgn_launched_instance_leftover": {forgotten}}


def _idle(account: Account) -> Expected:
    ec2 = account.client("ec2")
    instance = migrated_instance(account, "idle-01", server_id="s-00000000000001d1e")
    account.metric("AWS/EC2", "CPUUtilization", {"InstanceId": instance}, *[0.4] * 14, minutes_apart=24 * 60)
    lonely, gone = _volume(ec2), _volume(ec2)
    orphan = ec2.create_snapshot(VolumeId=gone)["SnapshotId"]
    ec2.delete_volume(VolumeId=gone)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    account.control.write_history(ec2HoursAgo={instance: 24 * 40, lonely: 24 * 20, orphan: 24 * 30})
    return {
        "ec2_instance_idle": {instance},
        "ebs_volume_unattached": {lonely},
        "ebs_snapshot_without_volume": {orphan},
        "ec2_address_unassociated": {address},
    }


def _volume(ec2: Any, **more: Any) -> str:
    made: str = ec2.create_volume(AvailabilityZone=ZONE, Size=100, VolumeType="gp3", Encrypted=True, **more)["VolumeId"]
    return made


def _table(account: Account) -> Expected:
    name = make_table(
        account,
        "dear-table",
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 100, "WriteCapacityUnits": 100},
    )
    return {"dynamodb_table_mode": {name}}
