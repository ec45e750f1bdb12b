"""(c) Wall time of a wave on a real Airflow, beside as many empty tasks and beside no Airflow at all."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from itertools import count
from statistics import median

from include.local.profiles import SCENARIO_PARALLELISM
from include.local.stack import LocalStack, home_of
from tests.benchmarks.account import environment
from tests.benchmarks.driver import EAGER, Run
from tests.benchmarks.poll import APPLICATIONS, DESCRIBE, SERVERS_EACH
from tests.benchmarks.report import table
from tests.benchmarks.waves_on_airflow import Timed, Waves, settings

# The sandbox's own durations become a second or so: what is left is ours and Airflow's.
SPEED = 3000.0
# (applications, servers each, runs of each kind)
SIZES = ((1, 2, 3), (10, 2, 3), (20, 1, 3))
GOAL = 1.3
POLL_SECONDS, LOOK_EVERY_SECONDS = 2.0, 2.0
WINDOW_SECONDS = 20.0


_numbers = count(1)


@dataclass(frozen=True)
class Size:
    """All runs of one size of wave."""

    applications: int
    real: list[Timed]
    empty: list[Timed]
    driver: list[Run]

    @property
    def critical_seconds(self) -> float:
        return median(run.critical_seconds for run in self.driver)

    def row(self) -> list[object]:
        """One line of the table."""
        real, empty = (median(one.seconds for one in runs) for runs in (self.real, self.empty))
        ours = real - self.critical_seconds
        last = self.real[-1]
        again = f"{sum(one.again for one in self.real)} / {sum(one.again for one in self.empty)}"
        return [
            self.applications,
            f"{last.instances} / {self.empty[-1].instances}",
            last.deferrals,
            real,
            self.critical_seconds,
            ours,
            empty,
            f"{ours / empty:.2f}",
            median(run.seconds for run in self.driver),
            again,
            len(self.real),
        ]


@dataclass(frozen=True)
class Slots:
    """A wave in which every application waits: ``states`` is the worst look."""

    looks: int
    deferred: int
    running: int
    calls: int
    seconds: float


def measure_size(waves: Waves, applications: int, servers_each: int, runs: int) -> Size:
    """Real and empty alternately, then the driver, all on the same stack."""
    size = Size(applications, [], [], [])
    for _ in range(runs):
        name = f"bench-{next(_numbers)}-{applications}-apps"
        made = waves.account.applications(applications, servers_each)
        timed, deferrals = waves.real(waves.account.conf(name, made))
        size.real.append(timed)
        size.empty.append(waves.empty(name, made, deferrals))
        size.driver.append(_drive(waves, f"{name}-driver", applications, servers_each))
        _say(f"{name}: {timed}, {size.empty[-1]}, driver {size.driver[-1].seconds:.1f} s")
    return size


def _drive(waves: Waves, name: str, applications: int, servers_each: int) -> Run:
    made = waves.account.applications(applications, servers_each)
    with environment({**waves.account.environment, **EAGER}):
        run = Run(waves.account.conf(name, made), name)
        asyncio.run(run.whole())
    return run


def measure_slots(waves: Waves) -> Slots:
    """Looks at the task instances of a wave while all its applications wait for replication."""
    made = waves.account.applications(APPLICATIONS, SERVERS_EACH)
    # So many good looks in a row that the wait outlasts the measurement.
    replication = {"maxLagSeconds": 600, "samples": 100, "pollSeconds": POLL_SECONDS, "timeoutMinutes": 60}
    run_id = waves.start_waiting(waves.account.conf("bench-slots", made, replication=replication))
    deadline = time.monotonic() + 300
    while waves.states(run_id)["deferred"] < APPLICATIONS:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not all applications wait: {waves.states(run_id)}")
        time.sleep(1)
    time.sleep(2 * POLL_SECONDS)
    before, began, seen = waves.account.calls()[DESCRIBE], time.monotonic(), []
    while time.monotonic() - began < WINDOW_SECONDS:
        seen.append(waves.states(run_id))
        time.sleep(LOOK_EVERY_SECONDS)
    calls, seconds = waves.account.calls()[DESCRIBE] - before, time.monotonic() - began
    waves.abandon(run_id)
    running = max(one["running"] + one["queued"] + one["scheduled"] for one in seen)
    return Slots(len(seen), min(one["deferred"] for one in seen), running, calls, seconds)


def report() -> str:
    """The tables of wall time and of waiting on Airflow."""
    with _stack() as stack:
        waves = Waves(stack)
        waves.wait_for_dags()
        # Nine waves and their drivers leave more applications than an account may have.
        waves.account.control.set_quotas(active_applications=10_000)
        # The first task after a start of the API server costs seconds that no later one does.
        measure_size(waves, 1, 1, 1)
        sizes = [measure_size(waves, *size) for size in SIZES]
        slots = measure_slots(waves)
    return "\n\n".join([*_time_parts(sizes), *_slot_parts(slots)])


def report_of_slots() -> str:
    """Waiting on Airflow alone: a few minutes instead of an hour."""
    with _stack() as stack:
        waves = Waves(stack)
        waves.wait_for_dags()
        return "\n\n".join(_slot_parts(measure_slots(waves)))


def _stack() -> LocalStack:
    return LocalStack(
        home_of("bench"),
        speed=SPEED,
        seed="empty",
        settings=settings(),
        parallelism=SCENARIO_PARALLELISM,
        say=_say,
    )


def _time_parts(sizes: list[Size]) -> list[str]:
    head = (
        "Applications",
        "Task instances, real / empty",
        "Deferrals",
        "Real wave s",
        "Sandbox's critical path s",
        "Real minus that s",
        "Empty wave s",
        "Ratio",
        "Plain driver s",
        "Second tries, real / empty",
        "Runs",
    )
    return [
        "## (c) Wall time of a wave on Airflow",
        table(head, [size.row() for size in sizes]),
        f"Goal: a ratio of at most {GOAL}. **Real**: `migration_wave` from its run's start to its end, with CMDB, "
        "callback and both approvals answered automatically a few seconds after they ask. **Empty**: `empty_wave`, the "
        "same tasks, groups, trigger rules, retries and approvals, each task deferring as often as it did in the real "
        "run before it, for as long as the package waits before its first look. **Driver**: the package's own "
        "operators and triggers in one Python process, no Airflow, no pause between looks. **The sandbox's critical "
        "path** is the longest time any application waited in the driver, stage by stage. Medians. Real and empty "
        f"runs alternate on the same stack (SQLite, LocalExecutor, parallelism {SCENARIO_PARALLELISM}, sandbox at "
        f"{SPEED:g} times real time), after one wave that is not counted. A second try is a task that Airflow failed "
        "for its own reasons and ran again.",
    ]


def _slot_parts(slots: Slots) -> list[str]:
    polls = slots.seconds / POLL_SECONDS
    rows = [
        ("task instances deferred (least seen)", slots.deferred),
        ("task instances running, queued or scheduled (most seen) = worker slots taken", slots.running),
        (
            f"DescribeSourceServers by the triggerer in {slots.seconds:.0f} s, a poll every {POLL_SECONDS:g} s",
            slots.calls,
        ),
        ("the same per poll", slots.calls / polls),
    ]
    return [
        f"### Waiting on Airflow: {APPLICATIONS * SERVERS_EACH} servers in {APPLICATIONS} applications",
        table(("", "Seen"), rows),
        f"Goal: 0 slots and 1 call per poll. Read from Airflow's REST API, {slots.looks} looks; the interval varies by "
        "10 %, so the calls per poll do, too.",
    ]


def _say(line: str) -> None:
    print(f"[bench] {line}", file=sys.stderr, flush=True)
