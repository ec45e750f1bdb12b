"""One run of a wave by its operators: what a task instance knows, deferrals waited out, tasks killed and cleared."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

from include.sandbox.sandbox import Sandbox
from migration_ops.core.errors import MigrationError
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Record


class Killed(BaseException):
    """The worker dies here: no handler of ours may run."""


@dataclass
class Task:
    """What the operators ask of a task instance."""

    run: Run
    task_id: str
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 0
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("wave"))

    @property
    def dag_id(self) -> str:
        return self.run.dag_id

    @property
    def run_id(self) -> str:
        return self.run.run_id

    def xcom_push(self, key: str, value: Any) -> None:
        self.run.values[self.task_id, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int = -1) -> Any:
        return self.run.values.get((task_ids, key))

    def get_template_context(self) -> dict[str, Any]:
        return {"dag_run": SimpleNamespace(run_after=self.run.run_after, triggering_user_name="alice")}

    def get_task_states(self, *, task_ids: list[str], run_ids: list[str], **_: Any) -> dict[str, dict[str, str]]:
        states = {task: self.run.states[task] for task in task_ids if task in self.run.states}
        return dict.fromkeys(run_ids, states)

    def get_dagrun_state(self, **_: Any) -> str:
        return self.run.other_runs


@dataclass
class Run:
    """
    One run.

    :param values: XCom.
    :param states: of the tasks that ended.
    :param deferred: triggers, in order.
    :param requested_by: who triggered it.
    :param other_runs: what Airflow says of the run that holds a server.
    """

    box: Sandbox
    conf: dict[str, Any]
    run_id: str = "run-1"
    dag_id: str = "migration_wave"
    other_runs: str = "running"
    run_after: datetime = datetime(2030, 1, 1, tzinfo=UTC)
    requested_by: str | None = "mallory"
    values: dict[tuple[str, str], Any] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    deferred: list[Any] = field(default_factory=list)

    def context(self, task_id: str) -> Any:
        task = Task(self, task_id)
        return {"ti": task, "task_instance": task, "dag_run": self.dag_run}

    @property
    def dag_run(self) -> Any:
        return SimpleNamespace(conf=self.conf, triggering_user_name=self.requested_by)

    def do(self, operator: Any, task_id: str = "") -> Any:
        """The task to its end; what it left before is gone, as Airflow does it."""
        name = task_id or operator.task_id
        for key in [key for key in self.values if key[0] == name]:
            del self.values[key]
        self.states[name] = "failed"
        try:
            answer = self._ended(operator, name)
        except AirflowSkipException:
            self.states[name] = "skipped"
            raise
        self.values[name, "return_value"] = answer
        self.states[name] = "success"
        return answer

    def _ended(self, operator: Any, name: str) -> Any:
        context = self.context(name)
        call: Callable[[], Any] = lambda: operator.execute(context)  # noqa: E731
        while True:
            try:
                return _as_task(operator, call)
            except TaskDeferred as deferred:
                self.deferred.append(deferred.trigger)
                event = asyncio.run(anext(deferred.trigger.run()))
                call = lambda event=event: operator.resume(context, event.payload)  # noqa: E731

    def until_it_defers(self, operator: Any) -> Any:
        """Only the first stint; the trigger."""
        try:
            _as_task(operator, lambda: operator.execute(self.context(operator.task_id)))
        except TaskDeferred as deferred:
            return deferred
        raise AssertionError("it did not defer")

    def note(self, task_id: str) -> str:
        return str(self.values.get((task_id, "run_note"), ""))

    @property
    def ledger(self) -> DynamoDbLedger:
        return DynamoDbLedger(self.box.boto("dynamodb"), "migration-state")

    def records(self) -> list[Record]:
        return self.ledger.by_wave(self.conf["wave"])

    def servers(self) -> list[str]:
        return [one["sourceServerId"] for app in self.conf["applications"] for one in app["servers"]]


def tried_again(call: Callable[[], Any]) -> Any:
    """As Airflow does it: what waiting helps is tried once more, nothing else."""
    try:
        return call()
    except MigrationError as error:
        if not error.retryable:
            raise
    return call()


def _as_task(operator: Any, call: Callable[[], Any]) -> Any:
    """Airflow refuses operators that are run outside a task runner; in this thread, this is one."""
    ExecutorSafeguard.tracker.set(operator)
    return call()
