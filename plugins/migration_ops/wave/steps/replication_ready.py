"""Waits until every server of an application replicates well (runbook: Replication Lag Too High)."""

from __future__ import annotations

from migration_ops.aws.mgn.states import LAUNCHABLE_FOR_CUTOVER, LAUNCHABLE_FOR_TEST
from migration_ops.core.states import Phase
from migration_ops.wave.records import begin, in_phases, require_met
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.waits.outcome import Done, Outcome, Topic, Wait

# Phases before anything was launched in this wave, and those a cleared task starts over from.
BEFORE_LAUNCH = frozenset({Phase.PLANNED, Phase.ROLLED_BACK, Phase.FAILED, Phase.FROZEN})
_LAUNCHABLE = LAUNCHABLE_FOR_TEST | LAUNCHABLE_FOR_CUTOVER


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when each server was healthy, with a known lag under the limit, for ``samples`` polls in a row.

    A stalled or disconnected server needs a person now, not after a day: the first poll of the wait says so.

    :raises StepFailed: a server is in a state that waiting does not mend (STALLED, DISCONNECTED, archived, …).
    :raises StepTimedOut: ``replication.timeoutMinutes`` passed.
    """
    app = inp.application
    if inp.resumed is not None:
        require_met(inp.resumed, "replication gate", app.app_name)
        lags = {s: (one.get("view") or {}).get("lag_seconds") for s, one in inp.resumed.observed.items()}
        return Done({"appName": app.app_name, "lagSeconds": lags})
    todo = in_phases(begin(services, inp), BEFORE_LAUNCH)
    if not todo:
        return Done({"appName": app.app_name, "passed": "launched before; the gate was open then"})
    servers = [record.source_server_id for record in todo]
    limits = inp.conf["replication"]
    return Wait(
        topic=Topic.REPLICATION,
        subjects=tuple(servers),
        until={
            "maxLagSeconds": limits["maxLagSeconds"],
            "samples": limits["samples"],
            "final": False,
            "maxBackloggedBytes": 0,
            "lifecycle": sorted(_LAUNCHABLE),
        },
        poll_seconds=limits["pollSeconds"],
        deadline=services.epoch() + 60 * limits["timeoutMinutes"],
        why=f"replication of {app.app_name}: lag ≤ {limits['maxLagSeconds']} s in {limits['samples']} polls in a row",
    )
