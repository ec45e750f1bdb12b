"""What the tasks of one run left behind, as its report reads it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.sdk import Context

from migration_ops.core.finding import Finding
from migration_ops.operators.runbook.base import FINDINGS_KEY, TABLES_KEY

RESULT_KEY = "return_value"
FAILED, NOT_STARTED = "failed", "upstream_failed"


@dataclass(frozen=True)
class RunResults:
    """
    The results of one run.

    :param ti: the task instance that reads them.
    :param params: the run's.
    :param dag: to find the tasks before a task; None: ``causes`` finds none.
    """

    ti: Any
    params: Mapping[str, Any]
    dag: Any = None

    @classmethod
    def of(cls, context: Context, task: Any) -> RunResults:
        """The results as the running task reads them."""
        return cls(context["ti"], context["params"], task.get_dag())

    def pull(self, task_id: str, key: str = RESULT_KEY, number: int | None = None) -> Any:
        """What a task left under a key, None when nothing; ``number``: the index of a mapped one."""
        more = {} if number is None else {"map_indexes": number}
        return self.ti.xcom_pull(task_ids=task_id, key=key, **more)

    def findings(self, task_id: str, number: int | None = None) -> list[Finding] | None:
        """The findings that a task left; None when it left none, not even an empty list."""
        documents = self.pull(task_id, FINDINGS_KEY, number)
        return None if documents is None else [Finding.from_document(one) for one in documents]

    def tables(self, task_id: str, number: int | None = None) -> list[dict[str, Any]]:
        """The tables that a task left."""
        return list(self.pull(task_id, TABLES_KEY, number) or ())

    def states(self, task_ids: Collection[str]) -> dict[str, str]:
        """The states of unmapped tasks in this run, by id."""
        found = self.ti.get_task_states(dag_id=self.ti.dag_id, run_ids=[self.ti.run_id], task_ids=list(task_ids))
        return {task_id: str(state) for task_id, state in found.get(self.ti.run_id, {}).items()}

    def causes(self, task_id: str) -> set[str]:
        """Ids of the failed tasks because of which this task could not start."""
        if self.dag is None:
            return set()
        states = self.states(self.dag.task_ids)
        found: set[str] = set()
        seen, ahead = {task_id}, [task_id]
        while ahead:
            for before in self.dag.get_task(ahead.pop()).upstream_task_ids - seen:
                seen.add(before)
                if states.get(before) == FAILED:
                    found.add(before)
                elif states.get(before) == NOT_STARTED:
                    ahead.append(before)
        return found
