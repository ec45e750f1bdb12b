"""Operations on jobs: the once-only Start* and Terminate, and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from include.sandbox.mgn.errors import ConflictError, NotFoundError, ValidationError, refused
from include.sandbox.mgn.estate import Job
from include.sandbox.mgn.operations.tagging import checked_tags
from include.sandbox.mgn.paging import page_of
from include.sandbox.mgn.render import job_document, log_document, without_nothing
from include.sandbox.mgn.service import OPERATIONS, Context, operation


def _starts(name: str, initiated_by: str) -> None:
    def handler(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        tags = checked_tags(request.get("tags", {}))
        job = context.launches.start(initiated_by, request["sourceServerIDs"], tags)
        return {"job": job_document(job, context.clock)}

    OPERATIONS[name] = handler


_starts("StartTest", "START_TEST")
_starts("StartCutover", "START_CUTOVER")
_starts("TerminateTargetInstances", "TERMINATE")


@operation("DescribeJobs")
def describe_jobs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Latest first. Unknown ids are simply absent."""
    filters = request.get("filters") or {}
    wanted = set(filters.get("jobIDs") or ())
    earliest, latest = _instant(context, filters, "fromDate"), _instant(context, filters, "toDate")
    found: list[Job] = []
    for job in sorted(context.account.jobs.values(), key=lambda one: one.created_at, reverse=True):
        too_early = earliest is not None and job.created_at < earliest
        too_late = latest is not None and job.created_at > latest
        if not too_early and not too_late and (not wanted or job.job_id in wanted):
            found.append(job)
    page, token = page_of("DescribeJobs", request, found)
    return without_nothing({"items": [job_document(one, context.clock) for one in page], "nextToken": token})


def _instant(context: Context, filters: dict[str, Any], member: str) -> float | None:
    text = filters.get(member)
    if text is None:
        return None
    try:
        return context.clock.simulated_of(datetime.fromisoformat(text))
    except ValueError as error:
        raise ValidationError(
            f"{member} is not a date", reason="fieldValidationFailed", fields=[(f"filters.{member}", "is not a date")]
        ) from error


@operation("DescribeJobLogItems")
def describe_job_log_items(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """:raises ValidationError: an unknown job; the operation has no ResourceNotFoundException."""
    job = context.account.jobs.get(request["jobID"])
    if job is None:
        raise ValidationError(f"Job {request['jobID']} does not exist", fields=[("jobID", "does not exist")])
    page, token = page_of("DescribeJobLogItems", request, job.log)
    return without_nothing({"items": [log_document(one, context.clock) for one in page], "nextToken": token})


@operation("DeleteJob")
def delete_job(context: Context, request: dict[str, Any]) -> None:
    job = context.account.jobs.get(request["jobID"])
    if job is None:
        raise NotFoundError("Job", request["jobID"])
    if job.is_active:
        conflict: ConflictError = refused("Job", {job.job_id: f"it is {job.status}"}, "DeleteJob")
        raise conflict
    del context.account.jobs[job.job_id]
