"""The tasks of ``migration_wave`` and ``migration_rollback`` as the simulation runs them: names, order, trigger rules.

``tests/simulation/test_tasks.py`` compares the wave's tasks with the DAG.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

TEST_GROUP = ("replication_ready", "test_launch", "test_verify", "mark_ready")
CUTOVER_GROUP = ("wait_for_dependencies", "quiesce", "cutover", "cutover_verify")
FINISH_GROUP = ("finalize", "update_cmdb", "send_callback", "close")
CUTOVER_INPUTS = {"sheet": "go_no_go", "approval": "approve_cutover", "window": "cutover_window"}
FINALIZE_INPUTS = {"sheet": "soak", "approval": "approve_finalize"}


class Rule(StrEnum):
    """Airflow's trigger rules that the two DAGs use."""

    ALL_SUCCESS = "all_success"
    ALL_DONE = "all_done"
    ONE_FAILED = "one_failed"


@dataclass(frozen=True)
class Task:
    """One task instance.

    :param key: unique in the run; for a mapped task with the application's name.
    :param name: the DAG's task id, without the application.
    :param upstream: keys of the upstream tasks.
    :param inputs: keys of the tasks whose results the step gets, by the step's name for each.
    """

    key: str
    name: str
    app: str | None = None
    upstream: tuple[str, ...] = ()
    rule: Rule = Rule.ALL_SUCCESS
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def step(self) -> str:
        """Name in the registry of steps; other tasks have names that are not in it."""
        return self.name.rsplit(".", 1)[-1]


def key_of(name: str, app: str | None = None) -> str:
    return name if app is None else f"{name}:{app}"


@dataclass(frozen=True)
class Graph:
    """The tasks, each after its upstream tasks."""

    tasks: tuple[Task, ...]

    def downstream_of(self, root: str) -> set[str]:
        """The task itself and everything that comes after it."""
        found = {root}
        for task in self.tasks:
            if found.intersection(task.upstream):
                found.add(task.key)
        return found


@lru_cache(maxsize=256)
def wave_graph(apps: tuple[str, ...]) -> Graph:
    """The tasks of ``migration_wave`` for these applications."""
    tasks = [Task("preflight", "preflight")]
    for app in apps:
        tasks += _chained("test", TEST_GROUP, app, ("preflight",), {})
        tasks += _undo("test", TEST_GROUP, app)
    tested = tuple(key_of("test.mark_ready", app) for app in apps)
    tasks += [
        Task("go_no_go", "go_no_go", upstream=tested, rule=Rule.ALL_DONE),
        Task("approve_cutover", "approve_cutover", upstream=("go_no_go",), inputs={"sheet": "go_no_go"}),
        Task("cutover_window", "cutover_window", upstream=("approve_cutover",)),
    ]
    for app in apps:
        tasks += _chained("cutover", CUTOVER_GROUP, app, ("cutover_window",), CUTOVER_INPUTS)
        tasks += _undo("cutover", CUTOVER_GROUP, app)
    verified = tuple(key_of("cutover.cutover_verify", app) for app in apps)
    tasks += [
        Task("soak", "soak", upstream=verified, rule=Rule.ALL_DONE),
        Task("approve_finalize", "approve_finalize", upstream=("soak",), inputs={"sheet": "soak"}),
    ]
    for app in apps:
        tasks += _finish(app)
    return Graph(tuple(tasks))


def _chained(
    group: str, names: Iterable[str], app: str, before: tuple[str, ...], inputs: Mapping[str, str]
) -> list[Task]:
    tasks: list[Task] = []
    for name in names:
        tasks.append(Task(key_of(f"{group}.{name}", app), f"{group}.{name}", app, before, inputs=dict(inputs)))
        before = (tasks[-1].key,)
    return tasks


def _undo(group: str, names: Iterable[str], app: str) -> list[Task]:
    watched = tuple(key_of(f"{group}.{name}", app) for name in names)
    decide = Task(key_of(f"{group}.decide", app), f"{group}.decide", app, watched, Rule.ONE_FAILED)
    rollback = Task(
        key_of(f"{group}.rollback", app), f"{group}.rollback", app, (decide.key,), inputs={"decision": decide.key}
    )
    return [decide, rollback]


def _finish(app: str) -> list[Task]:
    keys = {name: key_of(f"finish.{name}", app) for name in FINISH_GROUP}
    undone = (key_of("test.rollback", app), key_of("cutover.rollback", app))
    tasks = [Task(keys["finalize"], "finish.finalize", app, ("approve_finalize",), inputs=FINALIZE_INPUTS)]
    before: tuple[str, ...] = (keys["finalize"], *undone)
    for name in FINISH_GROUP[1:]:
        tasks.append(Task(keys[name], f"finish.{name}", app, before, Rule.ALL_DONE))
        before = (keys[name],)
    return tasks


@lru_cache(maxsize=256)
def rollback_graph(apps: tuple[str, ...]) -> Graph:
    """The tasks of ``migration_rollback``; ``plan`` and ``sheet`` are one task here: nothing happens between them."""
    tasks = [
        Task("plan", "plan"),
        Task("approve_rollback", "approve_rollback", upstream=("plan",), inputs={"sheet": "plan"}),
    ]
    for app in apps:
        key = key_of("undo.rollback", app)
        inputs = {"decision": "plan", "approval": "approve_rollback"}
        tasks.append(Task(key, "undo.rollback", app, ("approve_rollback",), inputs=inputs))
    undone = tuple(key_of("undo.rollback", app) for app in apps)
    tasks.append(Task("release", "release", upstream=undone, rule=Rule.ALL_DONE))
    return Graph(tuple(tasks))
