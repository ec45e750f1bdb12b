"""Launches that somebody made beside the wave: not ours to replace, to take over or to undo unasked."""

from __future__ import annotations

from collections.abc import Mapping

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import StepFailed
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.job_lookup import EARLIER_JOBS, Action, last_job
from migration_ops.wave.services import Services

_GOING_ON = {"TESTING": Action.TEST, "CUTTING_OVER": Action.CUTOVER}


def foreign_launches(
    services: Services, records: Mapping[str, Record | None], views: Mapping[str, ServerView]
) -> dict[str, str]:
    """The MGN job ids of launches that are going on and that this migration did not start, by source server id.

    ``unknown`` stands for a launch of which MGN names no job. A test of which no instance is left harms nobody.

    :param records: the ledger's record of each server, None for a server the ledger does not know.
    """
    suspects = {server: job for server, view in views.items() if (job := _unknown_job(records.get(server), view))}
    if not suspects:
        return {}
    # Ours after all when it carries our intent: a call that was lost can take effect late.
    jobs = services.mgn.describe_jobs(sorted(set(suspects.values()) - {_NO_NAME}))
    intents = {job_id: job.intent_id for job_id, job in jobs.items() if job.intent_id}
    return {server: job for server, job in suspects.items() if intents.get(job) not in _intents_of(records.get(server))}


def refuse_foreign(services: Services, records: list[Record], views: Mapping[str, ServerView], what: str) -> None:
    """Before something is done to these servers that would replace or end somebody else's launch.

    :raises StepFailed: somebody else is testing one of them, or cutting it over.
    """
    mine = {record.source_server_id: record for record in records}
    found = foreign_launches(services, mine, {s: view for s, view in views.items() if s in mine})
    if found:
        message = f"{what}: somebody else launched these servers; revert that in MGN, or wait until it is over"
        raise StepFailed(message, jobs=found, states={s: views[s].lifecycle_state for s in found})


_NO_NAME = "unknown"


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
