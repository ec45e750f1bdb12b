"""The intents of an action in the ledger: their outcomes, their jobs, and the state of the action as a whole."""

from __future__ import annotations

from dataclasses import dataclass, replace

from migration_ops.aws.mgn.jobs import JobView
from migration_ops.core.errors import MigrationError
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.job_lookup import Action
from migration_ops.wave.services import Services

# The outcome of an intent that was perhaps sent and of which MGN shows no job: it may be sent again.
NOTHING_HAPPENED = "NOTHING_HAPPENED"
# A new run of the wave started over; nobody judged what became of the intent.
SUPERSEDED = "SUPERSEDED"


@dataclass(frozen=True)
class LaunchState:
    """Where the action stands.

    :param records: the ledger records of all servers, as stored now.
    :param jobs: job id by source server id for servers whose job is known.
    :param wait_until: epoch seconds before which nobody may conclude that nothing happened; None when all is known.
    :param looked_since: when an outcome that is still unknown was first looked up; hand it to the next ``reconcile``.
    """

    records: list[Record]
    jobs: dict[str, str]
    wait_until: float | None = None
    why: str = ""
    looked_since: float | None = None


def intent_id_of(batch: list[Record], name: str) -> str:
    """Of records that share an intent; ``name``: of the action."""
    return batch[0].intents[name].intent_id


def same_intent(records: list[Record], name: str) -> list[list[Record]]:
    """Records with an intent for the action, grouped by intent, that is by call."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.intents[name].intent_id, []).append(record)
    return list(groups.values())


def with_outcome(records: list[Record], action: Action, outcomes: dict[str, str]) -> list[Record]:
    """The records with the job's outcome per source server id noted in their intents."""
    return [
        replace(
            r,
            intents={**r.intents, action.value: replace(r.intents[action.value], outcome=outcomes[r.source_server_id])},
        )
        if r.source_server_id in outcomes and action.value in r.intents
        else r
        for r in records
    ]


def collect(part: LaunchState, by_id: dict[str, Record], jobs: dict[str, str], waits: list[tuple[float, str]]) -> None:
    """Adds the state of some of the servers to the totals."""
    by_id.update({record.migration_id: record for record in part.records})
    jobs.update(part.jobs)
    if part.wait_until is not None:
        waits.append((part.wait_until, part.why))


def note_no(
    services: Services, batch: list[Record], action: Action, again: bool, answer: str, error: MigrationError | None
) -> list[Record]:
    """Writes that a call did nothing.

    :param again: an earlier call under the same tag had no answer; the outcome stays ``NOTHING_HAPPENED``, so that a
        job of that call is still looked for.
    :param answer: ``REFUSED`` or ``NOT_NOW``; ``NOTHING_HAPPENED`` where MGN shows no job.
    """
    outcome = NOTHING_HAPPENED if again else answer
    noted = with_outcome(batch, action, {r.source_server_id: outcome for r in batch})
    detail = {"outcome": answer} | ({"error": error.as_document()} if error else {})
    return services.ledger.write(batch, noted, event=f"{action.value} {answer}", detail=detail)


def record_job(services: Services, batch: list[Record], action: Action, job: JobView, how: str) -> LaunchState:
    """Writes the job into the intents of its servers; ``how``: ``sent`` or ``adopted``, for the history."""
    name = action.value
    intents = {r.migration_id: replace(r.intents[name], job_id=job.job_id, outcome=None) for r in batch}
    with_job = [replace(r, job_id=job.job_id, intents={**r.intents, name: intents[r.migration_id]}) for r in batch]
    written = services.ledger.write(batch, with_job, event=f"{name} {how}", detail={"jobId": job.job_id})
    return LaunchState(written, {r.source_server_id: job.job_id for r in written})
