"""What must be so right before an application's cutover begins, that is before its source is stopped or launched."""

from __future__ import annotations

from migration_ops.wave.approval import require_approval, require_on_sheet
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.steps.cutover_window import require_open
from migration_ops.wave.stops import require_wave_goes_on


def require_go(services: Services, inp: StepInput) -> None:
    """Asked again by each task that acts: a person may have cleared it hours after the one before.

    :raises NotOnSheet, ApprovalVoid: people did not approve this application's cutover on this evidence.
    :raises WindowClosed: the change window or a change calendar is not open.
    :raises WaveStopped: too much of the wave has failed.
    """
    require_on_sheet(inp)
    require_approval(inp, "cutover")
    require_open(services, inp)
    require_wave_goes_on(services, inp)
