"""A person's approval of a planned change: asked for only where the plan needs one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.exceptions import HITLRejectException, HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context

from migration_ops.core.change import Approval
from migration_ops.operators.approval import StrictHITLOperator, responder_of, with_comment
from migration_ops.operators.base import doc_of

_ASKED = "asked_for"


class ChangeApproval(StrictHITLOperator, ApprovalOperator):
    """
    Ask a person when the plan removes or replaces something; a dry run and every other plan ask nothing.

    The answer is bound to the plan's digest. A rejection, or no answer in time, does not fail this task: the task that
    acts refuses, removes what was prepared, and is red with the reason.

    :param plan_task: id of the task whose result holds ``digest``, ``needsPerson`` and ``sheet``.
    :param wait: how long people have.
    """

    def __init__(self, *, plan_task: str, wait: timedelta, **kwargs: Any) -> None:
        kwargs.setdefault("doc_md", doc_of(type(self)))
        super().__init__(subject="Approve the change?", fail_on_reject=True, **with_comment(kwargs))
        self.plan_task = plan_task
        self.response_timeout = wait

    def execute(self, context: Context) -> Any:
        planned = context["ti"].xcom_pull(task_ids=self.plan_task)
        if context["params"]["dryRun"] or not planned["needsPerson"]:
            self.log.info("nobody is asked: dry run, or nothing is removed or replaced")
            return {"required": False, "digest": planned["digest"]}
        context["ti"].xcom_push(key=_ASKED, value=planned["digest"])
        # Set here and not as a template: text from outside must not be rendered as Jinja.
        self.subject = "This change removes or replaces resources. Make it?"
        self.body = planned["sheet"]
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        ti = context["ti"]
        answer = {"required": True, "digest": ti.xcom_pull(task_ids=ti.task_id, key=_ASKED) or ""}
        try:
            return answer | {"isApproved": True, **responder_of(dict(super().execute_complete(context, event)))}
        except HITLRejectException:
            return answer | {"isApproved": False, "reason": "The change was rejected", **responder_of(event)}
        except HITLTimeoutError:
            return answer | {"isApproved": False, "reason": "Nobody answered in time: not approved"}


def approval_from(answer: dict[str, Any]) -> Approval | None:
    """The approval in the result of :class:`ChangeApproval`; None when nobody had to be asked."""
    if not answer["required"]:
        return None
    reason = " ".join(part for part in (answer.get("reason"), answer.get("comment")) if part)
    return Approval(answer["digest"], answer["isApproved"] is True, answer.get("by", ""), reason)
