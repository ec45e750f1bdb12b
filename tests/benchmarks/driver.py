"""The plain driver: a whole wave through the package's own operators and triggers, without Airflow's machinery.

Each task is its operator's ``execute`` in a thread, with services built again as on a worker; a deferral runs the
operator's own trigger on this event loop, as the triggerer does, and goes on at once in ``resume``. There is no
scheduler, no database, no process per task.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

from migration_ops.operators.context import plan_of, services_of
from migration_ops.operators.wave.step import step_task
from migration_ops.operators.wave.wave import PlanOperator, PreflightOperator, ReportOperator
from migration_ops.wave.decisions import note_decision

TEST = ("replication_ready", "test_launch", "test_verify", "mark_ready")
CUTOVER = ("wait_for_dependencies", "quiesce", "cutover", "cutover_verify")
FINISH = ("finalize", "update_cmdb", "send_callback", "close")
SHEET, APPROVAL, FINAL_SHEET, FINAL_APPROVAL = "go_no_go", "approve_cutover", "soak", "approve_finalize"
INPUTS = {
    "wait_for_dependencies": {"sheet": SHEET},
    "quiesce": {"sheet": SHEET, "approval": APPROVAL},
    "cutover": {"sheet": SHEET, "approval": APPROVAL},
    "finalize": {"sheet": FINAL_SHEET, "approval": FINAL_APPROVAL},
}
# No pause before or between looks: what is left of a wait is the sandbox's own duration.
EAGER = {
    "MIGRATION_OPS_FIRST_POLL_SECONDS": "0.01",
    "MIGRATION_OPS_SETTLE_SECONDS": "1",
    "MIGRATION_OPS_JOB_POLL_SECONDS": "0.05",
    "MIGRATION_OPS_LEDGER_POLL_SECONDS": "0.05",
    "MIGRATION_OPS_BOOT_POLL_SECONDS": "0.05",
    "MIGRATION_OPS_CHECK_POLL_SECONDS": "0.05",
}
Watch = Callable[[str, bool], None]


@dataclass
class FakeTask:
    """What the operators ask of a task instance."""

    run: Run
    task_id: str
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 0
    dag_id: str = "migration_wave"
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("bench"))

    @property
    def run_id(self) -> str:
        return self.run.run_id

    def xcom_push(self, key: str, value: Any) -> None:
        self.run.xcom[self.task_id, self.map_index, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int = -1) -> Any:
        return self.run.xcom.get((task_ids, map_indexes, key))

    def get_template_context(self) -> dict[str, Any]:
        return {"dag_run": SimpleNamespace(run_after=datetime(2030, 1, 1, tzinfo=UTC), triggering_user_name=None)}

    def get_dagrun_state(self, **_: Any) -> str:
        return "running"


@dataclass
class Run:
    """One wave. After :meth:`whole`: seconds waited, deferrals and tasks, by what they belong to.

    :param is_serial: one application after the other, so that calls can be told apart from outside.
    :param watch: told the task id, and whether a wait begins (True) or ends (False).
    :param done: told the task id when a task has ended.
    """

    conf: dict[str, Any]
    run_id: str
    is_serial: bool = False
    watch: Watch = lambda task_id, begins: None
    done: Callable[[str], None] = lambda task_id: None
    xcom: dict[tuple[str, int, str], Any] = field(default_factory=dict)
    deferrals: Counter[str] = field(default_factory=Counter)
    tasks: int = 0
    # (stage, map index) -> seconds spent in waits
    waited: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: float = 0.0

    async def whole(self) -> None:
        """From plan to report; the first failure ends it."""
        began = time.perf_counter()
        await self._task(PlanOperator(task_id="plan"))
        applications = await self._task(PreflightOperator(task_id="preflight"))
        await self._stage("test", TEST, applications)
        await self._step(SHEET)
        await self._approve(APPROVAL, "cutover", SHEET)
        await self._step("cutover_window")
        await self._stage("cutover", CUTOVER, applications)
        await self._step(FINAL_SHEET)
        await self._approve(FINAL_APPROVAL, "finalize", FINAL_SHEET)
        await self._stage("finish", FINISH, applications)
        await self._task(ReportOperator(task_id="report", approvals={"cutover": APPROVAL, "finalize": FINAL_APPROVAL}))
        self.seconds = time.perf_counter() - began

    @property
    def critical_seconds(self) -> float:
        """The longest that any application waited, stage by stage: the sandbox's own critical path."""
        stages = {stage for stage, _ in self.waited}
        return sum(max(s for (name, _), s in self.waited.items() if name == stage) for stage in stages)

    async def _stage(self, stage: str, names: tuple[str, ...], applications: list[dict[str, Any]]) -> None:
        turn = asyncio.Semaphore(1 if self.is_serial else len(applications))

        async def work(index: int, app: dict[str, Any]) -> None:
            async with turn:
                for name in names:
                    await self._step(name, f"{stage}.{name}", index, app)

        async with asyncio.TaskGroup() as group:
            for index, app in enumerate(applications):
                group.create_task(work(index, app))

    async def _step(self, name: str, task_id: str = "", index: int = -1, app: dict[str, Any] | None = None) -> Any:
        operator = step_task(task_id=name, step=name, app=app, inputs=INPUTS.get(name))
        return await self._task(operator, task_id or name, index)

    async def _task(self, operator: Any, task_id: str = "", index: int = -1) -> Any:
        task = FakeTask(self, task_id or operator.task_id, index)
        context = {"ti": task, "dag_run": SimpleNamespace(conf=self.conf)}
        self.tasks += 1
        call = lambda: operator.execute(context)  # noqa: E731
        while True:
            try:
                result = await asyncio.to_thread(_as_task, operator, call)
            except AirflowSkipException:
                self.done(task.task_id)
                return None
            except TaskDeferred as deferred:
                event = await self._wait(task, deferred.trigger)
                call = lambda event=event: operator.resume(context, event)  # noqa: E731
                continue
            task.xcom_push("return_value", result)
            self.done(task.task_id)
            return result

    async def _wait(self, task: FakeTask, trigger: Any) -> dict[str, Any]:
        self.deferrals[task.task_id] += 1
        async with self._timed(task):
            async for event in trigger.run():
                return event.payload
        raise RuntimeError("the trigger ended without an event")

    @asynccontextmanager
    async def _timed(self, task: FakeTask) -> AsyncIterator[None]:
        began = time.perf_counter()
        self.watch(task.task_id, True)
        try:
            yield
        finally:
            self.watch(task.task_id, False)
            self.waited[task.task_id.rpartition(".")[0], task.map_index] += time.perf_counter() - began

    async def _approve(self, task_id: str, which: str, sheet_task: str) -> None:
        """A person's yes, as ``EvidenceApproval`` writes it down."""
        task = FakeTask(self, task_id)
        self.tasks += 1

        def write_down() -> None:
            plan, sheet = plan_of(task), task.xcom_pull(sheet_task)
            bound = {"planHash": plan.plan_hash, "sheetDigest": sheet["digest"]}
            result = {"approved": True, "required": True, **bound, "by": "bench", "at": _now(), "comment": ""}
            services = services_of(task, plan)
            note_decision(services, plan, {"approval": which, "runId": task.run_id, **result}, sheet["ready"])
            services.flush()
            task.xcom_push("return_value", result)

        await asyncio.to_thread(write_down)
        self.done(task_id)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _as_task(operator: Any, call: Callable[[], Any]) -> Any:
    """Airflow refuses operators that are run outside a task runner; in this thread, this is one."""
    ExecutorSafeguard.tracker.set(operator)
    return call()
