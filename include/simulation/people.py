"""What people do: approve, decide after failures, clear tasks, hold, roll back, and act in the console."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from include.simulation.invariants import Invariants
from include.simulation.runs import Run, State

if TYPE_CHECKING:
    from include.simulation.scheduler import Scheduler

ANSWER_SECONDS = 60.0


@dataclass
class People:
    """People who always act the same: approve, choose ``decision``, clear what failed, at most ``clears`` times.

    :param decision: the answer to ``decide``.
    """

    invariants: Invariants
    decision: str = "hold"
    clears: int = 3

    def answers_after(self, run: Run) -> float:
        return ANSWER_SECONDS

    def approves(self, run: Run, which: str) -> bool:
        return True

    def decides(self, run: Run, app: str) -> dict[str, Any]:
        return {"decision": self.decision, "by": "operator", "reason": "simulated"}

    def passed(self, run: Run, which: str, sheet: dict[str, Any]) -> None:
        """The sheet was approved, or the conf asks for no approval."""
        self.invariants.gates.approved(run, which, sheet)

    def act(self, scheduler: Scheduler) -> None:
        """Called between two tasks. These people do nothing then: they act only when everything is over."""

    def go_on(self, scheduler: Scheduler) -> bool:
        """Called when nothing runs any more: clears the first failed task with downstream; False: nothing was done."""
        run = scheduler.runs[-1]
        failed = run.failed()
        if run.is_green or not failed or self.clears <= 0:
            return False
        self.clears -= 1
        scheduler.clear(run, self._root(failed[0].task.key, run))
        return True

    def _root(self, key: str, run: Run) -> str:
        """The task to clear, as the hints say: a failed ``close`` only shows that an earlier task failed."""
        first = next((one for one in run.failed() if one.task.step not in ("close", "rollback")), None)
        return first.task.key if first is not None else key


@dataclass
class RandomPeople(People):
    """People who act at random, also wrongly, with their own random generator.

    :param acts: how many actions they take besides answering.
    :param acts_in_console: whether they also act in the AWS console.
    """

    dice: random.Random = field(default_factory=lambda: random.Random(0))
    acts: int = 3
    acts_in_console: bool = False

    def answers_after(self, run: Run) -> float:
        return self.dice.choice((20.0, 600.0, 7_200.0))

    def approves(self, run: Run, which: str) -> bool:
        return self.dice.random() < 0.95

    def decides(self, run: Run, app: str) -> dict[str, Any]:
        choice = self.dice.choice(("rollback", "rollback", "hold"))
        return {"decision": choice, "by": "operator", "reason": "simulated"}

    def act(self, scheduler: Scheduler) -> None:
        if self.acts <= 0 or self.dice.random() > 0.01:
            return
        self.acts -= 1
        self._one_act(scheduler)

    def _one_act(self, scheduler: Scheduler) -> None:
        kinds = ["clear", "clear", "roll back"] + (["console"] * 2 if self.acts_in_console else [])
        kind = self.dice.choice(kinds)
        if kind == "clear":
            self._clear_anything(scheduler)
        elif kind == "roll back":
            apps = [one.app_name for one in scheduler.wave.plan.applications]
            scheduler.roll_back(self.dice.sample(apps, self.dice.randint(1, len(apps))))
        else:
            self._console(scheduler)

    def _clear_anything(self, scheduler: Scheduler) -> None:
        run = scheduler.wave
        known = [
            one
            for one in run.instances.values()
            if (one.is_over or one.state is State.DEFERRED) and one.task.name != "preflight"
        ]
        if known:
            scheduler.clear(run, self.dice.choice(known).task.key, downstream=self.dice.random() < 0.9)

    def _console(self, scheduler: Scheduler) -> None:
        servers = sorted(self.invariants.servers)
        scheduler.console.act(self.dice, self.dice.choice(servers))

    def go_on(self, scheduler: Scheduler) -> bool:
        run = scheduler.wave
        if run.is_green or self.clears <= 0:
            return False
        self.clears -= 1
        failed = run.failed()
        chance = self.dice.random()
        if chance < 0.2:
            scheduler.new_wave_run()
        elif chance < 0.35:
            scheduler.roll_back([one.app_name for one in run.plan.applications])
        elif failed:
            first = self.dice.random() < 0.7
            scheduler.clear(run, self._root(failed[0].task.key, run) if first else self.dice.choice(failed).task.key)
        else:
            return False
        return True
