"""Launches the test instances of an application, once only (mgn-reference: StartTest)."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching import launch
from migration_ops.wave.launching.at_most_once import has_unsettled_intent
from migration_ops.wave.launching.carry import LaunchCarry
from migration_ops.wave.launching.external_launches import refuse_external
from migration_ops.wave.permission import require_permitted
from migration_ops.wave.records import filter_by_phase, load_and_resume, require_reached, to_act, with_phase, write
from migration_ops.wave.rules.standing import TEST
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.waits.outcome import Done, Outcome, Wait


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when every server has a test instance of this wave, or is past that point.

    A server that MGN already shows READY_FOR_CUTOVER was tested before (by a person or an earlier run) and is taken
    as it is; the go/no-go sheet says so.

    :raises StepFailed: a launch failed; clear the task to launch the failed ones again.
    """
    app = inp.application
    if not inp.conf.test_launch:
        return Done({"appName": app.app_name, "passed": "testLaunch is false"})
    records = load_and_resume(services, inp)
    todo = to_act(records, "test_launch")
    if inp.resumed is not None and inp.carried(LaunchCarry).jobs is not None:
        todo = launch.finish(services, launch.TEST, filter_by_phase(records, {Phase.TEST_LAUNCHING}), inp.resumed)
        return _done(app.app_name, records, todo)
    if todo and inp.resumed is None:
        require_permitted(services, inp, "test_launch")
    settled = launch.resolve_unknown_outcomes(services, inp, launch.TEST, todo)
    if isinstance(settled, Wait):
        return settled
    views = services.mgn.describe_servers([record.source_server_id for record in settled])
    tested = _pass_tested(services, settled, views)
    todo = [record for record in settled if record.migration_id not in tested]
    if not todo:
        return _done(app.app_name, records, list(tested.values()))
    refuse_external(
        services, [r for r in todo if not has_unsettled_intent(r, launch.TEST.action)], views, "test launch"
    )
    return launch.start(services, inp, launch.TEST, todo, views)


def _pass_tested(services: Services, todo: list[Record], views: dict[str, ServerView]) -> dict[str, Record]:
    """Moves servers that are READY_FOR_CUTOVER already past the test, and answers them by migration id."""
    tested = [
        record
        for record in to_act(todo, "replication_ready")
        if not has_unsettled_intent(record, launch.TEST.action)
        and (view := views.get(record.source_server_id)) is not None
        and view.lifecycle_state == "READY_FOR_CUTOVER"
    ]
    if not tested:
        return {}
    new = [with_phase(r, Phase.READY, dag_run_id=services.holder.run_id, facts=_ready_before(r)) for r in tested]
    detail = {"testedInThisWave": False}
    written = write(services, tested, new, "was READY_FOR_CUTOVER before the wave", detail)
    return {record.migration_id: record for record in written}


def _ready_before(record: Record) -> dict[str, Any]:
    """A test of this wave that was noted stays true: a rollback to READY_FOR_CUTOVER does not undo it."""
    return {TEST: {"testedAt": None, "wave": record.wave}, **record.facts, "ready": True}


def _done(app_name: str, records: list[Record], changed: list[Record]) -> Done:
    now = {record.migration_id: record for record in [*records, *changed]}
    require_reached(now.values(), "test_launch", f"test launch of {app_name}")
    return Done(_result(app_name, list(now.values())))


def _result(app_name: str, records: list[Record]) -> dict[str, object]:
    return {
        "appName": app_name,
        "instances": {r.source_server_id: r.instance_id for r in records},
        "jobs": sorted({r.job_id for r in records if r.job_id}),
    }
