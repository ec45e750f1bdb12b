"""Stops the wave before its next irreversible step when too much has failed (conf: impact, failureThreshold)."""

from __future__ import annotations

from migration_ops.core.errors import StepFailed
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan
from migration_ops.wave.rules.failure import wave_stops
from migration_ops.wave.services import Services, StepInput

_FAILED = frozenset({Phase.FAILED, Phase.FROZEN, Phase.ROLLING_BACK, Phase.ROLLED_BACK})


class WaveStopped(StepFailed):
    """Enough applications failed to stop the wave."""

    code = "WAVE_STOPPED"
    hint = "Mend or roll back the failed applications, then clear this task with downstream."


def has_failed(app: PlannedApplication, records: dict[str, Record]) -> bool:
    """A server of it failed, was frozen or rolled back, or its last step noted an error."""
    mine = [records[one] for one in app.migration_ids if one in records]
    return any(record.phase in _FAILED or record.error_code for record in mine)


def require_wave_goes_on(services: Services, inp: StepInput) -> None:
    """:raises WaveStopped: a critical application failed, or ``failureThreshold`` applications did."""
    reason = stop_reason(inp.plan, services.ledger.read(list(inp.plan.migration_ids)), inp)
    if reason:
        raise WaveStopped(f"the wave stops: {reason}", wave=inp.plan.wave)


def stop_reason(plan: WavePlan, records: dict[str, Record], inp: StepInput) -> str | None:
    """Why the wave stops; the application that asks does not stop itself, it may be here to mend its own failure."""
    me = inp.app.app_name if inp.app else None
    verdicts = [(app.impact, has_failed(app, records)) for app in plan.applications if app.app_name != me]
    return wave_stops(verdicts, plan.conf.get("failureThreshold"))
