"""What a scenario holds: a real Airflow over REST, as a user's script would have it, and the sandbox's controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from include.local.airflow_api import TASK_ENDED, AirflowApi, AirflowApiError, Document, Timeout
from include.local.stack import LocalStack
from include.sandbox.client import SandboxClient

__all__ = ["AirflowApi", "AirflowApiError", "Document", "Run", "ScenarioAirflow", "Timeout"]


class Run(NamedTuple):
    """One DAG run; ``api.run_state(*run)``."""

    dag_id: str
    run_id: str


@dataclass(frozen=True)
class ScenarioAirflow:
    """The one Airflow and the one sandbox of all scenarios."""

    stack: LocalStack
    api: AirflowApi
    sandbox: SandboxClient

    @property
    def callback_url(self) -> str:
        """Where the sandbox receives callbacks."""
        return self.stack.endpoints["SANDBOX_CALLBACK_URL"]

    @property
    def cmf_url(self) -> str:
        """The sandbox's CMDB."""
        return self.stack.endpoints["SANDBOX_CMF_URL"]

    def start(self, dag_id: str, conf: Mapping[str, Any], run_id: str | None = None) -> Run:
        """Triggers a run and does not wait for it."""
        return Run(dag_id, self.api.trigger(dag_id, dict(conf), run_id))

    def wait(self, run: Run, timeout_seconds: float = 300) -> str:
        """Waits for the run's end: ``success`` or ``failed``."""
        return self.api.wait_for_run(*run, timeout_seconds=timeout_seconds)

    def wait_for_task(
        self, run: Run, task_id: str, *states: str, map_index: int = -1, timeout_seconds: float = 300
    ) -> str:
        """Waits for one task instance to end, or to be in one of ``states``."""
        wanted = states or TASK_ENDED
        return self.api.wait_for_task(*run, task_id, wanted, map_index=map_index, timeout_seconds=timeout_seconds)

    def approve(
        self, run: Run, task_id: str, option: str = "Approve", map_index: int = -1, timeout_seconds: float = 300
    ) -> Document:
        """Waits for the task's question, answers it, and returns the question with its evidence (``body``)."""
        question = self.api.wait_for_question(*run, task_id, map_index, timeout_seconds)
        self.api.respond(*run, task_id, [option], map_index=map_index)
        return question

    def reject(self, run: Run, task_id: str, map_index: int = -1) -> Document:
        """The other answer."""
        return self.approve(run, task_id, "Reject", map_index)

    def index_of(self, run: Run, task_id: str, application: str) -> int:
        """The map index of an application, which is what clearing one application needs.

        :raises LookupError: no instance of the task carries that name.
        """
        for task in self.api.tasks(*run):
            if task["task_id"] == task_id and task["rendered_map_index"] == application:
                return int(task["map_index"])
        raise LookupError(f"{task_id} has no instance named {application}: {self.api.states(*run)}")

    def explain(self, run: Run) -> str:
        """The logs of everything that failed, for the message of an assertion."""
        texts = []
        for task in self.api.tasks(*run):
            if task["state"] == "failed":
                log = self.api.log(*run, task["task_id"], task["try_number"], task["map_index"])
                texts.append(f"== {task['task_id']}[{task['rendered_map_index']}]\n{log[-3000:]}")
        return "\n".join(texts) or str(self.api.states(*run))
