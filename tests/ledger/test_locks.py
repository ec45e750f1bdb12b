"""A server belongs to one running wave."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.states import Phase
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Holder, LockHeldError, Record, VersionConflictError
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
    with pytest.raises(LockHeldError) as caught:
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
        except LockHeldError:
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
    with pytest.raises(LockHeldError) as caught:
        taken.take_over([ONE, TWO], a_holder("run-1"), a_holder("run-2"))
    assert caught.value.context["holders"][TWO]["runId"] == "r3"
    assert taken.locks([ONE])[ONE].run_id == "run-1"


def test_take_over_of_a_free_server_says_so(taken: DynamoDbLedger) -> None:
    with pytest.raises(VersionConflictError):
        taken.take_over([THREE], a_holder("run-1"), a_holder("run-2"))
    assert taken.locks([THREE]) == {}


def test_of_many_takers_one_wins(taken: DynamoDbLedger) -> None:
    def take(run: int) -> bool:
        try:
            taken.take_over([ONE, TWO], a_holder("run-1"), a_holder(f"taker-{run}"))
        except LockHeldError:
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


def a_run(nonce: str, airflow: str = "https://airflow.example") -> Holder:
    return replace(a_holder("wave-1-a"), nonce=nonce, airflow=airflow)


FIRST = a_run("2030-01-01T00:00:00.000000+00:00 alice")
OTHERS = {
    "triggered again under its id": a_run("2030-01-02T00:00:00.000000+00:00 alice"),
    "of another Airflow": a_run(FIRST.nonce, "https://second.example"),
    "of one that says no address": a_run(FIRST.nonce, ""),
    "that does not say which it is": a_holder("wave-1-a"),
}


class TestTheRunThatReallyWas:
    """A run's id can be used again, and by another Airflow on the same table."""

    @pytest.fixture
    def held(self, ledger: DynamoDbLedger) -> Record:
        [record] = ledger.write([a_record()], [a_record()], "registered", holder=FIRST)
        return record

    def test_the_run_itself_goes_on_and_releases(self, ledger: DynamoDbLedger, held: Record) -> None:
        [record] = ledger.write([held], [held.to(Phase.READY)], "ready", holder=FIRST)
        assert ledger.locks([ONE])[ONE].is_same_run(FIRST)
        ledger.release([record.source_server_id], FIRST)
        assert ledger.locks([ONE]) == {}

    @pytest.mark.parametrize("name", OTHERS)
    def test_another_run_of_its_id_is_refused(self, ledger: DynamoDbLedger, held: Record, name: str) -> None:
        other = OTHERS[name]
        assert not ledger.locks([ONE])[ONE].is_same_run(other)
        with pytest.raises(LockHeldError) as caught:
            ledger.write([held], [held.to(Phase.READY)], "ready", holder=other)
        assert caught.value.context["holders"][ONE]["nonce"] == FIRST.nonce
        ledger.release([ONE], other)
        assert ledger.locks([ONE])[ONE].is_same_run(FIRST)
        with pytest.raises(LockHeldError):
            ledger.take_over([ONE], replace(other, nonce="x"), a_holder("third"))

    @pytest.mark.parametrize("name", OTHERS)
    def test_it_takes_over_from_a_run_that_ended_as_any_other(
        self, ledger: DynamoDbLedger, held: Record, name: str
    ) -> None:
        other = OTHERS[name]
        ledger.take_over([ONE], ledger.locks([ONE])[ONE], other)
        assert ledger.locks([ONE])[ONE].is_same_run(other)
        assert not ledger.locks([ONE])[ONE].is_same_run(FIRST) or not other.nonce
        ledger.write([held], [held.to(Phase.READY)], "ready", holder=other)

    def test_a_lock_of_an_earlier_release_is_known_by_its_id_and_then_gets_the_nonce(
        self, ledger: DynamoDbLedger
    ) -> None:
        [record] = ledger.write([a_record()], [a_record()], "registered", holder=a_holder("wave-1-a"))
        assert ledger.locks([ONE])[ONE].is_same_run(FIRST)
        [record] = ledger.write([record], [record.to(Phase.READY)], "ready", holder=FIRST)
        lock = ledger.locks([ONE])[ONE]
        assert (lock.nonce, lock.airflow) == (FIRST.nonce, FIRST.airflow)
        with pytest.raises(LockHeldError):
            ledger.write([record], [record.to(Phase.CUTTING_OVER)], "x", holder=a_holder("wave-1-a"))

    def test_a_lock_that_was_taken_over_and_not_written_under_is_no_theft(
        self, ledger: DynamoDbLedger, held: Record, verify: Callable[..., int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        for before, after in ((FIRST, a_holder("second")), (a_holder("second"), a_holder("third"))):
            ledger.take_over([ONE], before, after)
            assert verify("--without-anchors") == 0
        assert "third took the lock over from migration_wave / wave-1-a" in capsys.readouterr().out
        ledger.write([held], [held.to(Phase.READY)], "ready", holder=a_holder("third"))
        assert verify("--without-anchors") == 0
        assert "NOTE server" not in capsys.readouterr().out
