"""Waits until the applications this one depends on are cut over and verified."""

from __future__ import annotations

from typing import Any

from migration_ops.core.errors import UnknownError
from migration_ops.core.states import CUT_OVER
from migration_ops.wave.permission import (
    DependencyNotCutOverError,
    require_asked_for,
    skip_when_not_chosen,
    unmet_dependencies,
)
from migration_ops.wave.rules.standing import NOT_COMING
from migration_ops.wave.services import Services, StepInput, StepSkipped
from migration_ops.wave.waits.outcome import Done, Outcome, Reason, Resumed, Topic, Wait


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when each server of each dependency is verified after its cutover.

    :raises StepSkipped: the go/no-go sheet left this application out.
    :raises DependencyNotCutOverError: a dependency failed, was rolled back, or was not cut over in time.
    :raises GateShutError: it is held itself and nobody asked for it, or it does not stand where a cutover begins.
    :raises UnknownError: the plan does not hold the dependencies.
    """
    app = inp.application
    sheet = inp.inputs.get("sheet") or {}
    if app.app_name not in sheet.get("ready", []):
        why = (sheet.get("excluded") or {}).get(app.app_name, "not on the go/no-go sheet")
        raise StepSkipped(f"left out of the cutover: {why}", appName=app.app_name)
    if inp.resumed is None:
        skip_when_not_chosen(services, inp, "cutover")
        require_asked_for(services, inp)
    if not app.depends_on:
        return Done({"appName": app.app_name, "passed": "depends on nothing"})
    names = set(app.depends_on)
    ids = [one for other in inp.plan.applications if other.app_name in names for one in other.migration_ids]
    if not ids:
        raise UnknownError(
            "the plan does not hold the dependencies", appName=app.app_name, dependsOn=list(app.depends_on)
        )
    missing = unmet_dependencies(inp.plan, app, services.ledger.read(ids))
    if not missing:
        return Done({"appName": app.app_name, "dependencies": list(app.depends_on)})
    if inp.resumed is not None:
        late = inp.resumed.reason is Reason.TIMED_OUT
        message = f"{app.app_name} waited for its dependencies {'until the deadline' if late else 'without success'}"
        raise DependencyNotCutOverError(message, appName=app.app_name, missing=missing, reasons=_reasons(inp.resumed))
    return Wait(
        topic=Topic.LEDGER,
        subjects=tuple(ids),
        until={"reached": sorted(CUT_OVER), "failed": sorted(NOT_COMING)},
        poll_seconds=services.settings.ledger_poll_seconds,
        deadline=services.epoch() + 60 * _longest_minutes(services, inp),
        why=f"{app.app_name} waits for {', '.join(app.depends_on)} to be cut over and verified",
    )


def _longest_minutes(services: Services, inp: StepInput) -> float:
    """Minutes: the time-outs of all levels below, and the time that people have to decide about a failure."""
    quiesce, settings = inp.conf.quiesce, services.settings
    level = (quiesce.timeout_minutes if quiesce else 0.0) + inp.conf.final_sync.timeout_minutes
    level += settings.job_timeout_minutes + settings.verify_timeout_minutes
    return inp.application.level * level + inp.conf.approvals.timeout_minutes


def _reasons(resumed: Resumed) -> dict[str, Any]:
    """Why each migration that is not cut over is not, as the wait saw it last."""
    return {one: seen.get("reason") for one, seen in resumed.observed.items() if seen.get("verdict") != "OK"}
