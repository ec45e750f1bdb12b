"""Which MGN job an intent started, as far as MGN shows it (DescribeJobs, DescribeSourceServers)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from migration_ops.aws.mgn.jobs import JobView
from migration_ops.aws.mgn.servers import ServerView, moment
from migration_ops.core.errors import UnknownError
from migration_ops.ledger.protocol import Record
from migration_ops.wave.rules.launch import STALE_SNAPSHOT
from migration_ops.wave.services import Services

# The clocks of AWS and ours may differ by so much: a job created that long before our intent may still be ours.
CLOCK_SKEW = timedelta(minutes=5)
# MGN lists jobs for years; a job in flight is never older than this.
_LOOK_BACK = timedelta(days=30)
EARLIER_JOBS = "earlierJobs"
# Outcomes of an intent whose job is over and launched no instance to keep.
FAILED_LAUNCH = frozenset({"FAILED", STALE_SNAPSHOT})


class Action(StrEnum):
    """The mutating calls that create a job; the value is the job's ``initiatedBy``."""

    TEST = "START_TEST"
    CUTOVER = "START_CUTOVER"
    TERMINATE = "TERMINATE"


def has_unsettled_intent(record: Record, action: Action) -> bool:
    """An intent was written and not judged: its job runs, or may run."""
    intent = record.intents.get(action.value)
    return intent is not None and intent.outcome is None


def started_job(services: Services, batch: list[Record], action: Action) -> JobView | None:
    """The job of the batch's intent as MGN shows it; servers are only asked when no job carries its tag."""
    jobs = services.mgn.jobs_since(written_at(batch, action) - CLOCK_SKEW)
    return find_job(batch, action, jobs, lambda: services.mgn.describe_servers([r.source_server_id for r in batch]))


def started_jobs(
    services: Services, batches: list[tuple[list[Record], Action]], views: Mapping[str, ServerView]
) -> list[tuple[list[Record], JobView]]:
    """
    Each batch with the job of its intent, without those that have none. MGN's jobs are read once for all batches.

    :param views: of the servers, as they were read before.
    """
    if not batches:
        return []
    jobs = services.mgn.jobs_since(min(written_at(batch, action) for batch, action in batches) - CLOCK_SKEW)

    def views_of(batch: list[Record]) -> dict[str, ServerView]:
        names = [record.source_server_id for record in batch]
        return {name: views[name] for name in names if name in views}

    found = [(batch, find_job(batch, action, jobs, partial(views_of, batch))) for batch, action in batches]
    return [(batch, job) for batch, job in found if job is not None]


def written_at(batch: list[Record], action: Action) -> datetime:
    """:raises UnknownError: the ledger holds no readable time."""
    intent = batch[0].intents[action.value]
    when = moment(intent.written_at)
    if when is None:
        raise UnknownError("the ledger does not say when this intent was written", intentId=intent.intent_id)
    return when


def find_job(
    batch: list[Record],
    action: Action,
    jobs: Iterable[JobView],
    read_views: Callable[[], dict[str, ServerView]],
) -> JobView | None:
    """The job of the batch's intent: by its tag, else the job the servers themselves name as their last one.

    Tags may be missing in an answer; the servers' own ``lastTest``/``lastCutover`` then decide. A job with other
    servers, of an earlier attempt, or that was there before the intent is never taken.
    """
    intent_id, found = batch[0].intents[action.value].intent_id, list(jobs)
    for job in found:
        if job.intent_id == intent_id:
            return job
    candidates = [job for job in found if _may_be_ours(job, batch, action)]
    if not candidates or action is Action.TERMINATE:
        return candidates[0] if candidates else None
    named = {last_job(view, action) for view in read_views().values()}
    return next((job for job in candidates if job.job_id in named), None)


def _may_be_ours(job: JobView, batch: list[Record], action: Action) -> bool:
    """A job that shows no tags at all, of this kind, with exactly these servers, and new since the intent."""
    if job.tags or job.initiated_by != action.value:
        return False
    earlier = {job_id for record in batch for job_id in record.facts.get(EARLIER_JOBS, [])}
    if job.job_id in earlier or set(job.launch_status) != {record.source_server_id for record in batch}:
        return False
    created = moment(job.created_at)
    return created is not None and created >= written_at(batch, action) - CLOCK_SKEW


def last_job(view: ServerView | None, action: Action) -> str | None:
    """The job MGN names as the server's last of this kind; it names none for terminations."""
    if view is None or action is Action.TERMINATE:
        return None
    return view.last_test_job_id if action is Action.TEST else view.last_cutover_job_id


def in_flight(services: Services, at: datetime) -> list[JobView]:
    """Jobs that were active when the call was made: one that ended since may have filled the quota then."""
    since = services.mgn.jobs_since(services.now() - _LOOK_BACK)
    return [one for one in since if not one.is_over or ((ended := moment(one.ended_at)) and ended >= at)]
