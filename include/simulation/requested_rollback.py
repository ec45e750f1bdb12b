"""The tasks of ``migration_rollback``, as ``operators/wave/rollback.py`` has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.simulation.runs import Run
from migration_ops.core.carry_out import Acted, act_once, verify
from migration_ops.core.errors import InvalidInputError
from migration_ops.core.states import Phase
from migration_ops.wave.permission import require_permitted
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.preflight.run import take_over_ended
from migration_ops.wave.records import records_of
from migration_ops.wave.rules.standing import APPROVALS
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.steps.rollback_change import RollbackChange, application_plan, approval_for, request_digest
from migration_ops.wave.steps.rollback_request import dependants_cut_over, rollback_plan, rollback_sheet, select_records
from migration_ops.wave.waits.outcome import Done, Outcome


def select(services: Services, run: Run) -> tuple[WavePlan, dict[str, Any]]:
    """As ``SelectOperator``: the plan, and the sheet that is approved."""
    conf = run.extra["conf"]
    records = select_records(services, conf)
    plan = rollback_plan(services, conf, records)
    if {app.app_name for app in plan.applications} != {task.app for task in run.graph.tasks if task.app}:
        raise InvalidInputError("the run was made for other applications", path="applications")
    sheet, foreign = rollback_sheet(services, plan, records, conf.reason)
    decision = {"decision": "rollback", "reason": conf.reason, "foreignJobs": sorted(set(foreign.values()))}
    needed = dependants_cut_over(services, records).named
    changes = {app.app_name: application_plan(plan, app, decision, foreign, needed).digest for app in plan.applications}
    take_over_ended(services, plan)
    return plan, {"markdown": sheet, "digest": request_digest(plan, changes), "changes": changes, **decision}


def run(services: Services, inp: StepInput, step: Callable[[], Outcome]) -> Outcome:
    """As ``RequestedRollbackOperator``: what was approved is compared with what would be done now."""
    sheet = inp.inputs.get("decision")
    if not sheet:
        return step()
    change = RollbackChange(services, inp.plan, inp.application, sheet, step)
    records = records_of(services, inp.application)
    todo = [one for one in records if one.phase is not Phase.ROLLED_BACK]
    if todo:
        require_permitted(services, inp, "rollback")
    answer = (todo or records)[0].facts.get(APPROVALS, {}).get("rollback")
    approval = approval_for(inp.plan, inp.application, sheet, answer)
    outcome: Outcome | None
    if inp.resumed is not None or change.is_begun():
        outcome = step()
    else:
        act_once(change, approval).require_sent()
        outcome = change.outcome
    assert outcome is not None
    if isinstance(outcome, Done):
        done = application_plan(inp.plan, inp.application, sheet, {}, ())
        verify(change, Acted(done)).require_done()
    return outcome
