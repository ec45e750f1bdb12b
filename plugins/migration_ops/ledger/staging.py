"""What MGN created in EC2 for replication and launches, with what MGN and the ledger say about the source servers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from migration_ops.aws.inventory.ec2 import MANAGED, instances, snapshots, volumes
from migration_ops.aws.mgn.servers import ServerView, moment
from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import side_by_side
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import failed, is_failed
from migration_ops.core.listing import Listing
from migration_ops.core.states import Status
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Record


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``staging``: instances, volumes and snapshots of the staging area (``aws/inventory/ec2.py``), each with ``server``
    and ``migration`` of its source server (absent when there is none), and ``launched``: instances that MGN launched.

    ``replicating``: how many servers replicate at least; they share replication servers. Not read when it is known of
    none, and MGN does not say it of all.
    """
    of_mgn = {"Name": "tag-key", "Values": [MANAGED]}
    machines, disks, copies, servers, migrations = side_by_side(
        (
            lambda: instances(reader, of_mgn),
            lambda: volumes(reader, of_mgn),
            lambda: snapshots(reader, of_mgn),
            lambda: _servers(reader),
            lambda: _migrations(reader),
        ),
        lambda ask: ask(),
    )
    unread = next((one for one in (machines, disks, copies) if is_failed(one)), None)
    if unread is not None:
        return {"staging": unread, "launched": unread, "replicating": unread}
    staging_ids = {one["name"] for one in machines if one["isStaging"]}
    staged = [one for one in machines if one["isStaging"]]
    # Volumes that are attached to a launched server have MGN's tags too, but are no staging volumes.
    staged += [
        one for one in disks if one["isStaging"] or not one["attachedTo"] or staging_ids & set(one["attachedTo"])
    ]
    staged += copies
    launched = [one for one in machines if not one["isStaging"] and one["sourceServerId"]]
    return {
        "staging": [_joined(one, servers, migrations) for one in staged],
        "launched": [_joined(one, servers, migrations) for one in launched],
        "replicating": servers if is_failed(servers) else _replicating(servers),
    }


def _replicating(servers: dict[str, Any]) -> Any:
    known = sum(one["replicates"] is True for one in servers.values())
    unsaid = [server_id for server_id, one in servers.items() if one["replicates"] is None]
    if known or not unsaid:
        return known
    error = UnknownError(f"MGN does not say whether {unsaid[0]} replicates ({len(unsaid)} such servers)")
    return failed("mgn:describe_source_servers", error)


def _joined(resource: dict[str, Any], servers: Any, migrations: Any) -> dict[str, Any]:
    """The resource with server and migration; a part that could not be read is a failure document."""
    server_id = resource["sourceServerId"]
    return resource | {
        "server": servers if is_failed(servers) else servers.get(server_id),
        "migration": migrations if is_failed(migrations) else migrations.get(server_id),
    }


def _servers(reader: AwsReader) -> Any:
    """MGN's source servers by id, also archived ones; ``replicates`` is None when MGN does not say."""

    def read_all() -> dict[str, Any]:
        pages = reader.client("mgn").get_paginator("describe_source_servers").paginate(filters={})
        views = (ServerView.from_api(item) for page in pages for item in page["items"])
        return {
            one.source_server_id: {
                "lifecycleState": one.lifecycle_state,
                "replicationState": one.replication_state,
                "isArchived": one.is_archived,
                "launchedInstanceId": one.launched_instance_id,
                "replicates": False if one.is_archived else one.replicates,
            }
            for one in views
        }

    return reader.guarded("mgn:describe_source_servers", read_all)


def _migrations(reader: AwsReader) -> Any:
    """The latest migration of each server, from the ledger's status index."""
    ledger = DynamoDbLedger(reader.client("dynamodb"), reader.settings.table_name)

    def read_all() -> dict[str, Any]:
        records = [record for status in Status for record in ledger.by_status(status)]
        latest = {one.source_server_id: one for one in sorted(records, key=lambda one: one.updated_at or "")}
        return {server_id: _migration(one, reader.now) for server_id, one in latest.items()}

    return reader.guarded("dynamodb:query", read_all)


def _migration(record: Record, now: datetime) -> dict[str, Any]:
    written = moment(record.updated_at)
    return {
        "migrationId": record.migration_id,
        "wave": record.wave,
        "status": record.status.value,
        "instanceId": record.instance_id,
        "hoursSince": round((now - written) / timedelta(hours=1), 1) if written else None,
    }


# The lists that checks are about.
LAUNCHED = Listing("staging", "launched", read)
STAGING = Listing("staging", "staging", read)
