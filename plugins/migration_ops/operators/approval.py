"""People's decisions: approvals with their evidence, and what to do after a failure. No answer never approves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.exceptions import HITLRejectException, HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk import Context, Param
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput

from migration_ops.core.markdown import code, plain, table
from migration_ops.core.policy import Policy
from migration_ops.ledger.protocol import Record
from migration_ops.operators.answers import (
    answer_given,
    is_asked,
    policy_now,
    write_approval,
    write_best_effort,
    write_decision,
)
from migration_ops.operators.base import doc_of
from migration_ops.operators.choice import (
    FIELD,
    bound_to,
    choice_problem,
    chosen,
    offer_choice,
    split_choice,
    without_applications,
)
from migration_ops.operators.context import (
    ResultLostError,
    application_of,
    is_own_retry,
    plan_of,
    result_of,
    services_of,
)
from migration_ops.operators.evidence_age import read_again_when_old
from migration_ops.operators.wave.gates import gates_of
from migration_ops.operators.wave.requested import requester_of
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.records import records_of
from migration_ops.wave.rules.failure import Decision, after_failure
from migration_ops.wave.rules.policy import assigned_users, may_not_answer
from migration_ops.wave.rules.standing import standing_of
from migration_ops.wave.steps.quiesce import is_stopped

_ASKED = "asked_for"
_COMMENT = {"comment": Param("", source="task", type=["string", "null"], title="Why (kept in the ledger)")}
ROLL_BACK = "Roll back"
LEAVE = "Leave as it is"


class StrictHITLOperator(HITLOperator):
    """A question that fails when Airflow would show people another question than this one."""

    def execute(self, context: Context) -> Any:
        from airflow.sdk.api.datamodels._generated import HITLUser
        from airflow.sdk.execution_time.comms import CreateHITLDetailPayload
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        # The provider makes the same call again, but ignores the answer, which says what question Airflow shows.
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

    The answer is written to the ledger before the task succeeds, bound to the run, the plan's hash and the sheet's
    digest at the time of asking. The tasks that act read it there: this task's state and result permit nothing.

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
        if self.which == "finalize" and not plan.conf.finalize:
            raise AirflowSkipException("the conf says finalize: false, so nothing is finalized")
        if sheet is None:
            raise self._lost()
        policy, asked = policy_now(), bound_to(plan, sheet)
        if not is_asked(policy, plan, self.which):
            return self._not_required(ti, plan, asked)
        if is_own_retry(ti, self) and (given := answer_given(ti, plan, self.which, asked)):
            self.log.info("the answer of %s is in the ledger already: not asked again", given.get("by"))
            mine = {"applications": given.get("chosen", asked.get("applications"))}
            return write_approval(ti, plan, given, asked | mine)
        sheet = read_again_when_old(ti, plan, sheet, self.sheet_task)
        asked = bound_to(plan, sheet)
        requested_by = requester_of(context)
        ti.xcom_push(key=_ASKED, value=asked)
        # Set here and not as a template: text from outside must not be rendered as Jinja.
        self.subject = f"Wave {plan.wave}: approve {self.which}?"
        self.body = sheet["markdown"]
        offer_choice(self.params, asked)
        self.assigned_users = _assigned(policy, plan, requested_by)
        self.response_timeout = timedelta(minutes=plan.conf.approvals.timeout_minutes)
        try:
            return super().execute(context)
        except TaskAwaitingInput as waiting:
            # Airflow keeps it with the deferral: unlike an XCom, nobody can edit it while the question is open.
            waiting.kwargs = {**(waiting.kwargs or {}), _ASKED: asked}
            raise

    def _lost(self) -> ResultLostError:
        return ResultLostError(f"{self.sheet_task} left no sheet", taskId=self.sheet_task)

    def _not_required(self, ti: Any, plan: WavePlan, asked: dict[str, Any]) -> dict[str, Any]:
        self.log.info("approvals.%s is false in the conf: not asked", self.which)
        because = f"not required by the conf (approvals.{self.which} is false)"
        result = {"approved": True, "required": False, "comment": because, "at": _now().isoformat(), **asked}
        write_best_effort(ti, plan, {"approval": self.which, "by": "conf", "runId": ti.run_id, **result})
        return result

    def execute_complete(self, context: Context, event: dict[str, Any], asked_for: dict[str, Any] | None = None) -> Any:
        ti, who = context["ti"], responder_of(event)
        plan, sheet = plan_of(ti), result_of(ti, self.sheet_task)
        # A question asked by an earlier version has it in XCom only.
        asked = asked_for or ti.xcom_pull(task_ids=ti.task_id, key=_ASKED) or {}
        decision = {"approval": self.which, "approved": False, "required": True, "runId": ti.run_id, **who}
        named, event = split_choice(event)
        # Added by offer_choice only: the provider would miss it in the rest of the answer.
        self.params.pop(FIELD, None)
        try:
            super().execute_complete(context, event)
        except HITLRejectException as rejected:
            write_best_effort(ti, plan, decision | without_applications(asked))
            raise AirflowFailException(f"{self.which} was rejected by {who['by']}") from rejected
        except HITLTimeoutError as silence:
            write_best_effort(ti, plan, decision | {"by": None, "comment": "nobody answered in time"})
            raise AirflowFailException(f"{self.which} counts as rejected: nobody answered in time") from silence
        if sheet is None:
            lost = self._lost()
            write_best_effort(ti, plan, decision | without_applications(asked) | {"comment": f"does not count: {lost}"})
            raise AirflowFailException(str(lost)) from lost
        now = bound_to(plan, sheet)
        if any(asked.get(one) != now[one] for one in ("planHash", "sheetDigest")):
            raise AirflowFailException("the plan or the evidence changed while the question was open; clear this task")
        asked = now | asked
        problem = choice_problem(plan, asked, named, in_order=self.which == "cutover")
        refused = _refusal(plan, context, who) or problem
        if refused:
            write_best_effort(
                ti, plan, decision | without_applications(asked) | {"comment": f"does not count: {refused}"}
            )
            again = "answer it again" if refused == problem else "somebody else must answer"
            raise AirflowFailException(
                f"the answer of {who['by']} does not count: {refused}. Clear this task: {again}."
            )
        if named is not None:
            asked = chosen(asked, named)
            decision["chosen"] = asked["applications"]
        decision |= {"approved": True, "requestedBy": requester_of(context), **without_applications(asked)}
        decision["tryNumber"] = ti.try_number
        return write_approval(ti, plan, decision, asked)


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
        plan = plan_of(ti)
        app = application_of(plan, self.app)
        records = records_of(services_of(ti, plan), app)
        said = gates_of(ti, failed)
        # A gate that shut after quiesce leaves the source stopped: somebody must decide whether it is started again.
        stopped = [record.source_server_id for record in records if is_stopped(record)]
        if said and not stopped and not any(standing_of(record).failed for record in records):
            raise AirflowSkipException(f"a gate said no, nothing of the application failed: {said}")
        decision = after_failure(plan.conf.on_failure, [record.phase for record in records])
        if decision is not Decision.ASK:
            self.log.info("decided without asking: %s", decision)
            result = {"decision": decision.value, "by": "conf", "reason": f"onFailure: {plan.conf.on_failure}"}
            write_decision(ti, plan, app.app_name, result | {"required": False, "phases": _phases_of(records)})
            return result
        self.subject = f"Wave {plan.wave}: {app.app_name} failed. What now?"
        rows = [[code(r.source_server_id), plain(r.phase.value), plain(r.error_message or "")] for r in records]
        down = f"**Stopped for the cutover**, not started again: {', '.join(map(code, stopped))}\n\n" if stopped else ""
        self.body = (
            f"{table(('Server', 'Phase', 'Error'), rows)}\n\n{down}"
            "To **retry**, fix the cause, clear the failed task with downstream; it goes on from what MGN shows.\n\n"
            "**Roll back** takes the servers back to before the launch; the source runs on, or is started again.\n\n"
            "**Leave as it is** touches nothing and marks the application FROZEN."
        )
        self.assigned_users = _assigned(policy_now(), plan, self._not_by(context))
        self.response_timeout = timedelta(minutes=plan.conf.approvals.timeout_minutes)
        try:
            return super().execute(context)
        except TaskAwaitingInput as waiting:
            waiting.kwargs = {**(waiting.kwargs or {}), "phases": _phases_of(records)}
            raise

    def execute_complete(self, context: Context, event: dict[str, Any], phases: dict[str, str] | None = None) -> Any:
        """:param phases: of each server when the question was asked; None for a question of an earlier version."""
        ti = context["ti"]
        plan = plan_of(ti)
        app = application_of(plan, self.app)
        try:
            answer = dict(super().execute_complete(context, event))
        except HITLTimeoutError:
            result = {"decision": Decision.HOLD.value, "by": None, "reason": "nobody answered in time; left as it is"}
            write_decision(ti, plan, app.app_name, result)
            return result
        chosen = answer["chosen_options"][0]
        decision = Decision.ROLLBACK if chosen == ROLL_BACK else Decision.HOLD
        who = responder_of(answer)
        refused = _refusal(plan, context, who, is_rollback=True) if decision is Decision.ROLLBACK else None
        if refused:
            raise AirflowFailException(
                f"the answer of {who['by']} does not count: {refused}. Clear this task: somebody else must answer."
            )
        result = {"decision": decision.value, **who, "reason": who["comment"] or f"{who['by']} chose: {chosen}"}
        write_decision(ti, plan, app.app_name, result | ({"phases": phases} if phases else {}))
        return result

    @staticmethod
    def _not_by(context: Context) -> str | None:
        """The user who may not decide; None unless the installation demands that people approve rollbacks."""
        return requester_of(context) if "rollback" in policy_now().require_approvals else None

    def _failed_tasks(self, ti: Any) -> list[str]:
        """The watched tasks that failed. ``one_failed`` also fires when a task before the group failed.

        :raises AirflowSkipException: none did: nothing of the application was touched.
        """
        states = ti.get_task_states(
            dag_id=ti.dag_id, map_index=ti.map_index, task_ids=self.watched, run_ids=[ti.run_id]
        ).get(ti.run_id, {})
        # Airflow appends the map index to the id of a mapped task.
        by_task = {task.removesuffix(f"_{ti.map_index}"): state for task, state in states.items()}
        failed = sorted(task for task, state in by_task.items() if str(state) == "failed")
        if not failed:
            raise AirflowSkipException(f"nothing failed in this group: {states}")
        return failed


def _phases_of(records: Iterable[Record]) -> dict[str, str]:
    """In which phase each server is, by source server id: a decision is about nothing that it does later."""
    return {record.source_server_id: standing_of(record).at.value for record in records}


def with_comment(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Adds the form field; the DAG's own params do not belong on the form, and Airflow has put them there already.

    Without ``execution_timeout``: the HITL operator would take it for the time that people have.
    """
    return kwargs | {"params": dict(_COMMENT), "execution_timeout": None}


def _assigned(policy: Policy, plan: WavePlan, requested_by: str | None) -> list[Any] | None:
    may = assigned_users(policy, plan.conf.approvals.approvers, requested_by)
    return [{"id": one, "name": one} for one in may] or None


def _refusal(plan: WavePlan, context: Context, who: dict[str, Any], *, is_rollback: bool = False) -> str | None:
    """Why the answer does not count; None when it does. Airflow checks assigned users only, no patterns."""
    policy = policy_now()
    if is_rollback and "rollback" not in policy.require_approvals:
        policy = replace(policy, is_four_eyes=False)
    named = plan.conf.approvals.approvers
    return may_not_answer(policy, named, requester_of(context), str(who["byId"] or ""), str(who["by"] or ""))


def responder_of(answer: dict[str, Any]) -> dict[str, Any]:
    user = answer.get("responded_by_user") or {}
    at = answer.get("responded_at")
    return {
        "by": user.get("name") or user.get("id") or "unknown",
        "byId": user.get("id"),
        "at": at.isoformat() if isinstance(at, datetime) else str(at or ""),
        "comment": (answer.get("params_input") or {}).get("comment") or "",
    }


def _now() -> datetime:
    return datetime.now(UTC)
