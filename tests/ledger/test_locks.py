"""A server belongs to one running wave."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from migration_ops.core.states import Phase
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import LockHeld, VersionConflict
from migration_ops.ledger.table import Table
from tests.ledger.builders import Clock, a_holder, a_record

ONE, TWO, THREE = (a_record(number).source_server_id for number in (1, 2, 3))


@pytest.fixture
def taken(ledger: DynamoDbLedger) -> DynamoDbLedger:
    """Servers one and two are held by run-1."""
    records = [a_record(1), a_record(2)]
    ledger.write(records, records, "registered", holder=a_holder("run-1"))
    return ledger


def test_locks_tell_holder_wave_and_since(taken: DynamoDbLedger) -> None:
    locks = taken.locks([ONE, TWO, THREE])
    assert set(locks) == {ONE, TWO}
    assert locks[ONE].is_same_run(a_holder("run-1"))
    assert (locks[ONE].wave, locks[ONE].since) == ("wave-3", "2030-01-01T00:00:00.000Z")


def test_writing_again_keeps_since(taken: DynamoDbLedger, clock: Clock) -> None:
    clock.advance(hours=1)
    record = taken.read(["mig-web001"])["mig-web001"]
    taken.write([record], [record.to(Phase.READY)], "ready", holder=a_holder("run-1"))
    assert taken.locks([ONE])[ONE].since == "2030-01-01T00:00:00.000Z"


def test_one_held_server_refuses_all(taken: DynamoDbLedger) -> None:
    records = [a_record(3), a_record(9, source_server_id=TWO)]
    with pytest.raises(LockHeld) as caught:
        taken.write(records, records, "registered", holder=a_holder("run-2"))
    assert set(caught.value.context["holders"]) == {TWO}
    assert taken.locks([THREE]) == {}
    assert taken.read(["mig-web003"]) == {}


@pytest.mark.parametrize("attempt", range(3))
def test_of_many_runs_one_gets_the_servers(ledger: DynamoDbLedger, attempt: int) -> None:
    def take(run: int) -> str | None:
        # Other migration ids, so that nothing but the locks is contended.
        records = [a_record(run * 10 + n, source_server_id=server) for n, server in enumerate((ONE, TWO))]
        try:
            ledger.write(records, records, "registered", holder=a_holder(f"run-{run}"))
        except LockHeld:
            return None
        return f"run-{run}"

    with ThreadPoolExecutor(6) as pool:
        winners = [one for one in pool.map(take, range(1, 7)) if one]
    assert len(winners) == 1
    assert {holder.run_id for holder in ledger.locks([ONE, TWO]).values()} == set(winners)


def test_take_over_moves_all(taken: DynamoDbLedger, clock: Clock) -> None:
    clock.advance(hours=1)
    taken.take_over([ONE, TWO], a_holder("run-1"), a_holder("run-2"))
    locks = taken.locks([ONE, TWO])
    assert {holder.run_id for holder in locks.values()} == {"run-2"}
    assert locks[ONE].since == "2030-01-01T01:00:00.000Z"


def test_take_over_again_is_no_error(taken: DynamoDbLedger) -> None:
    for _ in range(2):
        taken.take_over([ONE, TWO], a_holder("run-1"), a_holder("run-2"))
    assert taken.locks([ONE])[ONE].run_id == "run-2"


def test_take_over_from_the_wrong_run_moves_none(taken: DynamoDbLedger) -> None:
    taken.release([TWO], a_holder("run-1"))
    taken.write([a_record(5, source_server_id=TWO)] * 1, [a_record(5, source_server_id=TWO)], "x", None, a_holder("r3"))
    with pytest.raises(LockHeld) as caught:
        taken.take_over([ONE, TWO], a_holder("run-1"), a_holder("run-2"))
    assert caught.value.context["holders"][TWO]["runId"] == "r3"
    assert taken.locks([ONE])[ONE].run_id == "run-1"


def test_take_over_of_a_free_server_says_so(taken: DynamoDbLedger) -> None:
    with pytest.raises(VersionConflict):
        taken.take_over([THREE], a_holder("run-1"), a_holder("run-2"))
    assert taken.locks([THREE]) == {}


def test_of_many_takers_one_wins(taken: DynamoDbLedger) -> None:
    def take(run: int) -> bool:
        try:
            taken.take_over([ONE, TWO], a_holder("run-1"), a_holder(f"taker-{run}"))
        except LockHeld:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(take, range(6))) == 1


def test_release_leaves_others_alone(taken: DynamoDbLedger) -> None:
    taken.take_over([TWO], a_holder("run-1"), a_holder("run-2"))
    taken.release([ONE, TWO, THREE], a_holder("run-1"))
    assert set(taken.locks([ONE, TWO, THREE])) == {TWO}
    taken.release([ONE, TWO, THREE], a_holder("run-1"))


def test_release_while_one_changes_hands(taken: DynamoDbLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """One is free, so release looks; between that and its delete, another run takes one lock over."""
    original = Table.get

    def get_then_lose(self: Table, keys: list[str]) -> dict[str, Any]:
        monkeypatch.setattr(Table, "get", original)
        found = original(self, keys)
        taken.take_over([TWO], a_holder("run-1"), a_holder("run-2"))
        return found

    monkeypatch.setattr(Table, "get", get_then_lose)
    taken.release([ONE, TWO, THREE], a_holder("run-1"))
    assert {server: one.run_id for server, one in taken.locks([ONE, TWO, THREE]).items()} == {TWO: "run-2"}


def test_a_released_server_can_be_taken(taken: DynamoDbLedger) -> None:
    taken.release([ONE], a_holder("run-1"))
    record = taken.read(["mig-web001"])["mig-web001"]
    taken.write([record], [record.to(Phase.READY)], "ready", holder=a_holder("run-2"))
    assert taken.locks([ONE])[ONE].run_id == "run-2"
