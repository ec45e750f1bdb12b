"""The operators of ``migration_rollback`` that select what is rolled back and end it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.core.documents import canonical_digest
from migration_ops.core.errors import MigrationError
from migration_ops.operators.base import DocumentedOperator
from migration_ops.operators.context import PLAN_KEY, leave_note, note_of, plan_of, services_of
from migration_ops.operators.services import require_connection, services_for
from migration_ops.wave.conf.rollback import parse_rollback_conf
from migration_ops.wave.preflight.run import take_over_ended
from migration_ops.wave.services import NotConcerned
from migration_ops.wave.steps.rollback_request import rollback_plan, rollback_sheet, select_records


class SelectOperator(DocumentedOperator):
    """
    Find the migrations in the ledger and show what MGN says of them.

    Pushes the plan and the evidence sheet; returns the applications to roll back, none for a dry run.
    """

    def execute(self, context: Context) -> Any:
        ti, run = context["ti"], context["dag_run"]
        try:
            conf = parse_rollback_conf(dict(run.conf or {}))
            require_connection(conf.aws_conn_id)
            services = services_for(ti, conf.wave or "rollback", conf.aws_conn_id, conf.region)
            records = select_records(services, conf)
            plan = rollback_plan(services, conf, records)
            sheet, foreign = rollback_sheet(services, plan, records, conf.reason)
        except MigrationError as error:
            leave_note(ti, note_of(error))
            raise
        self.log.info("%s", sheet)
        leave_note(ti, sheet)
        ti.xcom_push(key=PLAN_KEY, value=plan.as_document())
        decision = {"decision": "rollback", "reason": conf.reason, "foreignJobs": sorted(set(foreign.values()))}
        digest = canonical_digest({"plan": plan.plan_hash, **decision})
        ti.xcom_push(key="sheet", value={"markdown": sheet, "digest": digest, **decision})
        if conf.dry_run:
            return []
        take_over_ended(services_of(ti, plan), plan)
        return [one.as_document() for one in plan.applications]


class SheetOperator(DocumentedOperator):
    """Hand on the evidence sheet and the decision that the rollback acts on."""

    def execute(self, context: Context) -> Any:
        return context["ti"].xcom_pull(task_ids="plan", key="sheet")


class ReleaseOperator(DocumentedOperator):
    """Free the locks this run holds, whatever happened before."""

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        try:
            plan = plan_of(ti)
        except NotConcerned as nothing:
            raise AirflowSkipException(str(nothing)) from nothing
        services = services_of(ti, plan)
        services.ledger.release(list(plan.server_ids), services.holder)
