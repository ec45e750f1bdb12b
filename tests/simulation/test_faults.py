"""What each fault of a call does: to the caller, and to the account."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from include.simulation.clock import VirtualClock
from include.simulation.faults import Fault, Kind, Planned, WorkerKilled
from include.simulation.table import client_error
from include.simulation.world import World

EFFECTS: dict[Kind, tuple[type[BaseException], bool]] = {
    Kind.REFUSED: (ClientError, False),
    Kind.LOST: (ReadTimeoutError, True),
    Kind.LATE: (ReadTimeoutError, False),
    Kind.KILLED_BEFORE: (WorkerKilled, False),
    Kind.KILLED_AFTER: (WorkerKilled, True),
}


def a_world(kind: Kind) -> World:
    return World(VirtualClock(), Planned((Fault(0, kind),)))


@pytest.mark.parametrize("kind", Kind)
def test_a_call_that_the_service_executes(kind: Kind) -> None:
    world, calls = a_world(kind), []
    error, is_executed = EFFECTS[kind]
    with pytest.raises(error):
        world.send("mgn", "StartTest", ["s-1"], lambda: calls.append(1))
    assert (len(calls), world.refused) == (int(is_executed), set())
    world.advance_to(world.clock.now() + 3_600)
    assert len(calls) == (kind is Kind.LATE or is_executed)


@pytest.mark.parametrize("kind", Kind)
def test_a_call_that_the_service_refuses(kind: Kind) -> None:
    """The refusal is an answer: it can be lost, and the worker can die before it gets it."""
    world, calls = a_world(kind), []

    def refuse() -> Any:
        calls.append(1)
        raise client_error("ConflictException", "StartTest")

    error, is_sent = EFFECTS[kind]
    with pytest.raises(error):
        world.send("mgn", "StartTest", ["s-1"], refuse)
    assert (len(calls), world.refused) == (int(is_sent), {0} if is_sent else set())


def test_without_a_fault_the_refusal_is_answered() -> None:
    world = World(VirtualClock())

    def refuse() -> Any:
        raise client_error("ConflictException", "StartTest")

    with pytest.raises(ClientError, match="ConflictException"):
        world.send("mgn", "StartTest", ["s-1"], refuse)
    assert world.refused == {0}


@pytest.mark.parametrize("kind", Kind)
def test_it_is_quiet_when_nothing_is_on_its_way(kind: Kind) -> None:
    world = a_world(kind)
    with pytest.raises(EFFECTS[kind][0]):
        world.send("mgn", "StartTest", ["s-1"], lambda: None)
    assert world.is_quiet is (kind is not Kind.LATE)
