"""Checklists as questions to people: each item is signed off with evidence, or is red. No answer signs nothing off."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.exceptions import HITLTimeoutError
from airflow.sdk import Context, Param
from airflow.sdk.exceptions import AirflowFailException

from migration_ops.core.finding import RED, Finding
from migration_ops.core.markdown import plain
from migration_ops.operators.approval import StrictHITLOperator
from migration_ops.operators.base import DocumentedOperator, doc_of
from migration_ops.operators.runbook.results import RunResults
from migration_ops.operators.runbook.services import runbook_services
from migration_ops.operators.runbook.tail import tail
from migration_ops.runbook.sign_off import (
    CHECK_ID,
    LATE_DAYS,
    VERDICTS,
    YEAR,
    State,
    asked,
    findings_of,
    read_checklist,
    state_of,
    table_of,
)

CHECKLIST, SIGN_OFF = "checklist", "sign_off"
ANSWER_KEY = "answer"
SIGN, NOT_DONE = "Sign off", "Not done"
_FORM = {
    "evidence": Param("", source="task", type=["string", "null"], title="Evidence: an https address"),
    "comment": Param("", source="task", type=["string", "null"], title="Comment (kept in the report)"),
}


class ChecklistOperator(DocumentedOperator):
    """
    Read the checklist and choose the items that are asked now, with their due dates. Cleared with downstream, all are
    asked again.

    :param file: its name in the configuration directory.
    """

    def __init__(self, *, file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.file = file

    def execute(self, context: Context) -> Any:
        services = runbook_services(context)
        directory = Path(services.settings.config_directory) if services.settings.config_directory else None
        on_call = services.config.on_call
        checklist = read_checklist(self.file, on_call, directory)
        return asked(checklist, on_call, context["params"]["period"], services.reader.now)


class SignOffOperator(StrictHITLOperator):
    """
    Ask the owner to sign one item off, with a link to the evidence. Not done, no evidence or no answer in time is red.

    Who answered, when, the link and the comment are kept in the report. Clear this task to be asked again.

    :param item: an item of the checklist, with its due date.
    """

    # Not subject and body: their text comes from the configuration and must not be rendered.
    template_fields: Sequence[str] = ("item",)

    def __init__(self, *, item: dict[str, Any], **kwargs: Any) -> None:
        kwargs.setdefault("doc_md", doc_of(type(self)))
        # Without `execution_timeout`: the HITL operator would take it for the time that people have.
        kwargs |= {"params": dict(_FORM), "execution_timeout": None}
        super().__init__(subject="Sign off?", options=[SIGN, NOT_DONE], **kwargs)
        self.item = item

    def execute(self, context: Context) -> Any:
        now, due = datetime.now(UTC), datetime.fromisoformat(self.item["dueAt"])
        self.subject = f"{self.item['title']}: sign off until {due:%Y-%m-%d}"
        self.body = _question(self.item)
        self.assigned_users = [{"id": one, "name": one} for one in self.item["signers"]] or None
        self.response_timeout = due - now if due > now else timedelta(days=LATE_DAYS)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        ti = context["ti"]
        try:
            answer = _answer(dict(super().execute_complete(context, event)), self.item)
        except HITLTimeoutError:
            answer = {"state": State.NO_ANSWER.value, "by": "", "at": "", "evidence": "", "comment": ""}
        ti.xcom_push(key=ANSWER_KEY, value=answer)
        if VERDICTS[State(answer["state"])] in RED:
            raise AirflowFailException(f"{self.item['title']}: {answer['state']}. Clear this task to be asked again.")
        return answer


def _question(item: dict[str, Any]) -> str:
    todo = "\n".join(f"- {plain(one)}" for one in item["todo"])
    return (
        f"{todo}\n\nOwner: {plain(item['owner'])}, {plain(item['contact'])}. Due: {plain(item['dueAt'])}. "
        f"Runbook: {plain(item['section'])}.\n\n"
        f"**{SIGN}** needs an https address of the evidence (ticket, page, report). **{NOT_DONE}** makes the run red."
    )


def _answer(given: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    user, at = given.get("responded_by_user") or {}, given.get("responded_at")
    fields = given.get("params_input") or {}
    evidence = str(fields.get("evidence") or "").strip()
    moment = at if isinstance(at, datetime) else datetime.now(UTC)
    is_late = moment > datetime.fromisoformat(item["dueAt"])
    return {
        "state": state_of(given["chosen_options"] == [SIGN], evidence, is_late).value,
        "by": str(user.get("name") or user.get("id") or "unknown"),
        "at": moment.isoformat(timespec="seconds"),
        "evidence": evidence,
        "comment": str(fields.get("comment") or ""),
    }


@dataclass(frozen=True)
class ChecklistAnswers:
    """
    The items of a checklist, each with its state, who signed it, when, and the evidence as plain text.

    An item whose question left nothing behind is UNKNOWN.
    """

    def findings(self, results: RunResults) -> list[Finding]:
        """:raises AirflowFailException: there is no checklist."""
        return findings_of(*_answered(results))

    def answered(self, results: RunResults) -> Collection[str]:
        return ()

    def partial(self, results: RunResults) -> Collection[str]:
        return [CHECK_ID] if results.params.get("period", YEAR) != YEAR else []

    def tables(self, results: RunResults) -> Sequence[dict[str, Any]]:
        return (table_of(*_answered(results)),)


def _answered(results: RunResults) -> tuple[list[dict[str, Any]], list[dict[str, Any] | None]]:
    items = results.pull(CHECKLIST)
    if not items:
        raise AirflowFailException("there is no checklist: nothing was asked")
    return items, [results.pull(SIGN_OFF, ANSWER_KEY, number) for number in range(len(items))]


def ask_for_each(items: ChecklistOperator) -> Any:
    """The questions: one mapped task per item of the checklist."""
    # For a mapped task Airflow does not take doc_md from the operator's constructor.
    return SignOffOperator.partial(
        task_id=SIGN_OFF, map_index_template="{{ task.item['id'] }}", doc_md=doc_of(SignOffOperator)
    ).expand(item=items.output)


def wire_checklist(file: str, title: str) -> None:
    """The tasks of a checklist: read it, ask for each item, report, notify, and the task that decides the result."""
    signed = ask_for_each(ChecklistOperator(task_id=CHECKLIST, file=file))
    tail(signed, title, [ChecklistAnswers()])
