"""The cutover of one application: final lag and backlog gate, read again right before the once-only StartCutover."""

from __future__ import annotations

from dataclasses import replace

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.aws.mgn.states import LAUNCHABLE_FOR_CUTOVER
from migration_ops.core.errors import StepTimedOutError
from migration_ops.core.verdict import Verdict
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.carry import LaunchCarry
from migration_ops.wave.launching.external_launches import refuse_external, require_known_failed
from migration_ops.wave.launching.instances import require_dependencies_well
from migration_ops.wave.launching.job_lookup import has_unsettled_intent
from migration_ops.wave.launching.launch import CUTOVER
from migration_ops.wave.launching.lifecycle import bring_all_to, views_of
from migration_ops.wave.launching.run_launch import LaunchGate, Passed, run_launch
from migration_ops.wave.permission import require_permitted, taken_up
from migration_ops.wave.records import require_lock, require_met
from migration_ops.wave.rules.replication import ReplicationLimits, judge_replication
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.waits.outcome import Outcome, Topic, Wait

Views = dict[str, ServerView]


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when every server has a cutover instance from an up-to-date snapshot.

    Launches that are in progress are followed whatever the gates say now. New ones, and those of which MGN shows
    nothing, need permission (``require_permitted``) and must pass the final gate first.

    :raises OutcomeUnknownError: a launch of its own took effect late; the next try follows it.
    :raises StepFailedError: a launch failed or used an old snapshot; clear the task to launch the failed ones again.
    :raises StepTimedOutError: the final gate did not open in time, or a job did not end in time.
    :raises GateShutError: it may not be launched now; nothing was touched.
    """
    return run_launch(services, inp, CUTOVER, LaunchGate(_take_up, _judge))


def _take_up(services: Services, inp: StepInput) -> list[Record]:
    return taken_up(services, inp, CUTOVER.step)


def _judge(services: Services, inp: StepInput, settled: list[Record]) -> Wait | Passed:
    fresh = [record for record in settled if not has_unsettled_intent(record, CUTOVER.action)]
    if not fresh:
        return Passed(settled)
    require_permitted(services, inp, CUTOVER.step)
    require_dependencies_well(services, inp.plan, inp.application)
    views = _final_gate(services, inp, fresh)
    if isinstance(views, Wait):
        return views
    return Passed(settled, views, {server: view.lag_seconds for server, view in views.items()})


def _final_gate(services: Services, inp: StepInput, fresh: list[Record]) -> Wait | Views:
    """The views when the gate is open now, which count only for the very next call; else a wait, or an error."""
    limits, carry = inp.conf.final_sync, inp.carried(LaunchCarry)
    app_name = inp.application.app_name
    if inp.resumed is not None and carry.at_gate:
        require_met(inp.resumed, "final replication gate", app_name)
    deadline = carry.gate_deadline or services.epoch() + 60 * limits.timeout_minutes
    servers = [record.source_server_id for record in fresh]
    views = _reverted(services, fresh, views_of(services, servers))
    judge = ReplicationLimits(limits.max_lag_seconds, LAUNCHABLE_FOR_CUTOVER, limits.max_backlogged_bytes)
    checks = {server: judge_replication(view, judge, final=True) for server, view in views.items()}
    shut = {server: check.reason for server, check in checks.items() if check.verdict is not Verdict.OK}
    if not shut:
        services.log.info("final gate of %s open: %s", app_name, [check.as_document() for check in checks.values()])
        return views
    if services.epoch() >= deadline:
        raise StepTimedOutError("the final replication gate did not open in time", appName=app_name, reasons=shut)
    return Wait(
        topic=Topic.REPLICATION,
        subjects=tuple(servers),
        until={
            "maxLagSeconds": limits.max_lag_seconds,
            "samples": 1,
            "final": True,
            "maxBackloggedBytes": limits.max_backlogged_bytes,
            "lifecycle": sorted(LAUNCHABLE_FOR_CUTOVER),
        },
        poll_seconds=min(inp.conf.replication.poll_seconds, 30),
        deadline=deadline,
        why=f"final gate of {app_name}: {shut}",
        carry=replace(carry, at_gate=True, gate_deadline=deadline).as_document(),
    )


def _reverted(services: Services, fresh: list[Record], views: Views) -> Views:
    """A failed launch may leave CUTTING_OVER or not (AWS does not document it); the next attempt starts from
    READY_FOR_CUTOVER.

    Only a launch of ours that is known to have failed is reverted; a cutover of somebody else is not touched.
    """
    cutting = [record for record in fresh if views[record.source_server_id].lifecycle_state == "CUTTING_OVER"]
    if not cutting:
        return views
    refuse_external(services, cutting, views, "cutover")
    require_known_failed(cutting, views, CUTOVER.action)
    require_lock(services, cutting)
    targets = dict.fromkeys((record.source_server_id for record in cutting), "READY_FOR_CUTOVER")
    return views | bring_all_to(services, views, targets)
