"""(e) The health check as a DAG run, beside as many empty tasks, on an empty and on a filled account."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median

from include.local.airflow_api import RUN_ENDED
from include.local.airflow_http import wait_until
from include.local.processes import all_members
from include.local.stack import LocalStack, home_of
from tests.benchmarks import health
from tests.benchmarks.account import Calls
from tests.benchmarks.report import table
from tests.benchmarks.waves_on_airflow import Waves, patiently, seconds_of, settings

REAL, EMPTY = "runbook_health_check", "empty_health_check"
RUNS, SPEED, PARALLELISM = 3, 60.0, 8
LOOK_SECONDS, PATIENCE_SECONDS = 0.5, 600.0
# By account: what it took before (the same machine, the release before this one), and the goal.
BEFORE = {"empty": "12-13", "filled": "-"}
GOALS = {"empty": 8, "filled": 12}
SANDBOX = "sandbox"
DAGS = Path(__file__).resolve().parents[2] / "dags"
_numbers = count(1)


@dataclass(frozen=True)
class Timed:
    """One run. Processor time is that of Airflow's processes and their tasks, without the sandbox."""

    seconds: float
    processor_seconds: float
    instances: int
    state: str
    calls: Calls


@dataclass
class Measured:
    """All runs on one account, real and empty ones by turns."""

    account: str
    real: list[Timed] = field(default_factory=list)
    empty: list[Timed] = field(default_factory=list)

    def row(self) -> list[object]:
        """One line of the table."""
        real, empty = (median(one.seconds for one in runs) for runs in (self.real, self.empty))
        return [
            self.account,
            BEFORE[self.account],
            real,
            f"{min(one.seconds for one in self.real):.1f} to {max(one.seconds for one in self.real):.1f}",
            GOALS[self.account],
            empty,
            median(one.processor_seconds for one in self.real),
            median(one.processor_seconds for one in self.empty),
            self.real[-1].calls.total(),
            self.real[-1].instances,
        ]


def report() -> str:
    """The tables."""
    expected = {one.stem for one in DAGS.glob("*.py")} | {REAL, EMPTY}
    with _stack() as stack:
        waves = Waves(stack)
        wait_until(
            # All of them: the first parsing would take processor time from what is measured.
            lambda: "parsed" if expected <= waves.api.dag_ids() else None,
            180,
            lambda: f"the DAGs were not parsed in time: {waves.api.import_errors()}",
        )
        # The first tasks after a start of the API server cost seconds that no later ones do.
        for dag_id in (EMPTY, REAL):
            run(waves, dag_id)
        found = [measure(waves, "empty")]
        health.seed(waves.account)
        found.append(measure(waves, "filled"))
    return _text(found)


def measure(waves: Waves, account: str) -> Measured:
    """Real and empty by turns on the same stack."""
    found = Measured(account)
    for _ in range(RUNS):
        found.real.append(run(waves, REAL))
        found.empty.append(run(waves, EMPTY))
        real, empty = found.real[-1], found.empty[-1]
        _say(
            f"{account}: {real.seconds:.1f} s ({real.processor_seconds:.1f} s of processor time, {real.state}, "
            f"{real.calls.total()} calls), as many empty tasks {empty.seconds:.1f} s ({empty.processor_seconds:.1f} s)"
        )
    return found


def run(waves: Waves, dag_id: str) -> Timed:
    """Starts a run and waits for its end."""
    run_id = f"bench-{next(_numbers)}"
    waves.account.control.reset_calls()
    began = processor_seconds(waves.stack)
    patiently(lambda: waves.api.trigger(dag_id, {}, run_id), accepted=409)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (state := patiently(lambda: waves.api.run_state(dag_id, run_id))) not in RUN_ENDED:
        waves.stack.check_alive()
        if time.monotonic() > deadline:
            raise RuntimeError(f"{dag_id} {run_id} did not end within {PATIENCE_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)
    used = processor_seconds(waves.stack) - began
    document = patiently(lambda: waves.api.run(dag_id, run_id))
    tasks = patiently(lambda: waves.api.tasks(dag_id, run_id))
    return Timed(seconds_of(document), used, len(tasks), state, waves.account.calls())


def processor_seconds(stack: LocalStack) -> float:
    """So far, of Airflow's processes and of all that they have waited for."""
    times = [one.cpu_times() for one in all_members(one for one in stack.sessions if one.name != SANDBOX)]
    return sum(one.user + one.system + one.children_user + one.children_system for one in times)


def _stack() -> LocalStack:
    return LocalStack(
        home_of("bench-health"), speed=SPEED, seed="empty", settings=settings(), parallelism=PARALLELISM, say=_say
    )


def _text(found: list[Measured]) -> str:
    head = (
        "Account",
        "Before, s",
        "Seconds",
        "from .. to",
        "Goal",
        "As many empty tasks, s",
        "Processor time, s",
        "of the empty tasks, s",
        "AWS calls",
        "Task instances",
    )
    calls = Counter({f"{service}:{what}": number for (service, what), number in found[-1].real[-1].calls.items()})
    return "\n\n".join(
        (
            "## (e) Health check as a DAG run",
            table(head, [one.row() for one in found]),
            f"**Filled**: {health.FUNCTIONS} functions, {health.QUEUES} queues, {health.STATE_MACHINES} state machines."
            f" From the run's start to its end by Airflow's API, medians of {RUNS}; `{REAL}` and `{EMPTY}` by turns on "
            f"one stack (SQLite, LocalExecutor, {PARALLELISM} tasks at once, the sandbox beside it), after one of each "
            "that is not counted. Processor time is of Airflow and its tasks; it varies less than seconds where other "
            "work runs on the machine. Calls are of all tasks of a run: the window, the reads, the report, what people "
            "are told.",
            "Calls of the last run: " + ", ".join(f"{name} {number}" for name, number in sorted(calls.items())) + ".",
        )
    )


def _say(line: str) -> None:
    print(f"[bench] {line}", file=sys.stderr, flush=True)
