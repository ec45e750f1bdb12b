"""The operators of ``migration_rollback``: select, show the sheet, roll back, release."""

from __future__ import annotations

from functools import partial
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.core.errors import BlockedError, MigrationError
from migration_ops.core.policy import Policy
from migration_ops.core.verdict import Verdict
from migration_ops.operators.base import DocumentedOperator
from migration_ops.operators.context import (
    PLAN_KEY,
    PLAN_TASK,
    ResultLostError,
    note_of,
    plan_of,
    services_of,
    set_run_note,
)
from migration_ops.operators.services import services_for
from migration_ops.operators.wave.requested import refuse, region_of, requester_of
from migration_ops.operators.wave.step import LaunchOperator
from migration_ops.wave.conf.rollback import parse_rollback_conf
from migration_ops.wave.preflight.outside import account_check
from migration_ops.wave.preflight.run import take_over_ended
from migration_ops.wave.rules.policy import rollback_problems
from migration_ops.wave.services import Services, StepInput, StepSkipped
from migration_ops.wave.steps.rollback_change import act_on_request, request_sheet
from migration_ops.wave.steps.rollback_holders import holdings_of, require_free
from migration_ops.wave.steps.rollback_request import rollback_plan, rollback_sheet, select_records
from migration_ops.wave.waits.outcome import Outcome

SHEET_TASK = SHEET_KEY = "sheet"


class SelectOperator(DocumentedOperator):
    """
    Find the migrations in the ledger and show what MGN says of them.

    Pushes the plan and the evidence sheet; returns the applications to roll back, none for a dry run. It fails here,
    before anybody is asked, when a run that is not over holds one of the servers.
    """

    def execute(self, context: Context) -> Any:
        ti, run = context["ti"], context["dag_run"]
        try:
            conf = parse_rollback_conf(dict(run.conf or {}))
            services = services_for(ti, conf.wave or "rollback", conf.aws_conn_id, conf.region)
            policy, requested_by = Policy.of(services.settings), requester_of(context)
            refuse(rollback_problems(policy, conf, requested_by, region_of(services, policy)))
            _require_account(services, conf.account_id)
            records = select_records(services, conf)
            plan = rollback_plan(services, conf, records)
            holdings = holdings_of(services, plan)
            if not conf.dry_run:
                require_free(holdings)
            sheet, foreign = rollback_sheet(services, plan, records, conf.reason, holdings, requested_by)
        except MigrationError as error:
            set_run_note(ti, note_of(error))
            raise
        self.log.info("%s", sheet)
        set_run_note(ti, sheet)
        ti.xcom_push(key=PLAN_KEY, value=plan.as_document())
        bound = request_sheet(services, plan, records, sheet, foreign, conf.reason)
        ti.xcom_push(key=SHEET_KEY, value=bound)
        if conf.dry_run:
            return []
        take_over_ended(services_of(ti, plan), plan)
        return [one.as_document() for one in plan.applications]


def _require_account(services: Services, account_id: str | None) -> None:
    """:raises BlockedError: the connection leads to another account, or to which one is not known."""
    if account_id or Policy.of(services.settings).account_ids:
        check = account_check(services, account_id)
        if check.verdict is not Verdict.OK:
            raise BlockedError(check.reason, path="accountId", account=check.value)


class SheetOperator(DocumentedOperator):
    """Hand on the evidence sheet and the decision that the rollback acts on."""

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        sheet = ti.xcom_pull(task_ids=PLAN_TASK, key=SHEET_KEY)
        if not sheet:
            raise ResultLostError("the sheet of plan is not there", taskId=PLAN_TASK)
        return sheet


class RequestedRollbackOperator(LaunchOperator):
    """
    Roll one application back as it was approved, and verify it. The approval is read from the ledger.

    What was approved is compared with what would be done now, right before anything is touched: launches of somebody
    else, and applications that lose what they need. A rollback that was begun goes on.
    """

    def __init__(self, **kwargs: Any) -> None:
        inputs = {"decision": SHEET_TASK, "approval": "approve_rollback"}
        super().__init__(step="rollback", inputs=inputs, is_registered=False, **kwargs)

    def _run(self, ti: Any, services: Services, inp: StepInput) -> Outcome | None:
        sheet = inp.inputs.get("decision")
        if not sheet:
            raise ResultLostError("there is no sheet to act on", taskId=SHEET_TASK)
        return act_on_request(services, inp, sheet, partial(super()._run, ti, services))


class ReleaseOperator(DocumentedOperator):
    """Free the locks this run holds, whatever happened before, and anchor what the ledger says now."""

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        try:
            plan = plan_of(ti)
        except StepSkipped as nothing:
            raise AirflowSkipException(str(nothing)) from nothing
        services = services_of(ti, plan)
        services.ledger.release(list(plan.server_ids), services.holder)
        services.anchor(plan.wave, list(plan.migration_ids))
