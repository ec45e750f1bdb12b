"""People's decisions: approvals with their evidence, and what to do after a failure. No answer never approves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.exceptions import HITLRejectException, HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk import Context, Param
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from migration_ops.core.markdown import code, plain, table
from migration_ops.operators.base import doc_of
from migration_ops.operators.context import plan_of, result_of, services_of
from migration_ops.operators.wave.gates import gates_of
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan
from migration_ops.wave.records import note_decision, records_of
from migration_ops.wave.rules.failure import Decision, after_failure
from migration_ops.wave.rules.standing import standing_of
from migration_ops.wave.services import StepSkipped

_ASKED = "asked_for"
_COMMENT = {"comment": Param("", source="task", type=["string", "null"], title="Why (kept in the ledger)")}
ROLL_BACK = "Roll back"
LEAVE = "Leave as it is"


class StrictHITLOperator(HITLOperator):
    """A question that fails rather than let people answer another one than it asks."""

    def execute(self, context: Context) -> Any:
        from airflow.sdk.api.datamodels._generated import HITLUser
        from airflow.sdk.execution_time.comms import CreateHITLDetailPayload
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        # The provider's own call follows and changes nothing any more, but it does not say what Airflow keeps.
        users = [self.assigned_users] if isinstance(self.assigned_users, dict) else self.assigned_users or []
        kept: Any = SUPERVISOR_COMMS.send(
            CreateHITLDetailPayload(
                ti_id=context["ti"].id,
                options=self.options,
                subject=self.subject,
                body=self.body,
                params=self.serialized_params,
                assigned_users=[HITLUser(id=one["id"], name=one["name"]) for one in users],
            )
        )
        if (kept.subject, kept.body) != (self.subject, self.body):
            raise AirflowFailException(
                "Airflow still shows the question of an earlier try, with its old evidence. Clear this task once more "
                "in the UI or by REST; the API server must load the plugin of this package (operators/listeners.py)."
            )
        return super().execute(context)


class EvidenceApproval(StrictHITLOperator, ApprovalOperator):
    """
    Ask people to approve an evidence sheet; a rejection or a time-out fails the task.

    The approval is bound to the plan's hash and the sheet's digest at the time of asking.

    :param which: the key under ``approvals`` in the conf: ``cutover`` or ``finalize``; ``rollback`` is always asked.
    :param sheet_task: id of the task whose result holds ``markdown`` and ``digest``.
    """

    def __init__(self, *, which: str, sheet_task: str, **kwargs: Any) -> None:
        kwargs.setdefault("subject", f"Approve: {which}")
        kwargs.setdefault("doc_md", doc_of(type(self)))
        super().__init__(fail_on_reject=True, **with_comment(kwargs))
        self.which = which
        self.sheet_task = sheet_task

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        plan, sheet = plan_of(ti), result_of(ti, self.sheet_task)
        if plan.conf.dry_run:
            raise AirflowSkipException("a dry run changes nothing, so nothing is approved")
        if not plan.conf.approvals.is_asked(self.which):
            self.log.info("approvals.%s is false in the conf: not asked", self.which)
            at = datetime.now(UTC).isoformat()
            return {"approved": True, "required": False, "at": at, **_bound(plan, sheet)}
        ti.xcom_push(key=_ASKED, value=_bound(plan, sheet))
        # Set here and not as a template: text from outside must not be rendered as Jinja.
        self.subject = f"Wave {plan.wave}: approve {self.which}?"
        self.body = sheet["markdown"]
        self.assigned_users = _assigned(plan)
        self.response_timeout = timedelta(minutes=plan.conf.approvals.timeout_minutes)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        ti = context["ti"]
        plan, sheet = plan_of(ti), result_of(ti, self.sheet_task)
        asked = ti.xcom_pull(task_ids=ti.task_id, key=_ASKED) or {}
        try:
            answer = super().execute_complete(context, event)
        except HITLRejectException as rejected:
            _write_down(ti, plan, {"approval": self.which, "approved": False, **responder_of(event)})
            raise AirflowFailException(f"{self.which} was rejected by {responder_of(event)['by']}") from rejected
        except HITLTimeoutError as silence:
            _write_down(ti, plan, {"approval": self.which, "approved": False, "comment": "nobody answered in time"})
            raise AirflowFailException(f"{self.which} counts as rejected: nobody answered in time") from silence
        if asked != _bound(plan, sheet):
            raise AirflowFailException("the plan or the evidence changed while the question was open; clear this task")
        result = {"approved": True, "required": True, **asked, **responder_of(dict(answer))}
        _write_down(ti, plan, {"approval": self.which, **result})
        return result


class DecideOperator(StrictHITLOperator):
    """
    After a failure of one application: roll back, or leave it; retrying is clearing the failed task.

    Asks only where the conf says ``onFailure: ask``. No answer in time leaves everything as it is.

    :param app: the application's document.
    :param watched: task ids of the same group; one of them must really have failed, else there is nothing to decide.
    """

    template_fields: Sequence[str] = ("subject", "body", "app")

    def __init__(self, *, watched: list[str], app: dict[str, Any], **kwargs: Any) -> None:
        kwargs.setdefault("doc_md", doc_of(type(self)))
        super().__init__(
            subject="What now?", options=[ROLL_BACK, LEAVE], trigger_rule="one_failed", **with_comment(kwargs)
        )
        self.watched = watched
        self.app = app

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        failed = self._failed_tasks(ti)
        plan, app = plan_of(ti), PlannedApplication.from_document(self.app)
        records = records_of(services_of(ti, plan), app)
        said = gates_of(ti, failed)
        if said and not any(standing_of(record).failed for record in records):
            raise AirflowSkipException(f"a gate said no, nothing of the application failed: {said}")
        decision = after_failure(plan.conf.on_failure, [record.phase for record in records])
        if decision is not Decision.ASK:
            self.log.info("decided without asking: %s", decision)
            return {"decision": decision.value, "by": "conf", "reason": f"onFailure: {plan.conf.on_failure}"}
        self.subject = f"Wave {plan.wave}: {app.app_name} failed. What now?"
        rows = [[code(r.source_server_id), plain(r.phase.value), plain(r.error_message or "")] for r in records]
        self.body = (
            f"{table(('Server', 'Phase', 'Error'), rows)}\n\n"
            "To **retry**, mend the cause, clear the failed task with downstream; it goes on from what MGN shows.\n\n"
            "**Roll back** takes the servers back to before the launch; the source keeps running.\n\n"
            "**Leave as it is** touches nothing and marks the application FROZEN."
        )
        self.assigned_users = _assigned(plan)
        self.response_timeout = timedelta(minutes=plan.conf.approvals.timeout_minutes)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        try:
            answer = dict(super().execute_complete(context, event))
        except HITLTimeoutError:
            return {"decision": Decision.HOLD.value, "by": None, "reason": "nobody answered in time; left as it is"}
        chosen = answer["chosen_options"][0]
        decision = Decision.ROLLBACK if chosen == ROLL_BACK else Decision.HOLD
        who = responder_of(answer)
        return {"decision": decision.value, **who, "reason": who["comment"] or f"{who['by']} chose: {chosen}"}

    def _failed_tasks(self, ti: Any) -> list[str]:
        """``one_failed`` also fires when something before the group failed: then nothing of it was touched."""
        states = ti.get_task_states(
            dag_id=ti.dag_id, map_index=ti.map_index, task_ids=self.watched, run_ids=[ti.run_id]
        ).get(ti.run_id, {})
        failed = sorted(task for task, state in states.items() if str(state) == "failed")
        if not failed:
            raise AirflowSkipException(f"nothing failed in this group: {states}")
        return failed


def with_comment(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Adds the form field; the DAG's own params do not belong on the form, and Airflow has put them there already.

    Without ``execution_timeout``: the HITL operator would take it for the time that people have.
    """
    return kwargs | {"params": dict(_COMMENT), "execution_timeout": None}


def _assigned(plan: WavePlan) -> list[Any] | None:
    approvers = plan.conf.approvals.approvers
    return [{"id": one, "name": one} for one in approvers] or None


def _bound(plan: WavePlan, sheet: dict[str, Any]) -> dict[str, str]:
    return {"planHash": plan.plan_hash, "sheetDigest": sheet["digest"]}


def responder_of(answer: dict[str, Any]) -> dict[str, Any]:
    user = answer.get("responded_by_user") or {}
    at = answer.get("responded_at")
    return {
        "by": user.get("name") or user.get("id") or "unknown",
        "at": at.isoformat() if isinstance(at, datetime) else str(at or ""),
        "comment": (answer.get("params_input") or {}).get("comment") or "",
    }


def _write_down(ti: Any, plan: WavePlan, decision: dict[str, Any]) -> None:
    services = services_of(ti, plan)
    try:
        note_decision(services, plan, decision)
    except StepSkipped as nothing:
        raise AirflowSkipException(str(nothing)) from nothing
    finally:
        services.flush()
