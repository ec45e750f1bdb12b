"""Marks tested servers READY_FOR_CUTOVER and removes their test instances (mgn-reference section 4)."""

from __future__ import annotations

from migration_ops.core.errors import StepFailed
from migration_ops.core.states import CUT_OVER, Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.external_launches import refuse_foreign
from migration_ops.wave.launching.lifecycle import bring_to, views_of
from migration_ops.wave.launching.terminate import Claims, claims_of, closed, terminate
from migration_ops.wave.records import begin, in_phases, moved, require_lock, require_past, save
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.steps.replication_ready import BEFORE_LAUNCH
from migration_ops.wave.waits.outcome import Done, Outcome

_READY = CUT_OVER | {Phase.READY, Phase.CUTTING_OVER, Phase.CUTOVER_LAUNCHED}
_LIFECYCLE_BEFORE = frozenset({"READY_FOR_TEST", "TESTING", "READY_FOR_CUTOVER"})


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when MGN shows every server READY_FOR_CUTOVER and EC2 shows no test instance.

    The lifecycle changes first: MGN refuses to terminate in TESTING.

    :raises StepFailed: a server is in a state that cannot become READY_FOR_CUTOVER.
    """
    app = inp.application
    before = {Phase.TESTED} if inp.conf["testLaunch"] else BEFORE_LAUNCH | {Phase.TESTED}
    records = begin(services, inp)
    todo = in_phases(records, before)
    require_past([record for record in records if record not in todo], _READY, f"mark ready of {app.app_name}")
    if not todo:
        return Done({"appName": app.app_name, "passed": "marked before"})
    carry = inp.resumed.carry if inp.resumed else {}
    deadline = float(carry.get("deadline") or services.epoch() + 60 * services.settings.job_timeout_minutes)
    claims = carry.get("instances") or _changed(services, todo)
    wait = terminate(services, todo, claims, carry, deadline, app.app_name)
    if wait is not None:
        return wait
    new = [moved(r, Phase.READY, instance_id=None, facts={**r.facts, "ready": True}) for r in closed(todo)]
    save(services, todo, new, "ready for cutover")
    return Done({"appName": app.app_name, "ready": [record.source_server_id for record in todo]})


def _changed(services: Services, todo: list[Record]) -> Claims:
    """Brings every server to READY_FOR_CUTOVER; what then remains is to terminate these instances."""
    require_lock(services, todo)
    views = views_of(services, [record.source_server_id for record in todo])
    wrong = {s: view.lifecycle_state for s, view in views.items() if view.lifecycle_state not in _LIFECYCLE_BEFORE}
    if wrong:
        raise StepFailed("these servers cannot become READY_FOR_CUTOVER", states=wrong)
    refuse_foreign(services, todo, views, "mark ready")
    return claims_of(todo, {s: bring_to(services, view, "READY_FOR_CUTOVER") for s, view in views.items()})
