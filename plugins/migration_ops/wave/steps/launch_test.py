"""Launches the test instances of an application, once only (MGN StartTest)."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.external_launches import refuse_external
from migration_ops.wave.launching.job_lookup import has_unsettled_intent
from migration_ops.wave.launching.launch import TEST
from migration_ops.wave.launching.run_launch import LaunchGate, Passed, run_launch
from migration_ops.wave.permission import require_permitted
from migration_ops.wave.records import load_and_resume, to_act, with_phase, write
from migration_ops.wave.rules import standing
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.waits.outcome import Done, Outcome


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when every server has a test instance of this wave, or is past that point.

    A server that MGN already shows READY_FOR_CUTOVER was tested before (by a person or an earlier run) and is taken
    as it is; the go/no-go sheet says so.

    :raises StepFailedError: a launch failed (clear the task to launch the failed ones again), or somebody else is
        testing or cutting over a server.
    :raises GateShutError: it may not be launched now; nothing was touched.
    """
    if not inp.conf.test_launch:
        return Done({"appName": inp.application.app_name, "passed": "testLaunch is false"})
    return run_launch(services, inp, TEST, LaunchGate(_take_up, _judge))


def _take_up(services: Services, inp: StepInput) -> list[Record]:
    records = load_and_resume(services, inp, TEST.step)
    if inp.resumed is None and to_act(records, TEST.step):
        require_permitted(services, inp, TEST.step)
    return records


def _judge(services: Services, inp: StepInput, settled: list[Record]) -> Passed:
    views = services.mgn.describe_servers([record.source_server_id for record in settled])
    tested = _pass_tested(services, settled, views)
    todo = [record for record in settled if record.migration_id not in tested]
    fresh = [record for record in todo if not has_unsettled_intent(record, TEST.action)]
    refuse_external(services, fresh, views, TEST.name)
    return Passed(todo, views, past=list(tested.values()))


def _pass_tested(services: Services, todo: list[Record], views: dict[str, ServerView]) -> dict[str, Record]:
    """Moves servers that are READY_FOR_CUTOVER already past the test; returns their records by migration id."""
    tested = [
        record
        for record in to_act(todo, "replication_ready")
        if not has_unsettled_intent(record, TEST.action)
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
    """A noted test of this wave is kept: a rollback to READY_FOR_CUTOVER does not undo it."""
    return {standing.TEST: {"testedAt": None, "wave": record.wave}, **record.facts, "ready": True}
