"""A small client of Airflow's public REST API (v2), for the demo, the scenarios and other scripts.

Plain documents in and out. Every refusal raises :class:`AirflowApiError` with Airflow's answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import requests

from include.local.airflow_http import AirflowApiError, AirflowHttp, Document, Timeout, wait_until

__all__ = ["AirflowApi", "AirflowApiError", "Document", "Timeout", "task_label"]

RUN_ENDED = frozenset({"success", "failed"})
TASK_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
AWAITING_INPUT = "awaiting_input"
COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
# In Airflow 3.3.2 an answer within seconds after the task began to wait can hit a race: the executor's late "success"
# of the process that ended fails the task, which is already queued again.
PARKED_SETTLE_SECONDS = 3.0
# The API refuses a longer note with a 422.
NOTE_MAX_LENGTH = 1000


class AirflowApi(AirflowHttp):
    """Reads and changes one Airflow. The arguments are those of :class:`AirflowHttp`."""

    # -- the installation

    def health(self) -> dict[str, str | None]:
        """Status of each component (``healthy``, ``unhealthy``, None when it never reported). Needs no token."""
        answer = self.http.get(f"{self.base_url}/api/v2/monitor/health", timeout=self.timeout_seconds)
        if not answer.ok:
            raise AirflowApiError("GET", "/monitor/health", answer.status_code, answer.text)
        return {name: (answer.json().get(name) or {}).get("status") for name in COMPONENTS}

    def is_healthy(self) -> bool:
        """Whether the server answers and every component reports healthy."""
        try:
            return all(status == "healthy" for status in self.health().values())
        except (requests.RequestException, AirflowApiError):
            return False

    def import_errors(self) -> list[Document]:
        """Files that the DAG processor could not import: ``filename``, ``stack_trace``."""
        return self.pages("/importErrors", "import_errors")

    def dag_ids(self) -> set[str]:
        """The DAGs that Airflow has parsed."""
        return {dag["dag_id"] for dag in self.pages("/dags", "dags")}

    def unpause(self, dag_id: str) -> None:
        """Lets a DAG's runs start."""
        self.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})

    # -- runs

    def trigger(self, dag_id: str, conf: Document | None = None, run_id: str | None = None) -> str:
        """Starts a run, as the UI's button does; returns its run id.

        :raises AirflowApiError: 400 the conf breaks the DAG's params, 404 no such DAG, 409 the run id exists.
        """
        body: Document = {"logical_date": None, "conf": conf or {}}
        if run_id:
            body["dag_run_id"] = run_id
        return str(self.call("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> Document:
        """The run's document: ``state``, ``note``, ``start_date``, ``end_date``, ``conf`` …"""
        document: Document = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")
        return document

    def run_state(self, dag_id: str, run_id: str) -> str:
        """``queued``, ``running``, ``success`` or ``failed``."""
        return str(self.run(dag_id, run_id)["state"])

    def note(self, dag_id: str, run_id: str) -> str | None:
        """The run's note."""
        note: str | None = self.run(dag_id, run_id)["note"]
        return note

    def set_note(self, dag_id: str, run_id: str, note: str) -> None:
        """Replaces the run's note, cut at ``NOTE_MAX_LENGTH``."""
        self.call("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", {"note": note[:NOTE_MAX_LENGTH]})

    def run_url(self, dag_id: str, run_id: str) -> str:
        """The run's page in the UI."""
        return f"{self.base_url}/dags/{dag_id}/runs/{run_id}"

    # -- task instances

    def tasks(self, dag_id: str, run_id: str) -> list[Document]:
        """Every task instance: ``task_id``, ``map_index``, ``rendered_map_index``, ``state``, ``try_number`` …"""
        return self.pages(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances")

    def task(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Document:
        """One task instance; ``map_index`` -1 for a task that is not mapped.

        :raises AirflowApiError: 404, also for a mapped task that has not been expanded yet.
        """
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        document: Document = self.call("GET", path if map_index < 0 else f"{path}/{map_index}")
        return document

    def states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """State by task: ``{"plan": "success", "test.verify[billing]": "deferred", "cutover.cutover[1]": None}``."""
        return {task_label(one): one["state"] for one in self.tasks(dag_id, run_id)}

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1) -> str:
        """The log of one try, a line per event."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        content = self.call("GET", path, map_index=map_index, full_content=True)["content"]
        return "\n".join(one if isinstance(one, str) else _log_line(one) for one in content)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """An XCom value of a task instance.

        :raises AirflowApiError: 404, there is none.
        """
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.call("GET", path, map_index=map_index, deserialize=True)["value"]

    def clear(
        self,
        dag_id: str,
        run_id: str,
        task_ids: Iterable[str | tuple[str, int]],
        downstream: bool = True,
        only_failed: bool = False,
    ) -> list[Document]:
        """Clears tasks (a tuple: one index of a mapped task), by default with downstream; returns what was cleared."""
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": [one if isinstance(one, str) else list(one) for one in task_ids],
            "include_downstream": downstream,
            "only_failed": only_failed,
        }
        cleared: list[Document] = self.call("POST", f"/dags/{dag_id}/clearTaskInstances", body)["task_instances"]
        return cleared

    # -- people's answers

    def open_questions(self, dag_id: str = "~", run_id: str = "~") -> list[Document]:
        """The questions that wait for a person now: ``subject``, ``body``, ``options``, ``task_instance`` …"""
        found = self.pages(f"/dags/{dag_id}/dagRuns/{run_id}/hitlDetails", "hitl_details", response_received=False)
        return [one for one in found if one["task_instance"]["state"] == AWAITING_INPUT]

    def question(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Document:
        """The question of one task, answered or not."""
        document: Document = self.call("GET", _question_path(dag_id, run_id, task_id, map_index))
        return document

    def respond(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        options: list[str],
        params: Document | None = None,
        map_index: int = -1,
    ) -> Document:
        """Answers a question as the token's user.

        :raises AirflowApiError: 400 no such option, 403 not allowed to answer, 404 no question, 409 answered already.
        """
        body = {"chosen_options": options, "params_input": params or {}}
        document: Document = self.call("PATCH", _question_path(dag_id, run_id, task_id, map_index), body)
        return document

    # -- waiting

    def wait_for_run(
        self, dag_id: str, run_id: str, states: Iterable[str] = RUN_ENDED, timeout_seconds: float = 300.0
    ) -> str:
        """Waits until the run is in one of ``states``; returns that state.

        :raises Timeout: with the state of every task that has not ended.
        """
        wanted = set(states)
        return wait_until(
            lambda: _one_of(self.run_state(dag_id, run_id), wanted),
            timeout_seconds,
            lambda: f"run {run_id} of {dag_id} did not become {sorted(wanted)}: {self._unfinished(dag_id, run_id)}",
        )

    def wait_for_task(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        states: Iterable[str] = TASK_ENDED,
        map_index: int = -1,
        timeout_seconds: float = 300.0,
    ) -> str:
        """Waits until one task instance is in one of ``states``; returns that state.

        :raises Timeout: with the state of every task that has not ended.
        """
        wanted = set(states)

        def look() -> str | None:
            try:
                return _one_of(self.task(dag_id, run_id, task_id, map_index)["state"], wanted)
            except AirflowApiError as error:
                if error.status == 404:  # not expanded yet
                    return None
                raise

        return wait_until(
            look,
            timeout_seconds,
            lambda: f"{task_id}[{map_index}] did not become {sorted(wanted)}: {self._unfinished(dag_id, run_id)}",
        )

    def wait_for_question(
        self, dag_id: str, run_id: str, task_id: str, map_index: int = -1, timeout_seconds: float = 300.0
    ) -> Document:
        """Waits until a task asks, and ``PARKED_SETTLE_SECONDS`` more; returns the question.

        :raises Timeout: it does not ask.
        """
        self.wait_for_task(dag_id, run_id, task_id, {AWAITING_INPUT}, map_index, timeout_seconds)
        time.sleep(PARKED_SETTLE_SECONDS)
        return self.question(dag_id, run_id, task_id, map_index)

    def _unfinished(self, dag_id: str, run_id: str) -> str:
        ended_well = {"success", "skipped", None}
        states = self.states(dag_id, run_id)
        return ", ".join(f"{name}={state}" for name, state in states.items() if state not in ended_well)


def task_label(task: Document) -> str:
    """``task``, or ``task[name of the index]`` for a mapped one."""
    if task["map_index"] < 0:
        return str(task["task_id"])
    return f"{task['task_id']}[{task.get('rendered_map_index') or task['map_index']}]"


def _one_of(state: str | None, wanted: set[str]) -> str | None:
    return state if state in wanted else None


def _question_path(dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    return f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/{map_index}/hitlDetails"


def _log_line(event: Document) -> str:
    extra = {key: value for key, value in event.items() if key not in {"timestamp", "event", "level", "logger"}}
    level = str(event.get("level") or "").upper()
    return f"{event.get('timestamp') or ''} {level} {event['event']}{f' {extra}' if extra else ''}".strip()
