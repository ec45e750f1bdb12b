"""When a role last used which service (service last accessed data). IAM needs a job for it, which takes seconds."""

from __future__ import annotations

from typing import Any

from botocore.waiter import WaiterModel, create_waiter_with_client

from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed

WAITER = "ServiceLastAccessedDetails"
# The SDK has no waiter of its own for it.
MODEL = {
    "version": 2,
    "waiters": {
        WAITER: {
            "operation": "GetServiceLastAccessedDetails",
            "delay": 1,
            "maxAttempts": 60,
            "acceptors": [
                {"matcher": "path", "argument": "JobStatus", "expected": "COMPLETED", "state": "success"},
                {"matcher": "path", "argument": "JobStatus", "expected": "FAILED", "state": "failure"},
            ],
        }
    },
}


def start(reader: AwsReader, arn: str) -> Any:
    """The id of a job for the role; or the document of the failure."""
    return reader.guarded(
        "iam:generate_service_last_accessed_details",
        lambda: reader.client("iam").generate_service_last_accessed_details(Arn=arn, Granularity="SERVICE_LEVEL")[
            "JobId"
        ],
    )


def last_accessed(reader: AwsReader, job_id: Any) -> Any:
    """``services``: ``namespace, lastUsedAt`` (None: not in the last 400 days, which IAM keeps); or the failure."""
    if is_failed(job_id):
        return job_id
    found = reader.guarded("iam:get_service_last_accessed_details", lambda: _services(reader, job_id))
    return found if is_failed(found) else {"services": found}


def _services(reader: AwsReader, job_id: str) -> list[dict[str, Any]]:
    iam = reader.client("iam")
    create_waiter_with_client(WAITER, WaiterModel(MODEL), iam).wait(JobId=job_id)
    services: list[dict[str, Any]] = []
    more: dict[str, str] | None = {}
    while more is not None:
        page = iam.get_service_last_accessed_details(JobId=job_id, **more)
        services += [
            {"namespace": one["ServiceNamespace"], "lastUsedAt": one.get("LastAuthenticated")}
            for one in page["ServicesLastAccessed"]
        ]
        more = {"Marker": page["Marker"]} if page.get("IsTruncated") else None
    return services
