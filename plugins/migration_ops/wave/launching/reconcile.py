"""Looks up calls whose outcome is not known. Nothing is sent here."""

from __future__ import annotations

from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.intents import (
    NOTHING_HAPPENED,
    LaunchState,
    collect,
    intent_id_of,
    note_no,
    record_job,
    same_intent,
)
from migration_ops.wave.launching.job_lookup import Action, has_unsettled_intent, started_job
from migration_ops.wave.launching.late_jobs import adopt_late
from migration_ops.wave.services import Services


def reconcile(
    services: Services, records: list[Record], action: Action, looked_since: float | None = None
) -> LaunchState:
    """Looks up the intents that have no job: adopts the job that MGN shows, or notes that nothing happened.

    That is noted ``settle_seconds`` after the first look at the earliest: by then the sender has ended or given up,
    and its call had that long to show up. A job that shows up later is adopted by the next call (``adopt_late``).

    :param looked_since: epoch seconds of the first look, from an earlier ``LaunchState``; None: this is the first.
    :raises UnknownError: the ledger does not say when an intent was written.
    """
    name = action.value
    records = adopt_late(services, records, action)
    by_id = {record.migration_id: record for record in records}
    since = looked_since or services.epoch()
    settled_at = since + services.settings.settle_seconds
    jobs: dict[str, str] = {}
    waits: list[tuple[float, str]] = []
    for batch in same_intent(
        [r for r in records if has_unsettled_intent(r, action) and not r.intents[name].job_id], name
    ):
        intent_id = intent_id_of(batch, name)
        job = started_job(services, batch, action)
        if job is not None:
            services.log.warning("%s: adopting job %s (intent %s)", name, job.job_id, intent_id)
            collect(record_job(services, batch, action, job, "adopted"), by_id, jobs, waits)
        elif services.epoch() < settled_at:
            waits.append((settled_at, f"{name}: waiting before believing that intent {intent_id} started nothing"))
        else:
            services.log.warning("%s: MGN shows no job for intent %s", name, intent_id)
            noted = note_no(services, batch, action, False, NOTHING_HAPPENED, None)
            by_id.update({record.migration_id: record for record in noted})
    ordered = [by_id[record.migration_id] for record in records]
    if waits:
        return LaunchState(ordered, jobs, *max(waits), looked_since=since)
    return LaunchState(ordered, jobs)
