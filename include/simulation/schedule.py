"""One schedule: a wave with faults, people and clocks, from a seed or with chosen faults; and its result."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from include.simulation.account import Account, Options, managed_id
from include.simulation.clock import VirtualClock, no_real_sleep
from include.simulation.faults import Drawn, Fault, Faults, Kind, Planned, ReadKind
from include.simulation.invariants import Invariants, Violation
from include.simulation.people import People, RandomPeople
from include.simulation.scheduler import Scheduler
from include.simulation.ssm import START, STOP
from include.simulation.world import World
from migration_ops.core.settings import Settings
from migration_ops.wave.conf.model import parse_conf
from migration_ops.wave.plan.plan import build_plan

SKEWS = (0.0, 0.0, 300.0, -300.0)


@dataclass(frozen=True)
class Report:
    """The result of a schedule.

    :param ends: per application the phases of its servers, with their error codes.
    :param trail: seconds since the start, who, what.
    :param points: how many calls could have a fault.
    """

    name: str
    ends: dict[str, str]
    is_green: bool
    violations: tuple[Violation, ...]
    trail: tuple[tuple[float, str, str], ...]
    points: int
    coverage: Counter[tuple[str, str, str]]
    late_duplicates: int = 0

    def text(self) -> str:
        """The trail, and the violations."""
        lines = [f"{at:10.1f}  {who:42} {what}" for at, who, what in self.trail]
        return "\n".join([*lines, *(f"VIOLATED '{one.invariant}': {one.text}" for one in self.violations)])


@dataclass
class Setup:
    """A schedule before it runs.

    :param domain: faults of servers (launchFailure, bootFailure, …) with their options.
    :param skews: how far workers' clocks are ahead, in seconds; see :class:`Scheduler`.
    """

    name: str
    applications: list[dict[str, Any]]
    conf: dict[str, Any] = field(default_factory=dict)
    faults: Faults = field(default_factory=Planned)
    options: Options = field(default_factory=Options)
    domain: list[dict[str, Any]] = field(default_factory=list)
    dice: random.Random | None = None
    skews: Sequence[float] | Mapping[str, float] = (0.0,)
    interleaving: float = 0.0
    quiesces: bool = False
    make_people: Any = People

    def run(self) -> Report:
        """Runs it to its end."""
        running = self.begin()
        while running.turn():
            pass
        return running.report()

    def begin(self) -> Running:
        """The schedule before its first turn."""
        world = World(VirtualClock(), self.faults, Settings().settle_seconds)
        account = Account(world, self.options)
        conf = self._conf(world, account)
        invariants = Invariants(account)
        world.watcher, world.place_of = invariants, invariants.place_of
        for fault in self.domain:
            account.book.add(**fault)
        people: People = self.make_people(invariants)
        scheduler = Scheduler(account, invariants, people, self.dice, self.skews, self.interleaving)
        scheduler.start_wave(build_plan(parse_conf(conf, now=world.clock.moment())))
        return Running(self.name, scheduler)

    def _conf(self, world: World, account: Account) -> dict[str, Any]:
        listed = account.add(self.applications)
        conf: dict[str, Any] = {
            "wave": "wave-1",
            "dryRun": False,
            "applications": listed,
            "cmdb": {"enabled": False},
            "replication": {"samples": 2, "timeoutMinutes": 240},
            "approvals": {"timeoutMinutes": 1_440},
        } | self.conf
        if self.quiesces:
            servers = [one["sourceServerId"] for app in listed for one in app["servers"]]
            managed = {server: managed_id(server) for server in servers}
            conf["quiesce"] = {"commands": [STOP], "undoCommands": [START], "instanceIds": managed}
        for key, minutes in dict(conf.pop("windowMinutes", {})).items():
            moment = (world.clock.moment() + timedelta(minutes=minutes)).isoformat()
            conf["cutoverWindow"] = {**conf.get("cutoverWindow", {}), key: moment}
        return conf


@dataclass
class Running:
    """A schedule that runs, turn by turn."""

    name: str
    scheduler: Scheduler

    def turn(self) -> bool:
        """See :meth:`Scheduler.turn`."""
        with no_real_sleep(self.scheduler.world.clock):
            return self.scheduler.turn()

    def report(self) -> Report:
        """The result, when it is over."""
        scheduler, world, invariants = self.scheduler, self.scheduler.world, self.scheduler.invariants
        invariants.histories_end()
        ends = {}
        for app in scheduler.wave.plan.applications:
            items = [scheduler.account.table.items.get(one, {}) for one in app.migration_ids]
            ends[app.app_name] = ", ".join(sorted({_end_of(item) for item in items}))
        return Report(
            name=self.name,
            ends=ends,
            is_green=scheduler.wave.is_green,
            violations=tuple(invariants.violations),
            trail=tuple(world.trail),
            points=world.point,
            coverage=world.coverage,
            late_duplicates=invariants.late_duplicates,
        )


def _end_of(item: dict[str, Any]) -> str:
    phase, code = item.get("phase", {}).get("S", "not registered"), item.get("errorCode", {}).get("S")
    return f"{phase} ({code})" if code else phase


# The two ways to make schedules


def enumerated(faults: tuple[Fault, ...] = (), **changes: Any) -> Setup:
    """One application of two servers, with quiesce and faults at chosen calls; people clear what failed."""
    setup = Setup(placement_name(faults), [{"appName": "app", "servers": 2}], faults=Planned(faults), quiesces=True)
    return replace(setup, **changes)


def placement_name(faults: tuple[Fault, ...]) -> str:
    """As ``--faults`` takes it."""
    return ",".join(map(str, faults)) or "no fault"


def drawn(seed: int, **changes: Any) -> Setup:
    """A wave of 1 to 20 applications with random faults, people and clocks, all from the seed."""
    dice = random.Random(seed)
    applications = _applications(dice)
    setup = Setup(
        name=f"seed {seed}",
        applications=applications,
        conf=_conf(dice, len(applications)),
        faults=_swarm(dice),
        options=Options(seed, dice.random() < 0.8, dice.choice((0.0, 0.0, 0.1))),
        domain=_domain(dice),
        dice=dice,
        skews=dice.choice(((0.0,), SKEWS)),
        interleaving=dice.choice((0.0, 0.02, 0.1)),
        quiesces=dice.random() < 0.5,
        make_people=_people(dice),
    )
    return replace(setup, **changes)


def _applications(dice: random.Random) -> list[dict[str, Any]]:
    count = _how_many(dice)
    names = [f"app-{number:02d}" for number in range(count)]
    found = []
    for number, name in enumerate(names):
        needs = dice.sample(names[:number], min(number, dice.choice((0, 0, 1, 2))))
        impact = dice.choice(("critical", "high", "medium", "low"))
        state = dice.choice(("READY_FOR_TEST",) * 5 + ("READY_FOR_CUTOVER", "TESTING"))
        found.append(
            {"appName": name, "servers": dice.randint(1, 3), "dependsOn": needs, "impact": impact} | _in(state)
        )
    return found


def _how_many(dice: random.Random) -> int:
    """Mostly few applications: what goes wrong between two shows with two, and costs a tenth of what ten cost."""
    shares = {(1, 1): 0.55, (2, 2): 0.3, (3, 5): 0.12, (6, 20): 0.03}
    [(fewest, most)] = dice.choices(list(shares), list(shares.values()))
    return dice.randint(fewest, most)


def _in(state: str) -> dict[str, Any]:
    return {} if state == "READY_FOR_TEST" else {"state": state}


def _conf(dice: random.Random, applications: int) -> dict[str, Any]:
    conf: dict[str, Any] = {
        "onFailure": dice.choice(("ask", "ask", "rollback", "hold")),
        "testLaunch": dice.random() < 0.85,
        "finalize": dice.random() < 0.85,
        "soakMinutes": dice.choice((0, 0, 30, 600)),
        "failureThreshold": dice.choice((None, None, min(2, applications))),
        "approvals": {"cutover": dice.random() < 0.9, "finalize": dice.random() < 0.9, "timeoutMinutes": 1_440},
    }
    if dice.random() < 0.2:
        conf["windowMinutes"] = dice.choice(({"opens": 120, "closes": 600}, {"closes": 240}, {"opens": 300}))
    return conf


def _swarm(dice: random.Random) -> Faults:
    """Random faults. Each schedule has a few kinds only: all together would hide the effect of a single one."""
    kinds = [kind for kind in Kind if dice.random() < 0.4]
    shares = {kind: dice.choice((0.01, 0.03, 0.08)) for kind in kinds}
    reads = {kind: dice.choice((0.005, 0.02)) for kind in ReadKind if dice.random() < 0.25}
    return Drawn(random.Random(dice.random()), shares, reads)


def _domain(dice: random.Random) -> list[dict[str, Any]]:
    """Random faults of servers. The lifecycle state after a failed launch is not documented, so both occur."""
    possible: list[dict[str, Any]] = [
        {"kind": "launchFailure", "at": "conversion", "state": "back"},
        {"kind": "launchFailure", "at": "launch"},
        {"kind": "launchFailure", "at": "skip", "state": "back"},
        {"kind": "staleSnapshot"},
        {"kind": "bootFailure"},
    ]
    return [
        {**one, "probability": dice.choice((0.05, 0.3)), "times": dice.choice((1, 2))}
        for one in possible
        if dice.random() < 0.25
    ]


def _people(dice: random.Random) -> Any:
    own = random.Random(dice.random())
    acts, console, clears = dice.choice((0, 2, 5)), dice.random() < 0.3, dice.choice((1, 3, 6))
    return lambda invariants: RandomPeople(invariants, clears=clears, dice=own, acts=acts, acts_in_console=console)


__all__ = ["Fault", "Kind", "Report", "Setup", "drawn", "enumerated"]
