"""Runs a whole DAG file's tasks in order against the sandbox, as Airflow would: rules, skips, sensors, waits."""

from __future__ import annotations

import asyncio
import logging
import runpy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

from migration_ops.operators.context import NOTE_KEY

DAGS = Path(__file__).resolve().parents[3] / "dags"
LOOKS = 200
_OVER = frozenset({"success", "failed", "skipped", "upstream_failed"})


@dataclass
class Task:
    """What the operators ask of a task instance."""

    run: Run
    task_id: str
    try_number: int = 1
    max_tries: int = 6
    map_index: int = -1
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("dag"))

    @property
    def dag_id(self) -> str:
        return str(self.run.dag.dag_id)

    @property
    def run_id(self) -> str:
        return self.run.run_id

    def xcom_push(self, key: str, value: Any) -> None:
        self.run.values[self.task_id, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int = -1) -> Any:
        return self.run.values.get((task_ids, key))

    def get_task_states(
        self, *, dag_id: str, run_ids: list[str], task_ids: list[str], map_index: int | None = None
    ) -> dict[str, dict[str, str]]:
        return {self.run_id: {name: one for name, one in self.run.states.items() if name in task_ids}}

    def get_template_context(self) -> dict[str, Any]:
        return {"dag_run": SimpleNamespace(run_after=self.run.run_after, triggering_user_name=None)}

    def get_dagrun_state(self, **_: Any) -> str:
        return "running"


@dataclass
class Run:
    """One run. ``states`` and ``values`` (XCom) stay when its tasks are run again."""

    dag_id: str
    run_id: str = "manual-1"
    params: dict[str, Any] = field(default_factory=dict)
    run_after: datetime = field(default_factory=lambda: datetime.now(UTC))
    states: dict[str, str] = field(default_factory=dict)
    values: dict[tuple[str, str], Any] = field(default_factory=dict)
    errors: dict[str, BaseException] = field(default_factory=dict)
    # Called before each task with its id; what it raises is the task's failure.
    before: Any = None

    def __post_init__(self) -> None:
        found = runpy.run_path(str(DAGS / f"{self.dag_id}.py"))
        # The decorated function, called once more: a DAG of its own for this run.
        self.dag = found[self.dag_id]()

    def whole(self) -> Run:
        for task in self.dag.topological_sort():
            self.states[task.task_id] = self._state_of(task)
        return self

    def finding(self, check_id: str) -> dict[str, Any]:
        """Of the report."""
        return next(one for one in self.values["report", "findings"] if one["checkId"] == check_id)

    @property
    def verdicts(self) -> dict[str, str]:
        return {one["checkId"]: one["verdict"] for one in self.values["report", "findings"]}

    @property
    def is_green(self) -> bool:
        """As Airflow has it: by the leaves, teardowns that may fail a run among them."""
        return all(self.states[one.task_id] in ("success", "skipped") for one in self.dag.leaves) and not any(
            self.states[one.task_id] == "failed" for one in self.dag.tasks if one.is_teardown
        )

    def _state_of(self, task: Any) -> str:
        upstream = [self.states[one] for one in task.upstream_task_ids]
        setups = [self.states[one.task_id] for one in task.upstream_list if one.is_setup]
        verdict = _by_rule(task.trigger_rule.value, upstream, setups)
        if verdict is not None:
            return verdict
        for name in [name for name in self.values if name[0] == task.task_id]:
            del self.values[name]
        return self._run(task)

    def _run(self, task: Any) -> str:
        ti = Task(self, task.task_id)
        params = {name: self.dag.params[name] for name in self.dag.params} | self.params
        context = {"ti": ti, "params": params, "dag_run": SimpleNamespace(conf={}, run_after=self.run_after)}
        for name in task.template_fields:
            value = getattr(task, name)
            if hasattr(value, "operator"):
                setattr(task, name, self.values.get((value.operator.task_id, "return_value")))
        try:
            if self.before:
                self.before(task.task_id)
            self.values[task.task_id, "return_value"] = asyncio.run(_executed(task, context))
        except AirflowSkipException:
            return "skipped"
        except Exception as error:
            self.errors[task.task_id] = error
            return "failed"
        return "success"


async def _executed(task: Any, context: Any) -> Any:
    if hasattr(task, "poke"):
        return _poked(task, context)
    if task.inherits_from_empty_operator:
        return None
    ExecutorSafeguard.tracker.set(task)
    call = lambda: task.execute(context)  # noqa: E731
    while True:
        try:
            return call()
        except TaskDeferred as deferred:
            event = await anext(deferred.trigger.run())
            call = lambda event=event: task.resume(context, event.payload)  # noqa: E731


def _poked(sensor: Any, context: Any) -> Any:
    assert sensor.mode == "reschedule"
    for _ in range(LOOKS):
        answer = sensor.poke(context)
        if getattr(answer, "is_done", answer):
            return getattr(answer, "xcom_value", None)
    raise TimeoutError(f"{sensor.task_id} never was content")


def _by_rule(rule: str, upstream: list[str], setups: list[str]) -> str | None:
    """The state of a task that does not run; None when it does."""
    assert set(upstream) <= _OVER
    bad = [one for one in upstream if one in ("failed", "upstream_failed")]
    if rule == "all_done":
        return None
    if rule == "all_done_setup_success":
        return None if "success" in setups else "skipped" if "skipped" in setups else "upstream_failed"
    if bad:
        return "upstream_failed"
    if rule == "none_failed_min_one_success":
        return None if "success" in upstream or not upstream else "skipped"
    assert rule == "all_success"
    return "skipped" if "skipped" in upstream else None


def note_of(run: Run, task_id: str = "report") -> str:
    return str(run.values[task_id, NOTE_KEY])
