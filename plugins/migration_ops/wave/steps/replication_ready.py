"""Waits until every server of an application replicates well (runbook: Replication Lag Too High)."""

from __future__ import annotations

from migration_ops.aws.mgn.states import LAUNCHABLE_FOR_CUTOVER, LAUNCHABLE_FOR_TEST
from migration_ops.wave.records import load_and_resume, require_met, require_reached, to_act
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.waits.outcome import Done, Outcome, Topic, Wait

_LAUNCHABLE = LAUNCHABLE_FOR_TEST | LAUNCHABLE_FOR_CUTOVER


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when each server was healthy, with a known lag under the limit, for ``samples`` polls in a row.

    A stalled or disconnected server needs a person at once: it ends the wait with the first poll.

    :raises StepFailedError: a server is in a state that waiting does not change (STALLED, DISCONNECTED, archived, …).
    :raises StepTimedOutError: ``replication.timeoutMinutes`` passed.
    """
    app = inp.application
    if inp.resumed is not None:
        require_met(inp.resumed, "replication gate", app.app_name)
        lags = {s: (one.get("view") or {}).get("lag_seconds") for s, one in inp.resumed.observed.items()}
        return Done({"appName": app.app_name, "lagSeconds": lags})
    records = load_and_resume(services, inp, "replication_ready")
    todo = to_act(records, "replication_ready")
    if not todo:
        require_reached(records, "replication_ready", f"replication gate of {app.app_name}")
        return Done({"appName": app.app_name, "passed": "launched before; the gate was open then"})
    servers = [record.source_server_id for record in todo]
    limits = inp.conf.replication
    return Wait(
        topic=Topic.REPLICATION,
        subjects=tuple(servers),
        until={
            "maxLagSeconds": limits.max_lag_seconds,
            "samples": limits.samples,
            "final": False,
            "maxBackloggedBytes": 0,
            "lifecycle": sorted(_LAUNCHABLE),
        },
        poll_seconds=limits.poll_seconds,
        deadline=services.epoch() + 60 * limits.timeout_minutes,
        why=f"replication of {app.app_name}: lag ≤ {limits.max_lag_seconds} s in {limits.samples} polls in a row",
    )
