"""How much of a quota is used, counted in the service itself where no metric says it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from migration_ops.aws.mgn.servers import ServerView, moment
from migration_ops.aws.reader import Reader
from migration_ops.core.errors import Unknown
from migration_ops.core.series import peak

GIB_A_TIB = 1024
NOT_REPLICATING = frozenset({None, "STOPPED", "DISCONNECTED"})


def replicating(reader: Reader) -> Any:
    """Source servers that replicate now."""
    return reader.attempt(
        "mgn:describe_source_servers",
        lambda: sum(one.replication_state not in NOT_REPLICATING for one in _servers(reader)),
    )


def not_archived(reader: Reader) -> Any:
    return reader.attempt("mgn:describe_source_servers", lambda: len(_servers(reader)))


def _servers(reader: Reader) -> list[ServerView]:
    pages = reader.of("mgn").get_paginator("describe_source_servers").paginate(filters={"isArchived": False})
    return [ServerView.from_api(item) for page in pages for item in page["items"]]


def jobs(reader: Reader) -> Any:
    """The most jobs at once in the window."""
    return reader.attempt("mgn:describe_jobs", lambda: peak((begin, end, 1) for begin, end, _ in _jobs(reader)))


def servers_in_jobs(reader: Reader) -> Any:
    """The most source servers at once in jobs of the window."""
    return reader.attempt("mgn:describe_jobs", lambda: peak(_jobs(reader)))


def _jobs(reader: Reader) -> list[tuple[datetime, datetime, int]]:
    """Begin, end (now for one that runs) and number of servers.

    :raises Unknown: a job without the time of its beginning.
    """
    since = reader.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    pages = reader.of("mgn").get_paginator("describe_jobs").paginate(filters={"fromDate": since})
    found = []
    for item in (item for page in pages for item in page["items"]):
        begun = moment(item.get("creationDateTime"))
        if begun is None:
            raise Unknown("a job has no creationDateTime", jobId=item.get("jobID"))
        ended = moment(item.get("endDateTime")) or reader.now
        found.append((begun, ended, len(item.get("participatingServers", []))))
    return found


def gp3_tib(reader: Reader) -> Any:
    def total() -> float:
        pages = reader.of("ec2").get_paginator("describe_volumes")
        found = pages.paginate(Filters=[{"Name": "volume-type", "Values": ["gp3"]}])
        return round(sum(one["Size"] for page in found for one in page["Volumes"]) / GIB_A_TIB, 3)

    return reader.attempt("ec2:describe_volumes", total)


COUNTERS: dict[str, Callable[[Reader], Any]] = {
    "mgnReplicating": replicating,
    "mgnNotArchived": not_archived,
    "mgnJobs": jobs,
    "mgnServersInJobs": servers_in_jobs,
    "ebsGp3": gp3_tib,
}
