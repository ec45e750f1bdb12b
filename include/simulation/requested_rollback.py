"""The tasks of ``migration_rollback``, as in ``operators/wave/rollback.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.simulation.runs import Run
from migration_ops.core.errors import InvalidInputError
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.preflight.run import take_over_ended
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.steps.rollback_change import act_on_request, request_sheet
from migration_ops.wave.steps.rollback_request import rollback_plan, rollback_sheet, select_records
from migration_ops.wave.waits.outcome import Outcome


def select(services: Services, run: Run) -> tuple[WavePlan, dict[str, Any]]:
    """As ``SelectOperator``: the plan, and the sheet for the approval."""
    conf = run.extra["conf"]
    records = select_records(services, conf)
    plan = rollback_plan(services, conf, records)
    if {app.app_name for app in plan.applications} != {task.app for task in run.graph.tasks if task.app}:
        raise InvalidInputError("the run was made for other applications", path="applications")
    sheet, foreign = rollback_sheet(services, plan, records, conf.reason)
    bound = request_sheet(services, plan, records, sheet, foreign, conf.reason)
    take_over_ended(services, plan)
    return plan, bound


def run(services: Services, inp: StepInput, step: Callable[[StepInput], Outcome]) -> Outcome:
    """As ``RequestedRollbackOperator``: what was approved is compared with what would be done now."""
    sheet = inp.inputs.get("decision")
    if not sheet:
        return step(inp)
    outcome = act_on_request(services, inp, sheet, step)
    assert outcome is not None
    return outcome
