"""Launches that somebody started outside this migration: never replaced, adopted or reverted without approval."""

from __future__ import annotations

from collections.abc import Mapping

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import OutcomeUnknownError, StepFailedError
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.job_lookup import EARLIER_JOBS, FAILED_LAUNCH, Action, last_job
from migration_ops.wave.services import Services

_GOING_ON = {"TESTING": Action.TEST, "CUTTING_OVER": Action.CUTOVER}


def find_external_launches(
    services: Services, records: Mapping[str, Record | None], views: Mapping[str, ServerView]
) -> dict[str, str]:
    """The MGN job ids of launches in progress that this migration did not start, by source server id.

    ``unknown`` stands for a launch of which MGN names no job. A test without an instance is ignored.

    :param records: the ledger's record of each server, None for a server the ledger does not know.
    """
    suspects = {server: job for server, view in views.items() if (job := _unknown_job(records.get(server), view))}
    if not suspects:
        return {}
    # Ours when it carries our intent: a lost call can take effect late.
    jobs = services.mgn.describe_jobs(sorted(set(suspects.values()) - {_NO_NAME}))
    intents = {job_id: job.intent_id for job_id, job in jobs.items() if job.intent_id}
    return {server: job for server, job in suspects.items() if intents.get(job) not in _intents_of(records.get(server))}


def refuse_external(services: Services, records: list[Record], views: Mapping[str, ServerView], what: str) -> None:
    """Called before a step that would replace or end somebody else's launch.

    :raises StepFailedError: somebody else is testing one of them, or cutting it over.
    """
    mine = {record.source_server_id: record for record in records}
    found = find_external_launches(services, mine, {s: view for s, view in views.items() if s in mine})
    if found:
        message = f"{what}: somebody else launched these servers; revert that in MGN, or wait until it is over"
        raise StepFailedError(message, jobs=found, states={s: views[s].lifecycle_state for s in found})


def require_known_failed(records: list[Record], views: Mapping[str, ServerView], action: Action) -> None:
    """Called before a launch of our own is reverted.

    :param records: of servers that MGN shows as launching; a launch of somebody else was refused before.
    :raises OutcomeUnknownError: it is not known to have failed; the next try follows a job that took effect late.
    """
    doubtful = {
        record.source_server_id: str(last_job(views[record.source_server_id], action))
        for record in records
        if not _has_failed(record, views[record.source_server_id], action)
    }
    if doubtful:
        raise OutcomeUnknownError("a launch of this migration took effect late; nothing was reverted", jobs=doubtful)


_NO_NAME = "unknown"


def _has_failed(record: Record, view: ServerView, action: Action) -> bool:
    """Whether the job that MGN names is of a failed attempt, or from before the present attempt."""
    job_id, intent = last_job(view, action), record.intents.get(action.value)
    if intent is not None and intent.job_id == job_id:
        return intent.outcome in FAILED_LAUNCH
    return job_id in record.facts.get(EARLIER_JOBS, [])


def _unknown_job(record: Record | None, view: ServerView) -> str | None:
    action = _GOING_ON.get(view.lifecycle_state or "")
    if action is None or (action is Action.TEST and not view.launched_instance_id):
        return None
    job_id = last_job(view, action)
    return None if job_id and job_id in _jobs_of(record, action) else job_id or _NO_NAME


def _jobs_of(record: Record | None, action: Action) -> set[str]:
    if record is None:
        return set()
    intent = record.intents.get(action.value)
    return {*record.facts.get(EARLIER_JOBS, []), *([intent.job_id] if intent and intent.job_id else [])}


def _intents_of(record: Record | None) -> set[str]:
    return {intent.intent_id for intent in record.intents.values()} if record else set()
