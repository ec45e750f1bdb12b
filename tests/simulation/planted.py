"""Small schedules and people for the simulation's tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from include.simulation.people import People
from include.simulation.schedule import Setup
from include.simulation.scheduler import Scheduler

FAILS_ONCE = [{"kind": "launchFailure", "at": "conversion", "state": "back", "times": 1}]


@dataclass
class Clearing(People):
    """Clears these tasks, one after the other, when everything is over."""

    keys: list[str] = field(default_factory=list)

    def go_on(self, scheduler: Scheduler) -> bool:
        if not self.keys:
            return False
        scheduler.clear(scheduler.wave, self.keys.pop(0))
        return True


@dataclass
class StartingARollback(People):
    """Triggers ``migration_rollback`` while the wave goes on."""

    def act(self, scheduler: Scheduler) -> None:
        if len(scheduler.runs) == 1 and scheduler.wave.instances["go_no_go"].is_over:
            scheduler.roll_back(["app"])


def people(kind: type[People], keys: Sequence[str] = (), **options: Any) -> Callable[..., People]:
    more = {"keys": list(keys)} if keys else {}
    return lambda invariants: kind(invariants, **options, **more)


def ready(**changes: Any) -> Setup:
    """One application of two servers that were tested before, so that the first launch is the cutover's."""
    setup = Setup("planted", [{"appName": "app", "servers": 2, "state": "READY_FOR_CUTOVER"}])
    return replace(setup, **changes)
