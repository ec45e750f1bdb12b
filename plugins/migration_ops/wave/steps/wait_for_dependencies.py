"""Waits until the applications this one depends on are cut over and verified."""

from __future__ import annotations

from migration_ops.core.errors import Unknown
from migration_ops.core.states import CUT_OVER, Phase
from migration_ops.wave.records import begin, require_met
from migration_ops.wave.services import NotConcerned, Services, StepInput
from migration_ops.wave.waits.outcome import Done, Outcome, Topic, Wait

# A dependency in one of these is not coming by itself; a person clears both when it is mended.
NOT_COMING = frozenset({Phase.FAILED, Phase.FROZEN, Phase.ROLLING_BACK, Phase.ROLLED_BACK})


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when each server of each dependency is verified after its cutover.

    :raises NotConcerned: the go/no-go sheet left this application out.
    :raises StepFailed: a dependency failed or was rolled back.
    """
    app = inp.application
    sheet = inp.inputs.get("sheet") or {}
    if app.app_name not in sheet.get("ready", []):
        why = (sheet.get("excluded") or {}).get(app.app_name, "not on the go/no-go sheet")
        raise NotConcerned(f"left out of the cutover: {why}", appName=app.app_name)
    if not app.depends_on:
        return Done({"appName": app.app_name, "passed": "depends on nothing"})
    if inp.resumed is not None:
        require_met(inp.resumed, f"dependencies {list(app.depends_on)}", app.app_name)
        return Done({"appName": app.app_name, "dependencies": list(app.depends_on)})
    begin(services, inp)
    names = set(app.depends_on)
    ids = [one for other in inp.plan.applications if other.app_name in names for one in other.migration_ids]
    if not ids:
        raise Unknown("the plan does not hold the dependencies", appName=app.app_name, dependsOn=list(app.depends_on))
    found = services.ledger.read(ids)
    if all(one in found and found[one].phase in CUT_OVER for one in ids):
        return Done({"appName": app.app_name, "dependencies": list(app.depends_on)})
    return Wait(
        topic=Topic.LEDGER,
        subjects=tuple(ids),
        until={"reached": sorted(CUT_OVER), "failed": sorted(NOT_COMING)},
        poll_seconds=services.settings.ledger_poll_seconds,
        deadline=services.epoch() + 60 * inp.conf["approvals"]["timeoutMinutes"],
        why=f"{app.app_name} waits for {', '.join(app.depends_on)} to be cut over and verified",
    )
