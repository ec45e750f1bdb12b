"""One run of a DAG and the state of each of its task instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from include.simulation.tasks import Graph, Rule, Task
from include.simulation.world import Actor
from migration_ops.core.errors import MigrationError
from migration_ops.ledger.protocol import Holder
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.waits.condition import Condition
from migration_ops.wave.waits.outcome import Resumed, Wait

# As in operators/defaults.py.
RETRIES = 6
RETRY_SECONDS = 30.0


class State(StrEnum):
    """Airflow's task states that are used here."""

    NONE = "none"
    DEFERRED = "deferred"
    RETRY = "up_for_retry"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    UPSTREAM_FAILED = "upstream_failed"


OVER = frozenset({State.SUCCESS, State.FAILED, State.SKIPPED, State.UPSTREAM_FAILED})
_BAD = frozenset({State.FAILED, State.UPSTREAM_FAILED})


@dataclass
class Instance:
    """One task instance.

    :param tries: tries since it was new or cleared; all after the first are Airflow's retries.
    :param due_at: it runs not before this time (retry, next poll, answer of a person).
    :param gate: the message of a gate that stayed shut.
    :param polls: number of polls since the wait began.
    """

    task: Task
    state: State = State.NONE
    tries: int = 0
    due_at: float = 0.0
    wait: Wait | None = None
    condition: Condition | None = None
    wants: Any = None
    resumed: Resumed | None = None
    result: Any = None
    error: BaseException | None = None
    gate: str | None = None
    asked: dict[str, str] | None = None
    polls: int = 0
    waits: int = 0
    actor: Actor = field(default_factory=lambda: Actor("", ""))

    def renew(self) -> None:
        """Resets everything, as a clear does; also the result."""
        actor, task = self.actor, self.task
        actor.unknown.clear()
        actor.seen_at.clear()
        self.__dict__.update(Instance(task, actor=actor).__dict__)

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    @property
    def code(self) -> str | None:
        return self.error.code if isinstance(self.error, MigrationError) else None


@dataclass
class Run:
    """One DAG run."""

    run_id: str
    dag_id: str
    graph: Graph
    holder: Holder
    plan: WavePlan
    instances: dict[str, Instance] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    # Applications with a task that was cleared without downstream: they are not closed again.
    half_cleared: set[str] = field(default_factory=set)
    _due: list[Instance] | None = None

    def __post_init__(self) -> None:
        for task in self.graph.tasks:
            self.instances[task.key] = Instance(task, actor=Actor(self.run_id, task.key, task.app))

    @property
    def is_over(self) -> bool:
        return all(one.is_over for one in self.instances.values())

    @property
    def is_green(self) -> bool:
        """Every application reached its goal."""
        ends = [one for one in self.instances.values() if one.task.step in ("close", "release")]
        return self.is_over and all(one.state is State.SUCCESS for one in ends)

    def failed(self) -> list[Instance]:
        """Tasks that failed themselves, in the DAG's order."""
        return [one for one in self.instances.values() if one.state is State.FAILED]

    def changed(self) -> None:
        """A task's state changed: what runs next must be determined again."""
        self._due = None

    def due(self) -> list[Instance]:
        """All instances that will run, now or later: waiting ones, and new ones that may start."""
        if self._due is None:
            # Each task comes after its upstream tasks, so that one pass decides all.
            self._due = [one for one in self.instances.values() if not one.is_over and self._is_due(one)]
        return self._due

    def _is_due(self, one: Instance) -> bool:
        """Sets skipped and upstream_failed as Airflow's scheduler does; whether the task will run by itself."""
        if one.state is not State.NONE:
            return True
        upstream = one.task.upstream
        if len(upstream) == 1 and self.instances[upstream[0]].state not in OVER:
            return False
        may_start, otherwise = _decided(one.task.rule, [self.instances[key].state for key in upstream])
        if otherwise is not None:
            one.state = otherwise
        return may_start

    def clear(self, key: str, *, downstream: bool = True) -> set[str]:
        """Resets a task, by default with everything downstream; returns the keys."""
        keys = self.graph.downstream_of(key) if downstream else {key}
        for one in keys:
            self.instances[one].renew()
        apps = {task.app for task in self.graph.tasks if task.app is not None}
        closed = {app for app in apps if f"finish.close:{app}" in keys}
        app = self.instances[key].task.app
        self.half_cleared = (self.half_cleared | ({app} if app else apps)) - closed
        self.changed()
        return keys

    def results(self, task: Task) -> dict[str, Any]:
        return {name: self.instances[key].result for name, key in task.inputs.items()}


def _decided(rule: Rule, states: list[State]) -> tuple[bool, State | None]:
    """Whether a new task may run now, and the state that it gets without running."""
    if rule is Rule.ALL_DONE:
        return all(state in OVER for state in states), None
    is_bad = not _BAD.isdisjoint(states)
    if rule is Rule.ONE_FAILED:
        is_skipped = not is_bad and all(state in OVER for state in states)
        return is_bad, State.SKIPPED if is_skipped else None
    if is_bad:
        return False, State.UPSTREAM_FAILED
    if State.SKIPPED in states:
        return False, State.SKIPPED
    return all(state is State.SUCCESS for state in states), None
