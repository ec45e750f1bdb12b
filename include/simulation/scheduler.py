"""A small model of Airflow: order of tasks, retries, deferral, clears. ``include/simulation/__init__`` describes it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from include.simulation.account import Account
from include.simulation.console import Console
from include.simulation.faults import WorkerKilled
from include.simulation.invariants import Invariants
from include.simulation.people import People
from include.simulation.runs import RETRIES, RETRY_SECONDS, Instance, Run, State
from include.simulation.stints import Asked, Stints
from include.simulation.tasks import rollback_graph, wave_graph
from include.simulation.waiting import Waiting
from migration_ops.core.errors import MigrationError
from migration_ops.ledger.protocol import Holder
from migration_ops.wave.conf.rollback import parse_rollback_conf
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.services import StepSkipped
from migration_ops.wave.waits.outcome import Done

MOST_STINTS = 20_000
_SHEETS = {"go_no_go": "cutover", "soak": "finalize"}


class KilledTooOftenError(MigrationError):
    """The worker died at every try of the task, so that Airflow does not try it again."""

    code = "WORKER_KILLED"
    hint = "Clear the task when workers are well again."


class Scheduler:
    """Runs the DAG runs of one schedule.

    :param dice: chooses among tasks that may run; without it the first one runs, without interleaving.
    :param skews: how far the workers' clocks are ahead, in seconds; chosen for each try, or given by step.
    :param interleaving: share of calls (0 to 1) before which a stint of another task runs.
    """

    def __init__(
        self,
        account: Account,
        invariants: Invariants,
        people: People,
        dice: random.Random | None = None,
        skews: Sequence[float] | Mapping[str, float] = (0.0,),
        interleaving: float = 0.0,
    ) -> None:
        self.account, self.world, self.invariants, self.people = account, account.world, invariants, people
        self.runs: list[Run] = []
        self.console = Console(account, invariants)
        self._dice, self._skews, self._interleaving = dice, skews, interleaving
        self._stints = Stints(account, people, self._is_ended)
        self._waiting = Waiting(account)
        self._busy: list[Instance] = []
        self._left = MOST_STINTS
        self._run_numbers = 0
        if interleaving:
            self.world.interlude = self._interlude

    # Runs

    @property
    def wave(self) -> Run:
        """The latest run of the wave itself."""
        return next(run for run in reversed(self.runs) if run.dag_id == "migration_wave")

    def start_wave(self, plan: WavePlan) -> Run:
        apps = tuple(one.app_name for one in plan.applications)
        run = self._run("migration_wave", plan, wave_graph(apps))
        # The person who starts a run asks for everything in it.
        self.invariants.person_asked(apps)
        return run

    def new_wave_run(self) -> None:
        """A person triggers the wave again with the same conf."""
        self.start_wave(self.wave.plan)
        self.world.note(f"starts {self.wave.run_id}", "person")

    def roll_back(self, apps: Sequence[str]) -> None:
        """A person triggers ``migration_rollback`` and approves it."""
        conf = parse_rollback_conf({"wave": self.wave.plan.wave, "applications": list(apps), "reason": "simulated"})
        run = self._run("migration_rollback", self.wave.plan, rollback_graph(tuple(apps)), {"conf": conf})
        self.world.note(f"starts {run.run_id} for {', '.join(apps)}", "person")

    def _run(self, dag_id: str, plan: WavePlan, graph: Any, extra: dict[str, Any] | None = None) -> Run:
        self._run_numbers += 1
        run_id = f"run-{self._run_numbers}"
        run = Run(run_id, dag_id, graph, Holder(dag_id, run_id, plan.wave), plan, extra=extra or {})
        self.runs.append(run)
        self.invariants.knows(run)
        return run

    def _is_ended(self, holder: Holder) -> bool:
        return all(run.is_over for run in self.runs if run.run_id == holder.run_id)

    def clear(self, run: Run, key: str, *, downstream: bool = True) -> None:
        """A person clears a task: it runs again, by default with everything after it."""
        if any(one.task.key == key or not downstream for one in self._busy):
            return
        keys = run.clear(key, downstream=downstream) if not self._busy else self._clear_around(run, key)
        self.world.note(f"clears {key}{' with downstream' if downstream else ''} of {run.run_id}", "person")
        self.invariants.gates.withdrawn(run, keys)
        app = run.instances[key].task.app
        if app is not None:
            self.invariants.person_asked([app])
        elif key == "preflight":
            # The migrations are registered again, as in a new run.
            self.invariants.person_asked(one.app_name for one in run.plan.applications)

    def _clear_around(self, run: Run, key: str) -> set[str]:
        """Clears nothing if that would reset a task that is running now."""
        busy = {one.task.key for one in self._busy}
        if busy & run.graph.downstream_of(key):
            return set()
        return run.clear(key)

    # The loop

    def go(self) -> None:
        """Runs until nothing runs and people have nothing left to do, or an invariant is broken."""
        while self.turn():
            pass

    def turn(self) -> bool:
        """One stint, poll or step of the clock; False when everything is over. Between two turns no task runs."""
        if self.invariants.violations:
            return False
        self.people.act(self)
        if self._one():
            return True
        for run in self.runs:
            self.invariants.ended(run)
        return not self.invariants.violations and self.people.go_on(self)

    def _one(self) -> bool:
        """Runs one stint or poll, or moves the clock to the next one; False when there is none."""
        self._left -= 1
        if self._left < 0:
            self.invariants.broken("deadline", f"the schedule did not end within {MOST_STINTS} stints")
            return False
        known = self._known()
        if not known:
            return False
        now = self.world.clock.now()
        ready = [pair for pair in known if pair[1].due_at <= now]
        if not ready:
            self.world.advance_to(min(one.due_at for _, one in known))
            return True
        self._act(*(self._dice.choice(ready) if self._dice and len(ready) > 1 else ready[0]))
        return True

    def _known(self) -> list[tuple[Run, Instance]]:
        """All instances that will run, now or later, without those that are running."""
        busy = [one.actor for one in self._busy]
        return [(run, one) for run in self.runs for one in run.due() if not busy or one.actor not in busy]

    def _interlude(self) -> None:
        """Sometimes runs a whole stint of another task between two calls of a worker."""
        if self._dice is None or len(self._busy) != 1 or self._dice.random() >= self._interleaving:
            return
        now = self.world.clock.now()
        ready = [pair for pair in self._known() if pair[1].due_at <= now]
        if ready:
            self._act(*self._dice.choice(ready))

    # One task

    def _act(self, run: Run, one: Instance) -> None:
        outer, self.world.actor = self.world.actor, one.actor
        self._busy.append(one)
        try:
            if one.wait is None or self._polled(one):
                self._stint(run, one)
                run.changed()
        finally:
            self._busy.pop()
            self.world.actor = outer

    def _polled(self, one: Instance) -> bool:
        """Whether the wait is over."""
        resumed = self._waiting.poll(one)
        if resumed is None:
            return False
        self.world.note(f"wait ended: {resumed.reason.value}")
        one.resumed, one.wait, one.condition = resumed, None, None
        return True

    def _stint(self, run: Run, one: Instance) -> None:
        if one.state in (State.NONE, State.RETRY):
            one.tries += 1
            one.resumed, one.asked, one.gate, one.waits = None, None, None, 0
            one.actor.skew_seconds = self._skew_of(one)
        try:
            outcome = self._stints.advance(run, one)
        except Asked as question:
            one.state, one.due_at = State.DEFERRED, self.world.clock.now() + question.seconds
        except StepSkipped as skipped:
            self._over(run, one, State.SKIPPED, error=skipped)
        except WorkerKilled:
            self.world.note("worker killed")
            self._again(run, one, KilledTooOftenError("the worker died at every try", task=one.task.key))
        except MigrationError as error:
            self._failed(run, one, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            self._failed(run, one, error)
        else:
            if isinstance(outcome, Done):
                self._over(run, one, State.SUCCESS, outcome.result)
            else:
                self._deferred(one, outcome)

    def _skew_of(self, one: Instance) -> float:
        if isinstance(self._skews, Mapping):
            return self._skews.get(one.task.step, 0.0)
        return self._dice.choice(self._skews) if self._dice else self._skews[0]

    def _deferred(self, one: Instance, wait: Any) -> None:
        one.state, one.wait, one.polls, one.waits = State.DEFERRED, wait, 0, one.waits + 1
        one.due_at = self._waiting.first_poll_at(wait)
        self.world.note(f"waits: {wait.topic.value}")
        self.invariants.waited(one, wait)

    def _failed(self, run: Run, one: Instance, error: Exception) -> None:
        self.invariants.failed(one, error)
        if isinstance(error, MigrationError) and error.retryable:
            self._again(run, one, error)
        else:
            self._over(run, one, State.FAILED, error=error)

    def _again(self, run: Run, one: Instance, error: Exception) -> None:
        """Airflow's retry: the task begins from the start."""
        one.wait, one.condition, one.resumed = None, None, None
        if one.tries > RETRIES:
            self._over(run, one, State.FAILED, error=error)
        else:
            one.state, one.due_at = State.RETRY, self.world.clock.now() + RETRY_SECONDS

    def _over(self, run: Run, one: Instance, state: State, result: Any = None, error: Exception | None = None) -> None:
        one.state, one.result, one.error, one.wait = state, result, error, None
        if state is State.SUCCESS and one.task.step in _SHEETS:
            self.invariants.gates.sheet_made(one.actor, _SHEETS[one.task.step], result)
        code = f" {error.code}: {error.message[:160]}" if isinstance(error, MigrationError) else ""
        self.world.note(f"{state.value}{code}")
