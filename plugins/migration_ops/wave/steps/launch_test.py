"""Launches the test instances of an application, once only (mgn-reference: StartTest)."""

from __future__ import annotations

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.states import CUT_OVER, Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching import launch
from migration_ops.wave.launching.at_most_once import is_open
from migration_ops.wave.launching.external_launches import refuse_foreign
from migration_ops.wave.records import begin, in_phases, move, require_past
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.steps.replication_ready import BEFORE_LAUNCH
from migration_ops.wave.waits.outcome import Done, Outcome, Wait

_TO_LAUNCH = BEFORE_LAUNCH | {Phase.TEST_LAUNCHING}
# A test launch, or what comes after it, is behind these.
TEST_LAUNCHED = CUT_OVER | {
    Phase.TEST_LAUNCHED,
    Phase.TESTED,
    Phase.READY,
    Phase.CUTTING_OVER,
    Phase.CUTOVER_LAUNCHED,
}


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when every server has a test instance of this wave, or is past that point.

    A server that MGN already shows READY_FOR_CUTOVER was tested before (by a person or an earlier run) and is taken
    as it is; the go/no-go sheet says so.

    :raises StepFailed: a launch failed; clear the task to launch the failed ones again.
    """
    app = inp.application
    if not inp.conf["testLaunch"]:
        return Done({"appName": app.app_name, "passed": "testLaunch is false"})
    records = begin(services, inp)
    todo = in_phases(records, _TO_LAUNCH)
    if inp.resumed is not None and launch.resumed_jobs(inp.resumed):
        todo = launch.finish(services, launch.TEST, in_phases(records, {Phase.TEST_LAUNCHING}), inp.resumed)
        return _done(app.app_name, records, todo)
    settled = launch.settled(services, inp, launch.TEST, todo)
    if isinstance(settled, Wait):
        return settled
    views = services.mgn.describe_servers([record.source_server_id for record in settled])
    tested = _pass_tested(services, settled, views)
    todo = [record for record in settled if record.migration_id not in tested]
    if not todo:
        return _done(app.app_name, records, list(tested.values()))
    refuse_foreign(services, [r for r in todo if not is_open(r, launch.TEST.action)], views, "test launch")
    return launch.start(services, inp, launch.TEST, todo, views)


def _pass_tested(services: Services, todo: list[Record], views: dict[str, ServerView]) -> dict[str, Record]:
    """Moves servers that are READY_FOR_CUTOVER already past the test, and answers them by migration id."""
    tested = [
        record
        for record in in_phases(todo, BEFORE_LAUNCH)
        if not is_open(record, launch.TEST.action)
        and (view := views.get(record.source_server_id)) is not None
        and view.lifecycle_state == "READY_FOR_CUTOVER"
    ]
    moved = move(services, tested, Phase.READY, "was READY_FOR_CUTOVER before the wave", {"testedInThisWave": False})
    return {record.migration_id: record for record in moved}


def _done(app_name: str, records: list[Record], changed: list[Record]) -> Done:
    now = {record.migration_id: record for record in [*records, *changed]}
    require_past(now.values(), TEST_LAUNCHED, f"test launch of {app_name}")
    return Done(_result(app_name, list(now.values())))


def _result(app_name: str, records: list[Record]) -> dict[str, object]:
    return {
        "appName": app_name,
        "instances": {r.source_server_id: r.instance_id for r in records},
        "jobs": sorted({r.job_id for r in records if r.job_id}),
    }
