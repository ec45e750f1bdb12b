"""Which other runs hold the servers of a rollback on request: asked and shown before anybody is asked to approve."""

from __future__ import annotations

from dataclasses import dataclass

from migration_ops.core.markdown import code, plain
from migration_ops.ledger.protocol import Holder, LockHeldError
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.services import Services

_STATE = {
    True: "has ended; its locks are taken over",
    False: "is not over",
    None: "is not known to this Airflow (deleted, or it did not answer)",
}


@dataclass(frozen=True)
class Holding:
    """
    What one other run holds.

    :param ended: whether it is over; None when Airflow cannot say.
    """

    holder: Holder
    servers: tuple[str, ...]
    ended: bool | None

    @property
    def run(self) -> str:
        return f"{self.holder.dag_id} / {self.holder.run_id}"

    @property
    def words(self) -> str:
        return f"{self.run} (wave {self.holder.wave}) {_STATE[self.ended]}"


def holdings_of(services: Services, plan: WavePlan) -> list[Holding]:
    """The other runs that hold servers of the plan; empty when all are free or held by this run."""
    by_holder: dict[Holder, list[str]] = {}
    for server, holder in services.ledger.locks(list(plan.server_ids)).items():
        if not holder.is_same_run(services.holder):
            by_holder.setdefault(holder, []).append(server)
    return [Holding(one, tuple(sorted(held)), services.run_ended(one)) for one, held in by_holder.items()]


def holders_text(holdings: list[Holding]) -> list[str]:
    """Lines for the sheet."""
    return [f"Held by {code(one.run)}: {plain(one.words)}: {', '.join(map(code, one.servers))}." for one in holdings]


def require_free(holdings: list[Holding]) -> None:
    """:raises LockHeldError: a run that is not over, or of which Airflow knows nothing, holds some of the servers."""
    busy = [one for one in holdings if one.ended is not True]
    if not busy:
        return
    way = (
        "end it first (in Airflow: mark the run as failed; MGN's jobs go on and are waited for), then clear plan, or "
        "trigger this rollback again"
    )
    words = "; ".join(f"{one.words} and holds {', '.join(one.servers)}" for one in busy)
    raise LockHeldError(f"{words}: {way}", holders={one.run: list(one.servers) for one in busy})
