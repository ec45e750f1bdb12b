"""The reads of other services that a wave needs, and the readers of the shared poll."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from migration_ops.aws.errors import NotFoundError
from migration_ops.aws.mgn.hook import MgnHook, chunks, classified, distinct
from migration_ops.core.errors import UnknownError

# EC2 API reference, DescribeInstanceStatus: at most 100 explicit ids; DescribeInstances: 200 values in a filter.
MAX_INSTANCES_PER_STATUS = 100
MAX_FILTER_VALUES = 200
_STATUS_MEMBERS = {
    "InstanceState": "Name",
    "InstanceStatus": "Status",
    "SystemStatus": "Status",
    "AttachedEbsStatus": "Status",
}


def instance_statuses(ec2_client: Any, instance_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """State and both status checks per EC2 instance; an instance that EC2 does not know is absent.

    DescribeInstanceStatus refuses the whole request for one unknown id and has no ``instance-id`` filter, so in that
    case DescribeInstances, which has one, says which of the ids exist.

    :return: EC2's ``InstanceId``, ``InstanceState.Name``, ``InstanceStatus.Status``, ``SystemStatus.Status`` and, if
        given, ``AttachedEbsStatus.Status``; the first three also flat as ``state``, ``instanceStatus`` and
        ``systemStatus``, None when EC2 does not say.
    """
    found: dict[str, dict[str, Any]] = {}
    for chunk in chunks(distinct(instance_ids), MAX_INSTANCES_PER_STATUS):
        try:
            found.update(_statuses(ec2_client, chunk))
        except NotFoundError:
            known = _existing(ec2_client, chunk)
            found.update(_statuses(ec2_client, known) if known else {})
    return found


def _statuses(ec2_client: Any, instance_ids: list[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    with classified(mutating=False):
        pages = ec2_client.get_paginator("describe_instance_status").paginate(
            InstanceIds=instance_ids, IncludeAllInstances=True
        )
        for page in pages:
            for item in _list_of(page, "InstanceStatuses"):
                found[item["InstanceId"]] = _plain_status(item)
    return found


def _plain_status(item: dict[str, Any]) -> dict[str, Any]:
    """Without events and details: their times are no JSON values."""
    status: dict[str, Any] = {"InstanceId": item["InstanceId"]}
    for member, detail in _STATUS_MEMBERS.items():
        if item.get(member):
            status[member] = {detail: item[member].get(detail)}
    return status | {
        "state": status.get("InstanceState", {}).get("Name"),
        "instanceStatus": status.get("InstanceStatus", {}).get("Status"),
        "systemStatus": status.get("SystemStatus", {}).get("Status"),
    }


def _existing(ec2_client: Any, instance_ids: list[str]) -> list[str]:
    found: set[str] = set()
    with classified(mutating=False):
        for chunk in chunks(instance_ids, MAX_FILTER_VALUES):
            pages = ec2_client.get_paginator("describe_instances").paginate(
                Filters=[{"Name": "instance-id", "Values": chunk}]
            )
            for page in pages:
                for reservation in _list_of(page, "Reservations"):
                    found.update(item["InstanceId"] for item in reservation.get("Instances") or [])
    return [one for one in instance_ids if one in found]


def calendar_states(ssm_client: Any, names: Iterable[str], at: datetime | None = None) -> dict[str, str | None]:
    """State of each SSM change calendar (GetCalendarState): ``OPEN``, ``CLOSED``, None when SSM does not say.

    Each calendar is asked for alone, because for several names SSM only says whether all are open. One that does not
    exist is absent.

    :param names: names or ARNs.
    :param at: the aware moment to ask about; now when None.
    """
    when = {} if at is None else {"AtTime": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    states: dict[str, str | None] = {}
    for name in distinct(names):
        with suppress(NotFoundError), classified(mutating=False):
            states[name] = ssm_client.get_calendar_state(CalendarNames=[name], **when).get("State")
    return states


def _list_of(page: dict[str, Any], member: str) -> list[dict[str, Any]]:
    items = page.get(member)
    if not isinstance(items, list):
        raise UnknownError(f"The answer has no {member}.")
    return items


class Feed(StrEnum):
    """What the shared poll can read; each feed is one kind of id."""

    SERVERS = "servers"
    JOBS = "jobs"
    INSTANCES = "instances"
    LEDGER = "ledger"
    CALENDARS = "calendars"


# Reads the union of the ids; an id that does not exist is absent from the answer.
Reader = Callable[[list[str]], Mapping[str, Any]]
Readers = Mapping[Feed, Reader]


def readers_of(aws_conn_id: str | None, region: str | None) -> Readers:
    """One reader per feed, all through one connection. Blocks (connection lookup, imports): not for the event loop.

    Clients are made when a feed is first read, so that a wave without calendars needs no rights to read them.
    """
    mgn = MgnHook(aws_conn_id=aws_conn_id, region_name=region)
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = mgn.client_for_reads(service)
        return clients[service]

    def ledger(ids: list[str]) -> Mapping[str, Any]:
        from migration_ops.core.settings import read_settings
        from migration_ops.ledger.dynamodb import DynamoDbLedger

        return DynamoDbLedger(client("dynamodb"), read_settings().table_name).read(ids)

    return {
        Feed.SERVERS: mgn.describe_servers,
        Feed.JOBS: mgn.describe_jobs,
        Feed.INSTANCES: lambda ids: instance_statuses(client("ec2"), ids),
        Feed.LEDGER: ledger,
        Feed.CALENDARS: lambda ids: calendar_states(client("ssm"), ids),
    }
