"""Marks tested servers READY_FOR_CUTOVER and removes their test instances (MGN ChangeServerLifeCycleState)."""

from __future__ import annotations

from migration_ops.core.errors import StepFailedError
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.carry import Claims, TerminationCarry
from migration_ops.wave.launching.external_launches import refuse_external
from migration_ops.wave.launching.lifecycle import bring_all_to, views_of
from migration_ops.wave.launching.terminate import claims_of, closed, terminate
from migration_ops.wave.records import load_and_resume, require_lock, require_reached, with_phase, write
from migration_ops.wave.rules.standing import standing_of
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.waits.outcome import Done, Outcome

_LIFECYCLE_BEFORE = frozenset({"READY_FOR_TEST", "TESTING", "READY_FOR_CUTOVER"})


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when MGN shows every server READY_FOR_CUTOVER and EC2 shows no test instance.

    The lifecycle changes first: MGN refuses to terminate in TESTING.

    :raises StepFailedError: a server is in a state that cannot become READY_FOR_CUTOVER, somebody else launched it, or
        an instance survived its termination.
    :raises StepTimedOutError: the instances were not gone in time.
    :raises LockHeldError: another run holds a server.
    """
    app = inp.application
    # Without a test launch this step begins where the test would have begun.
    steps = ("mark_ready",) if inp.conf.test_launch else ("mark_ready", "replication_ready")
    records = load_and_resume(services, inp, "mark_ready")
    todo = [record for record in records if any(standing_of(record).acts(step) for step in steps)]
    require_reached([record for record in records if record not in todo], "mark_ready", f"mark ready of {app.app_name}")
    if not todo:
        return Done({"appName": app.app_name, "passed": "marked before"})
    carry = inp.carried(TerminationCarry)
    deadline = carry.deadline or services.epoch() + 60 * services.settings.job_timeout_minutes
    claims = carry.instances or _changed(services, todo)
    wait = terminate(services, todo, claims, carry.looked_since, deadline, app.app_name)
    if wait is not None:
        return wait
    new = [with_phase(r, Phase.READY, instance_id=None, facts={**r.facts, "ready": True}) for r in closed(todo)]
    write(services, todo, new, "ready for cutover")
    return Done({"appName": app.app_name, "ready": [record.source_server_id for record in todo]})


def _changed(services: Services, todo: list[Record]) -> Claims:
    """Brings every server to READY_FOR_CUTOVER; what then remains is to terminate these instances."""
    require_lock(services, todo)
    views = views_of(services, [record.source_server_id for record in todo])
    wrong = {s: view.lifecycle_state for s, view in views.items() if view.lifecycle_state not in _LIFECYCLE_BEFORE}
    if wrong:
        raise StepFailedError("these servers cannot become READY_FOR_CUTOVER", states=wrong)
    refuse_external(services, todo, views, "mark ready")
    return claims_of(todo, bring_all_to(services, views, dict.fromkeys(views, "READY_FOR_CUTOVER")))
