"""How much of a quota is used, counted in the service itself if there is no metric."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from migration_ops.aws.mgn.servers import ServerView, moment
from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError
from migration_ops.core.series import peak

GIB_A_TIB = 1024


def replicating(reader: AwsReader) -> Any:
    """Number of source servers that replicate now; a failure document when MGN does not say it of one."""
    return reader.guarded("mgn:describe_source_servers", lambda: _replicating(_servers(reader)))


def _replicating(servers: list[ServerView]) -> int:
    """:raises UnknownError: MGN does not say of a server whether it replicates."""
    unsaid = [one.source_server_id for one in servers if one.replicates is None]
    if unsaid:
        raise UnknownError(f"MGN does not say whether {unsaid[0]} replicates ({len(unsaid)} such servers)")
    return sum(one.replicates is True for one in servers)


def not_archived(reader: AwsReader) -> Any:
    return reader.guarded("mgn:describe_source_servers", lambda: len(_servers(reader)))


def _servers(reader: AwsReader) -> list[ServerView]:
    pages = reader.client("mgn").get_paginator("describe_source_servers").paginate(filters={"isArchived": False})
    return [ServerView.from_api(item) for page in pages for item in page["items"]]


def jobs(reader: AwsReader) -> Any:
    """The largest number of jobs at the same time, of jobs created in the window."""
    return reader.guarded("mgn:describe_jobs", lambda: peak((begin, end, 1) for begin, end, _ in _jobs(reader)))


def servers_in_jobs(reader: AwsReader) -> Any:
    """The largest number of source servers in jobs at the same time, of jobs created in the window."""
    return reader.guarded("mgn:describe_jobs", lambda: peak(_sized(_jobs(reader))))


def _sized(jobs: list[tuple[datetime, datetime, int | None]]) -> Iterator[tuple[datetime, datetime, int]]:
    """:raises UnknownError: MGN does not name the servers of a job."""
    for begin, end, servers in jobs:
        if servers is None:
            raise UnknownError(f"MGN does not name the servers of the job of {begin.isoformat()}")
        yield begin, end, servers


def _jobs(reader: AwsReader) -> list[tuple[datetime, datetime, int | None]]:
    """Begin, end (now if it still runs) and number of servers (None: not stated) of each job.

    :raises UnknownError: a job has no readable ``creationDateTime``.
    """
    since = reader.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    pages = reader.client("mgn").get_paginator("describe_jobs").paginate(filters={"fromDate": since})
    found = []
    for item in (item for page in pages for item in page["items"]):
        begun = moment(item.get("creationDateTime"))
        if begun is None:
            raise UnknownError("a job has no creationDateTime", jobId=item.get("jobID"))
        ended = moment(item.get("endDateTime")) or reader.now
        servers = item.get("participatingServers")
        found.append((begun, ended, None if servers is None else len(servers)))
    return found


def gp3_tib(reader: AwsReader) -> Any:
    def total() -> float:
        pages = reader.client("ec2").get_paginator("describe_volumes")
        found = pages.paginate(Filters=[{"Name": "volume-type", "Values": ["gp3"]}])
        return round(sum(one["Size"] for page in found for one in page["Volumes"]) / GIB_A_TIB, 3)

    return reader.guarded("ec2:describe_volumes", total)


COUNTERS: dict[str, Callable[[AwsReader], Any]] = {
    "mgnReplicating": replicating,
    "mgnNotArchived": not_archived,
    "mgnJobs": jobs,
    "mgnServersInJobs": servers_in_jobs,
    "ebsGp3": gp3_tib,
}
