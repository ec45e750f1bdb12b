"""The result of a launch job per server (MGN DescribeJobs, DescribeJobLogItems). COMPLETED only means: it is over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from migration_ops.aws.mgn.jobs import LAUNCH_FAILURE, LAUNCH_SUCCESS, JobView
from migration_ops.core.verdict import Fact, GateResult, Verdict, blocked, combine, unknown

STALE_SNAPSHOT = "STALE_SNAPSHOT"
_LAUNCH_TYPE = "LAUNCH"
_STALE_EVENT = "USING_PREVIOUS_SNAPSHOT"
_CLEANUP_EVENT = "CLEANUP_FAIL"
_NEVER_LAUNCHED_EVENTS = frozenset({"SERVER_SKIPPED", "JOB_CANCEL"})
_CAUSE_EVENTS = frozenset(
    {"SNAPSHOT_FAIL", "CONVERSION_FAIL", "LAUNCH_FAILED", _CLEANUP_EVENT, *_NEVER_LAUNCHED_EVENTS}
)

LogEvents = list[dict[str, Any]]


def judge_launch(
    job: JobView | None,
    server_ids: Iterable[str],
    log_events: LogEvents | None,
    *,
    stale_is_failure: bool = True,
) -> dict[str, GateResult]:
    """Was each of these servers launched by this job, from a current snapshot?

    :param log_events: all items of DescribeJobLogItems; None when they could not be read.
    :param stale_is_failure: True, as a cutover needs it: BLOCKED for a launch from an old snapshot (value
        ``STALE_SNAPSHOT``) and for an earlier instance left beside the new one, UNKNOWN for a job without a log.
        False: an old snapshot is only named.
    :return: per server; value is the launch status, limit what it must be.
    """
    return {one: _judge(job, one, log_events, stale_is_failure) for one in server_ids}


def _judge(job: JobView | None, server_id: str, log_events: LogEvents | None, stale_is_failure: bool) -> GateResult:
    limit = "LAUNCHED"
    if job is None:
        return GateResult("launch", server_id, Verdict.UNKNOWN, None, limit, "MGN does not list the job")
    status = job.launch_status.get(server_id)
    events = [one for one in log_events or [] if _concerns(one, server_id)]
    is_stale = any(one.get("event") == _STALE_EVENT for one in events)
    note = "; launched from an old snapshot" if is_stale else ""
    against = [*_job(job), *_server(job, server_id, events)] if job.is_over else list(_job(job))
    if stale_is_failure and job.is_over and status in LAUNCH_SUCCESS:
        against += [*_freshness(is_stale, log_events, events), *_left_behind(events)]
    return combine(
        "launch",
        server_id,
        against,
        value=STALE_SNAPSHOT if is_stale and status in LAUNCH_SUCCESS else status,
        limit=limit,
        ok=f"launched {job.instance_ids.get(server_id)} by {job.job_id}{note}",
    )


def _job(job: JobView) -> Iterator[Fact]:
    if job.type is not None and job.type != _LAUNCH_TYPE:
        yield blocked(f"{job.job_id} is a {job.type} job, it launches nothing")
    if job.is_active:
        yield unknown(f"{job.job_id} is still running ({job.status})")
    elif not job.is_over:
        yield unknown(f"status of {job.job_id} is {job.status or 'not given'}")


def _server(job: JobView, server_id: str, events: LogEvents) -> Iterator[Fact]:
    status = job.launch_status.get(server_id)
    causes = "".join(f"; {_said(one)}" for one in events if one.get("event") in _CAUSE_EVENTS)
    if status in LAUNCH_FAILURE:
        yield blocked(f"launch status is {status}{causes}")
    elif status in LAUNCH_SUCCESS:
        if not job.instance_ids.get(server_id):
            yield unknown("launched, but MGN names no instance")
    elif any(one.get("event") in _NEVER_LAUNCHED_EVENTS for one in events):
        yield blocked(f"the job left this server out{causes}")
    elif server_id not in job.launch_status:
        yield unknown(f"{job.job_id} does not list this server{causes}")
    else:
        yield unknown(f"the job is over, but launch status is {status or 'not given'}{causes}")


def _freshness(is_stale: bool, log_events: LogEvents | None, events: LogEvents) -> Iterator[Fact]:
    if is_stale:
        said = "; ".join(_said(one) for one in events if one.get("event") == _STALE_EVENT)
        yield blocked(f"launched from an old snapshot, writes since then are missing; {said}")
    elif not log_events:
        yield unknown("the job's log is empty or unread: whether an old snapshot was used is not known")


def _left_behind(events: LogEvents) -> Iterator[Fact]:
    """Two instances of one server, both on the network, are worse than none."""
    said = "; ".join(_said(one) for one in events if one.get("event") == _CLEANUP_EVENT)
    if said:
        yield blocked(
            f"an earlier instance may still run beside the new one ({said}): take off its termination protection, "
            "terminate it by hand, then launch again"
        )


def _concerns(event: dict[str, Any], server_id: str) -> bool:
    """An event that names no server concerns all of the job's servers."""
    named = (event.get("eventData") or {}).get("sourceServerID")
    return named is None or named == server_id


def _said(event: dict[str, Any]) -> str:
    about = event.get("eventData") or {}
    instance = about.get("targetInstanceID") if event.get("event") == _CLEANUP_EVENT else None
    name = f"{event.get('event')} of {instance}" if instance else str(event.get("event"))
    return f"{name}: {about['rawError']}" if about.get("rawError") else name
