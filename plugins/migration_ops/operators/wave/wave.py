"""The operators of a wave that are not steps: plan, preflight, report."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.core.errors import BlockedError, MigrationError
from migration_ops.core.markdown import code, plain
from migration_ops.core.policy import Policy
from migration_ops.core.verdict import GateResult, Verdict, worst
from migration_ops.operators.base import DocumentedOperator
from migration_ops.operators.context import (
    PLAN_KEY,
    note_of,
    plan_of,
    require_begun,
    services_of,
    set_run_note,
)
from migration_ops.operators.services import services_for
from migration_ops.operators.wave.requested import refuse, region_of, requester_of, require_plan_of_run
from migration_ops.wave.conf.model import parse_conf
from migration_ops.wave.plan.estimate import estimate
from migration_ops.wave.plan.make import make_plan
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.plan.text import order_of, render_plan
from migration_ops.wave.preflight import preflight, register
from migration_ops.wave.rules.finalized import finalized_in, without_servers
from migration_ops.wave.rules.policy import problems
from migration_ops.wave.services import StepSkipped
from migration_ops.wave.sheets.report import wave_report


class PlanOperator(DocumentedOperator):
    """Turn the run's conf into a plan. A wrong conf ends the run here, with the findings in the run's note."""

    def execute(self, context: Context) -> Any:
        ti, run = context["ti"], context["dag_run"]
        try:
            conf = parse_conf(dict(run.conf or {}), now=_now())
            services = services_for(ti, conf.wave, conf.aws_conn_id, conf.region)
            policy = Policy.of(services.settings)
            refuse(problems(policy, conf, requester_of(context), region_of(services, policy)))
            plan = make_plan(services, conf)
        except MigrationError as error:
            set_run_note(ti, note_of(error))
            for finding in error.context.get("findings") or []:
                self.log.error("%s: %s", finding.get("path") or "conf", finding.get("message"))
            raise
        document = plan.as_document()
        ti.xcom_push(key=PLAN_KEY, value=document)
        self.log.info("plan %s: %s", plan.plan_hash, [f"{a.level} {a.app_name}" for a in plan.applications])
        return {"planHash": plan.plan_hash, "order": [one.app_name for one in plan.applications]}


class PreflightOperator(DocumentedOperator):
    """
    Run every read-only check, then lock and register the servers; a dry run ends before that, with the plan.

    Returns the applications that the rest of the wave is mapped over: none for a dry run.
    """

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        plan = plan_of(ti)
        require_plan_of_run(plan, dict(context["dag_run"].conf or {}))
        services = services_of(ti, plan)
        checks = preflight(services, plan)
        for check in checks:
            line = f"{check.verdict} {check.name} {check.subject}: {check.value} {check.reason}"
            (self.log.info if check.verdict is Verdict.OK else self.log.error)("%s", line)
        ti.xcom_push(key="checks", value=[check.as_document() for check in checks])
        bad = [check for check in checks if check.verdict is not Verdict.OK]
        if bad:
            set_run_note(ti, _findings(plan, bad))
            reasons = [f"{check.verdict} {check.name} of {check.subject}: {check.reason}" for check in bad]
            raise BlockedError(f"{len(bad)} of {len(checks)} checks are not OK; nothing was touched", findings=reasons)
        if plan.conf.dry_run:
            left = without_servers(plan, finalized_in(plan, services.ledger.read(list(plan.migration_ids))))
            views = services.mgn.describe_servers(list(left.server_ids)) if left.applications else {}
            steps = estimate(left, views, _now())
            ti.xcom_push(key="estimate", value=steps)
            set_run_note(
                ti,
                f"**Dry run** of {code(plan.wave)}: {len(checks)} checks, {worst(checks)}. Nothing was changed.\n\n"
                f"{order_of(plan)}. The whole plan is in the log of the task `report`.",
            )
            return []
        try:
            register(services, plan, requester_of(context))
        finally:
            services.flush()
        return [one.as_document() for one in plan.applications]


class ReportOperator(DocumentedOperator):
    """
    Write the wave report, whatever happened; skipped only when there was never a plan.

    :param approvals: ids of the approval tasks by name of the approval; the answers are read from the ledger.
    """

    def __init__(self, *, approvals: dict[str, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.approvals = approvals

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        try:
            plan = plan_of(ti)
        except StepSkipped as nothing:
            raise AirflowSkipException(str(nothing)) from nothing
        try:
            require_begun(ti, plan)
        except StepSkipped:
            return self._of_checks(ti, plan)
        services = services_of(ti, plan)
        document = wave_report(services, plan, list(self.approvals))
        # After the last write of the wave: what its records say now is what was reported.
        document["anchorKey"] = services.anchor(plan.wave, list(plan.migration_ids))
        set_run_note(ti, document["markdown"])
        self.log.info("%s", document["markdown"])
        return document

    def _of_checks(self, ti: Any, plan: WavePlan) -> dict[str, Any]:
        """The report of a dry run, or of a failed preflight: the checks, and the plan."""
        checks = [
            GateResult(**{**one, "verdict": Verdict(one["verdict"])})
            for one in ti.xcom_pull(task_ids="preflight", key="checks") or []
        ]
        steps = ti.xcom_pull(task_ids="preflight", key="estimate") or []
        markdown = render_plan(plan, steps, checks)
        self.log.info("%s", markdown)
        return {
            "wave": plan.wave,
            "planHash": plan.plan_hash,
            "dryRun": plan.conf.dry_run,
            "estimate": steps,
            "checks": [check.as_document() for check in checks],
            "markdown": markdown,
        }


def _findings(plan: WavePlan, bad: list[GateResult]) -> str:
    lines = [f"**Preflight of {code(plan.wave)}**: {len(bad)} findings, nothing was touched."]
    return "\n".join(lines + [f"- {c.verdict} {plain(c.name)} of {code(c.subject)}: {plain(c.reason)}" for c in bad])


def _now() -> Any:
    from airflow.sdk.timezone import utcnow

    return utcnow()
