"""A wave in bad weather ends as the calm one: phases, launches of each server, order of the ledger's lines.

The steps, the rules, the once-only code and the ledger are the real ones, on the account in memory.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from include.simulation import schedule
from include.simulation.invariants import Invariants
from include.simulation.people import People
from include.simulation.schedule import SKEWS, Report, Setup
from migration_ops.aws.mgn.hook import READ_CONFIG
from tests.proofs.how_many import how_many
from tests.proofs.weather import Weather, attempts_of

APPLICATIONS, SERVERS = how_many(6, 20), how_many(3, 10)
SEEDS = range(how_many(1, 5))
CLEARS = 10
LAUNCHES = ("StartTest", "StartCutover", "TerminateTargetInstances")


@dataclass
class End:
    """What is left of a wave, apart from times and ids.

    :param lines: per server the phases of its ledger lines, repeated ones once.
    :param cleared: how many tasks people cleared.
    """

    report: Report
    weather: Weather
    phases: dict[str, str]
    launches: dict[str, tuple[int, ...]]
    lines: dict[str, list[str]]
    cleared: int

    def differences(self, other: End) -> list[str]:
        """What differs, server by server."""
        return [
            f"{server}: {mine} instead of {theirs[server]}"
            for name in ("phases", "launches", "lines")
            for theirs in [getattr(other, name)]
            for server, mine in getattr(self, name).items()
            if mine != theirs[server]
        ]


def run(monkeypatch: pytest.MonkeyPatch, applications: list[dict[str, Any]], *, clears: int = 0, **weather: Any) -> End:
    """:param weather: as of :class:`Weather`."""
    made: list[Weather] = []
    people: list[People] = []

    def world(*given: Any) -> Weather:
        made.append(Weather(*given, **weather))
        return made[-1]

    def make_people(invariants: Invariants) -> People:
        people.append(People(invariants, clears=clears))
        return people[-1]

    monkeypatch.setattr(schedule, "World", world)
    dice = weather.get("dice")
    storm: dict[str, Any] = {"skews": SKEWS, "dice": dice, "interleaving": 0.02} if dice else {}
    report = Setup("weather", applications, quiesces=True, make_people=make_people, **storm).run()
    items, servers = people[0].invariants.account.table.items, people[0].invariants.servers
    return End(
        report,
        made[0],
        {server: str(items[migration]["phase"]["S"]) for server, (_, migration) in servers.items()},
        {server: tuple(made[0].executed[name, server] for name in LAUNCHES) for server in servers},
        {server: list(_phases_of_lines(items, migration)) for server, (_, migration) in servers.items()},
        clears - people[0].clears,
    )


def _phases_of_lines(items: dict[str, Any], migration: str) -> Iterator[str]:
    before = None
    for key in sorted(one for one in items if one.startswith(f"{migration}#")):
        phase = str(items[key]["phase"]["S"])
        if phase != before:
            yield phase
        before = phase


def wave() -> list[dict[str, Any]]:
    """Chains of five applications, each of which depends on the one before."""
    names = [f"app-{number:02d}" for number in range(APPLICATIONS)]
    return [
        {"appName": name, "servers": SERVERS, "dependsOn": [names[number - 1]] if number % 5 else []}
        for number, name in enumerate(names)
    ]


@pytest.fixture(scope="module")
def calm() -> Iterator[End]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield run(monkeypatch, wave())


def test_the_calm_wave_is_green(calm: End) -> None:
    assert (calm.report.is_green, calm.report.violations) == (True, ())
    assert set(calm.phases.values()) == {"FINALIZED"}
    assert set(calm.launches.values()) == {(1, 1, 1)}
    assert len(calm.phases) == APPLICATIONS * SERVERS


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", SEEDS)
def test_bad_weather_changes_nothing_but_the_times(calm: End, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    stormy = run(monkeypatch, wave(), clears=CLEARS, dice=random.Random(seed), side_by_side=APPLICATIONS)
    seen = stormy.weather.seen
    print(f"seed {seed}: {len(stormy.phases)} servers, {dict(seen)}, {stormy.cleared} tasks cleared by people")
    assert stormy.differences(calm)[:3] == []
    outcome = (stormy.report.is_green, stormy.report.violations, stormy.cleared, len(stormy.phases))
    assert outcome == (True, (), 0, len(calm.phases))
    assert 0.25 < seen["throttled"] / seen["requests"] < 0.35
    assert min(seen[one] for one in ("5xx", "lost answer", "doubled answer", "doubled request")) > 0


def every_second(operation: str, task: str) -> Callable[[str, str], bool]:
    count = [0]

    def throttles(asked: str, by: str) -> bool:
        meant = asked == operation and by in (task, f"{task}:app")
        count[0] += meant
        return meant and count[0] % 2 == 1

    return throttles


def first(count: int, operation: str, task: str) -> Callable[[str, str], bool]:
    left = [count]

    def throttles(asked: str, by: str) -> bool:
        meant = asked == operation and by in (task, f"{task}:app")
        left[0] -= meant
        return meant and left[0] >= 0

    return throttles


def for_one_try(operation: str, task: str) -> Callable[[str, str], bool]:
    """The SDK has sent the request as often as it does, and gives up; later it is answered."""
    return first(attempts_of(READ_CONFIG), operation, task)


@pytest.mark.parametrize(
    ("servers", "throttles"),
    [
        # One call a server, sent once: more servers than a task has tries.
        (10, every_second("ChangeServerLifeCycleState", "test.mark_ready")),
        (10, every_second("FinalizeCutover", "finish.finalize")),
        # Twice as many as a task has tries.
        (1, first(14, "ChangeServerLifeCycleState", "test.mark_ready")),
        (1, first(14, "FinalizeCutover", "finish.finalize")),
        # What the gate of a step must know could not be read: it is not known yet, and nothing was done.
        (1, for_one_try("DescribeInstanceInformation", "cutover.quiesce")),
        (1, for_one_try("DescribeDocument", "cutover.quiesce")),
        (1, for_one_try("DescribeInstances", "finish.finalize")),
        (1, for_one_try("DescribeInstanceStatus", "finish.finalize")),
        (1, for_one_try("DescribeInstances", "soak")),
        (1, for_one_try("DescribeInstanceStatus", "soak")),
    ],
    ids=[
        *("lifecycle", "finalize", "lifecycle-long", "finalize-long", "nodes", "documents", "only-instance", "boot"),
        *("sheet-only-instance", "sheet-boot"),
    ],
)
def test_throttling_that_passes_ends_no_task(
    monkeypatch: pytest.MonkeyPatch, servers: int, throttles: Callable[[str, str], bool]
) -> None:
    found = run(monkeypatch, [{"appName": "app", "servers": servers}], throttles=throttles)
    assert found.weather.seen["throttled"] > 0
    assert (found.report.is_green, set(found.launches.values())) == (True, {(1, 1, 1)}), found.report.text()
