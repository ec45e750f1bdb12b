"""Approvals in the demo: shows the evidence of every question, and answers it or leaves it to a person in the UI."""

from __future__ import annotations

import time

from include.local.airflow_api import PARKED_SETTLE_SECONDS, AirflowApi, AirflowApiError, Document
from include.local.screen import Screen

AUTOMATIC, BY_PERSON = "auto", "me"
# The preferred options, in this order; after a failure that is the safe one.
PREFERRED = ("approve", "roll back", "rollback", "leave")
GONE, ALREADY_ANSWERED = 404, 409
SERVER_ERROR = 500


def answer_of(options: list[str]) -> str:
    """The option that the demo chooses."""
    by_name = {option.lower(): option for option in options}
    return next((by_name[name] for name in PREFERRED if name in by_name), options[0])


class Approver:
    """Shows each question once; answers it when ``mode`` is ``auto`` and the question has been open long enough."""

    def __init__(self, api: AirflowApi, screen: Screen, mode: str) -> None:
        self._api = api
        self._screen = screen
        self._mode = mode
        # when each question was first seen, by task instance and question
        self._seen_at: dict[tuple[str, str], float] = {}

    def look(self, dag_id: str, run_id: str) -> None:
        """One round over the open questions of a run."""
        for question in self._api.open_questions(dag_id, run_id):
            seen_at = self._show(dag_id, run_id, question)
            if self._mode == AUTOMATIC and time.monotonic() - seen_at >= PARKED_SETTLE_SECONDS:
                self._answer(dag_id, run_id, question)

    def _show(self, dag_id: str, run_id: str, question: Document) -> float:
        """Prints a question that is new; returns when it was first seen."""
        task = question["task_instance"]
        key = (str(task["id"]), str(question["created_at"]))
        if key in self._seen_at:
            return self._seen_at[key]
        self._seen_at[key] = time.monotonic()
        title = f"{task['task_id']}: {question['subject']}"
        self._screen.document(title, question.get("body") or "(no evidence given)")
        if self._mode == BY_PERSON:
            page = f"{self._api.run_url(dag_id, run_id)}/tasks/{task['task_id']}/required_actions"
            self._screen.say(f"waiting for you: {' / '.join(question['options'])} at {page}")
        return self._seen_at[key]

    def _answer(self, dag_id: str, run_id: str, question: Document) -> None:
        task, choice = question["task_instance"], answer_of(question["options"])
        try:
            self._api.respond(dag_id, run_id, task["task_id"], [choice], map_index=task["map_index"])
        except AirflowApiError as error:
            # somebody was faster in the UI (an answer, a clear), or the database was locked: see in the next round
            if error.status not in (GONE, ALREADY_ANSWERED) and error.status < SERVER_ERROR:
                raise
        else:
            self._screen.say(f"answered {task['task_id']}: {choice}")
