"""Which DAG run a task belongs to: a run id alone does not say, as it can be used again."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from airflow.configuration import conf

from migration_ops.ledger.protocol import Holder

_RUN_IS_OVER = frozenset({"success", "failed"})


def holder_of(ti: Any, wave: str) -> Holder:
    """
    The task's run as a holder of locks.

    A task sees neither the run's UUID nor its row's number. ``run_after`` is set, to the microsecond, when the run is
    made, and stays when it is cleared, retried or marked; ``start_date`` does not. Together with who triggered it and
    the address of this Airflow it identifies the run, unless somebody repeats all three on purpose.
    """
    run = ti.get_template_context()["dag_run"]
    made = run.run_after.astimezone(UTC).isoformat(timespec="microseconds")
    return Holder(
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        wave=wave,
        nonce=f"{made} {run.triggering_user_name or '-'}",
        airflow=base_url(),
    )


def base_url() -> str:
    """The address of this Airflow (``[api] base_url`` of its configuration); empty when it is not set."""
    return str(conf.get("api", "base_url", fallback="") or "").rstrip("/")


def run_ended(ti: Any, own: Holder, holder: Holder) -> bool | None:
    """
    Whether the run that holds a lock is over. None when Airflow cannot say: no answer, a deleted run, a run of another
    Airflow, or one with the id of the run that asks (Airflow knows only the state of the newer one).

    :param own: the run that asks.
    """
    if holder.airflow and holder.airflow != own.airflow:
        return None
    if (holder.dag_id, holder.run_id) == (own.dag_id, own.run_id):
        return None
    try:
        state = ti.get_dagrun_state(dag_id=holder.dag_id, run_id=holder.run_id)
    except Exception as error:  # noqa: BLE001 - the SDK raises its own server errors without a common base
        ti.log.warning("state of run %s of %s is unknown: %s", holder.run_id, holder.dag_id, error)
        return None
    return None if state is None else str(state) in _RUN_IS_OVER
