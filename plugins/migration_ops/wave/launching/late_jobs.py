"""Jobs that appeared long after their call, when the ledger already said that nothing had happened."""

from __future__ import annotations

from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.intents import NOTHING_HAPPENED, SUPERSEDED, intent_id_of, record_job, same_intent
from migration_ops.wave.launching.job_lookup import Action, started_job
from migration_ops.wave.services import Services


def adopt_late(services: Services, records: list[Record], action: Action) -> list[Record]:
    """The records; one whose intent was given up without a job gets its job if MGN shows it now.

    That job is then followed like any other: nothing is sent again, and nothing is reverted while it runs.
    """
    name = action.value
    by_id = {record.migration_id: record for record in records}
    for batch in same_intent([r for r in records if _is_given_up(r, name)], name):
        job = started_job(services, batch, action)
        if job is not None:
            services.log.warning(
                "%s: job %s of intent %s took effect late", name, job.job_id, intent_id_of(batch, name)
            )
            written = record_job(services, batch, action, job, "adopted late").records
            by_id.update({record.migration_id: record for record in written})
    return [by_id[record.migration_id] for record in records]


def _is_given_up(record: Record, name: str) -> bool:
    intent = record.intents.get(name)
    return intent is not None and intent.outcome in (NOTHING_HAPPENED, SUPERSEDED) and not intent.job_id
