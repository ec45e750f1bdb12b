"""The ledger's writes and locks rule by rule, on a table in memory: what is refused, and what the refusal says."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from include.simulation.table import MemoryTable, TableClient
from migration_ops.core.states import TRANSITIONS, IllegalTransitionError, Phase
from migration_ops.ledger import writes
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.items import from_item, history_key, lock_key, to_value
from migration_ops.ledger.protocol import Holder, LockHeldError, Record, VersionConflictError
from migration_ops.ledger.table import TransactionCancelledError
from migration_ops.ledger.writes import check_step, refusal, transactions_of
from tests.ledger.builders import Clock, a_record

AIRFLOW = "https://airflow"
MINE = Holder("migration_wave", "run-1", "wave-3", nonce="n-1", airflow=AIRFLOW)
OTHERS = Holder("migration_wave", "run-2", "wave-4", nonce="n-2", airflow=AIRFLOW)
SERVER = a_record().source_server_id


@pytest.fixture
def memory(clock: Clock) -> MemoryTable:
    return MemoryTable(lambda: clock().timestamp())


@pytest.fixture
def ledger(memory: MemoryTable, clock: Clock) -> DynamoDbLedger:
    return DynamoDbLedger(TableClient(memory), "migration-state", clock)


def register(ledger: DynamoDbLedger, *numbers: int, holder: Holder | None = MINE) -> list[Record]:
    records = [a_record(one) for one in numbers or (1,)]
    return ledger.write(records, records, "registered", holder=holder)


# --- transitions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", Phase, ids=lambda phase: phase.value)
def test_a_new_record_starts_in_planned_or_in_what_may_follow(ledger: DynamoDbLedger, phase: Phase) -> None:
    new = a_record(phase=phase)
    if phase is Phase.PLANNED or phase in TRANSITIONS[Phase.PLANNED]:
        assert ledger.write([a_record(phase=phase)], [new], "registered")[0].phase is phase
    else:
        with pytest.raises(IllegalTransitionError):
            ledger.write([a_record(phase=phase)], [new], "registered")


def test_a_record_does_not_go_where_its_phase_does_not_lead(ledger: DynamoDbLedger, memory: MemoryTable) -> None:
    [record] = register(ledger)
    before = dict(memory.items)
    for phase in set(Phase) - TRANSITIONS[Phase.PLANNED] - {Phase.PLANNED}:
        with pytest.raises(IllegalTransitionError):
            ledger.write([record], [record.to(phase)], "jumped", holder=MINE)
    assert memory.items == before
    check_step(record, record)


def test_one_record_that_may_not_go_on_stops_all(ledger: DynamoDbLedger, memory: MemoryTable) -> None:
    first, second = register(ledger, 1, 2)
    before = dict(memory.items)
    with pytest.raises(IllegalTransitionError):
        ledger.write([first, second], [first.to(Phase.READY), second.to(Phase.FINALIZED)], "on", holder=MINE)
    assert memory.items == before


def test_a_stored_record_may_not_go_back_to_planned(ledger: DynamoDbLedger) -> None:
    [record] = register(ledger)
    [record] = ledger.write([record], [record.to(Phase.READY)], "ready", holder=MINE)
    with pytest.raises(IllegalTransitionError):
        check_step(record, record.to(Phase.PLANNED))


# --- pairs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "holder"),
    [
        ([], [], None),
        ([1], [2], None),
        ([1, 2], [2, 1], None),
        ([1, 1], [1, 1], None),
        ([1], [1, 2], None),
        ([1, 2], [1], None),
        ([], [1], None),
        ([1], [], None),
    ],
    ids=str,
)
def test_records_that_do_not_belong_together(
    ledger: DynamoDbLedger, old: list[int], new: list[int], holder: Holder | None
) -> None:
    with pytest.raises(ValueError, match="same migrations"):
        ledger.write([a_record(one) for one in old], [a_record(one) for one in new], "x", holder=holder)


def test_a_lock_needs_a_server_of_its_own(ledger: DynamoDbLedger) -> None:
    same = [a_record(1), a_record(2, source_server_id=SERVER)]
    without = [a_record(1), a_record(2, source_server_id="")]
    for records in (same, without):
        with pytest.raises(ValueError, match="server of its own"):
            ledger.write(records, records, "x", holder=MINE)
    assert len(ledger.write(same, same, "x")) == 2


# --- what is stored ---------------------------------------------------------------------------------------------------


def test_a_write_counts_its_versions_and_keeps_the_first_time(ledger: DynamoDbLedger, clock: Clock) -> None:
    [first] = register(ledger)
    clock.advance(hours=1)
    [second] = ledger.write([first], [first.to(Phase.READY)], "ready", holder=MINE)
    assert (first.version, second.version) == (first.history_sequence, second.history_sequence) == (1, 2)
    assert first.created_at == first.updated_at == second.created_at
    assert second.updated_at == "2030-01-01T01:00:00.000Z"
    assert [one.holder for one in ledger.history(first.migration_id)] == [MINE.identity, MINE.identity]
    assert ledger.read([first.migration_id]) == {first.migration_id: second}


def test_a_write_without_a_holder_takes_no_lock(ledger: DynamoDbLedger) -> None:
    [record] = register(ledger, holder=None)
    assert ledger.locks([SERVER]) == {}
    assert ledger.history(record.migration_id)[0].holder is None


def test_what_a_record_has_no_longer_is_removed(ledger: DynamoDbLedger, memory: MemoryTable) -> None:
    """So is the time to live: the migration goes on. Notes of the archive stay."""
    [record] = ledger.write([a_record()], [a_record(error_code="X", job_id="j")], "registered")
    notes = {"expiresAt": to_value(9), "archiveKey": to_value("archive/a")}
    memory.items[record.migration_id] = memory.items[record.migration_id] | notes
    ledger.write([record], [replace(record, error_code=None)], "again")
    item = from_item(memory.items[record.migration_id])
    assert {"errorCode", "expiresAt"}.isdisjoint(item)
    assert (item["jobId"], item["archiveKey"]) == ("j", "archive/a")


# --- conflicts --------------------------------------------------------------------------------------------------------


def test_a_record_that_is_there_is_not_registered_again(ledger: DynamoDbLedger) -> None:
    register(ledger)
    with pytest.raises(VersionConflictError) as caught:
        register(ledger)
    assert caught.value.context["expected"] == {"mig-web001": 0}
    assert caught.value.context["found"] == {"mig-web001": "version 1 in PLANNED"}


@pytest.mark.parametrize(
    "changes",
    [{"version": to_value(7)}, {"phase": to_value("READY")}, {"historyDigest": to_value("0")}],
    ids=["version", "phase", "digest"],
)
def test_a_record_that_changed_is_not_overwritten(
    ledger: DynamoDbLedger, memory: MemoryTable, changes: dict[str, Any]
) -> None:
    first, second = register(ledger, 1, 2)
    memory.items[second.migration_id] = memory.items[second.migration_id] | changes
    new = [one.to(Phase.TEST_LAUNCHING) for one in (first, second)]
    with pytest.raises(VersionConflictError) as caught:
        ledger.write([first, second], new, "launch", holder=MINE)
    # Only the one in the way is named, and the other was not written either.
    assert set(caught.value.context["expected"]) == set(caught.value.context["found"]) == {"mig-web002"}
    assert ledger.read([first.migration_id])[first.migration_id] == first


@pytest.mark.parametrize(("seconds", "is_free"), [(None, False), (1, False), (0, False), (-1, True)])
def test_a_line_that_is_there_is_not_overwritten(
    ledger: DynamoDbLedger, memory: MemoryTable, clock: Clock, seconds: int | None, is_free: bool
) -> None:
    """A line whose time to live is over counts as deleted."""
    [record] = register(ledger, holder=None)
    line = {"migrationId": to_value(history_key(record.migration_id, 2))}
    if seconds is not None:
        line["expiresAt"] = to_value(int(clock().timestamp()) + seconds)
    memory.items[history_key(record.migration_id, 2)] = line
    if is_free:
        assert ledger.write([record], [record], "again")[0].version == 2
        return
    with pytest.raises(VersionConflictError) as caught:
        ledger.write([record], [record], "again")
    [found] = caught.value.context["found"].values()
    assert found.startswith("ConditionalCheckFailed: ")
    assert ledger.read([record.migration_id])[record.migration_id].version == 1


def cancelled(*codes: str | None) -> TransactionCancelledError:
    return TransactionCancelledError("cancelled", reasons=[{"Code": one} if one else {} for one in codes])


def test_a_reason_without_a_message_is_still_named(ledger: DynamoDbLedger, clock: Clock) -> None:
    plan = writes.Write("t", "x", {}, None, "2030-01-01T00:00:00.000Z", 0, "token")
    group = [writes.change_of(a_record(one), a_record(one), plan) for one in (1, 2)]
    error = refusal(group, cancelled("None", None, "None", "ConditionalCheckFailed"), with_locks=False)
    assert error.context["found"] == {
        "mig-web002": "ConditionalCheckFailed: no record, or its history line exists",
    }
    assert error.context["expected"] == {"mig-web002": 0}
    said = TransactionCancelledError("x", reasons=[{"Code": "TransactionConflict", "Message": "busy"}, {}, {}, {}])
    assert refusal(group, said, with_locks=False).context["found"] == {"mig-web001": "TransactionConflict: busy"}


def test_what_stands_in_a_lines_place_is_no_lock(clock: Clock) -> None:
    plan = writes.Write("t", "x", {}, None, "2030-01-01T00:00:00.000Z", 0, "token")
    group = [writes.change_of(a_record(), a_record(), plan)]
    there = {"Code": "ConditionalCheckFailed", "Item": {"runId": to_value("run-2")}}
    error = TransactionCancelledError("x", reasons=[{}, there])
    assert isinstance(refusal(group, error, with_locks=False), VersionConflictError)
    assert isinstance(refusal(group, error, with_locks=True), LockHeldError)


@pytest.mark.parametrize(
    ("count", "items", "size", "sizes"),
    [(5, 6, 10**9, [2, 2, 1]), (5, 7, 10**9, [2, 2, 1]), (3, 100, 1, [1, 1, 1]), (3, 100, 10**9, [3])],
)
def test_a_transaction_holds_whole_servers_only(
    monkeypatch: pytest.MonkeyPatch, count: int, items: int, size: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(writes, "TRANSACTION_ITEMS", items)
    monkeypatch.setattr(writes, "TRANSACTION_BYTES", size)
    plan = writes.Write("t", "x", {}, MINE, "2030-01-01T00:00:00.000Z", 0, "token")
    changes = [writes.change_of(a_record(one), a_record(one), plan) for one in range(count)]
    assert [len(change.actions) for change in changes] == [3] * count
    assert [len(group) for group in transactions_of(changes)] == sizes


# --- locks ------------------------------------------------------------------------------------------------------------


def test_a_server_of_another_run_is_refused_and_its_holder_named(ledger: DynamoDbLedger) -> None:
    register(ledger, 1, holder=OTHERS)
    records = [a_record(2), a_record(1, migration_id="mig-other")]
    with pytest.raises(LockHeldError) as caught:
        ledger.write(records, records, "registered", holder=MINE)
    since = "2030-01-01T00:00:00.000Z"
    assert caught.value.context["holders"] == {SERVER: {**OTHERS.identity, "wave": "wave-4", "since": since}}
    assert set(ledger.locks([a_record(2).source_server_id, SERVER])) == {SERVER}


def test_a_lock_explains_a_conflict_before_the_version_does(ledger: DynamoDbLedger) -> None:
    [record] = register(ledger)
    ledger.take_over([SERVER], MINE, OTHERS)
    [again] = ledger.write([record], [record], "theirs", holder=OTHERS)
    assert again.version == 2
    with pytest.raises(LockHeldError):
        ledger.write([record], [record], "mine", holder=MINE)
    with pytest.raises(VersionConflictError):
        ledger.write([record], [record], "mine")


def test_a_lock_keeps_since_when_it_is_held(ledger: DynamoDbLedger, clock: Clock) -> None:
    [record] = register(ledger)
    clock.advance(hours=1)
    ledger.write([record], [record], "again", holder=MINE)
    assert ledger.locks([SERVER])[SERVER] == replace(MINE, since="2030-01-01T00:00:00.000Z")


def lock_of(memory: MemoryTable, **names: str) -> None:
    memory.items[lock_key(SERVER)] = {"migrationId": to_value(lock_key(SERVER))} | {
        name: to_value(value) for name, value in names.items()
    }


IDS = {"dagId": "migration_wave", "runId": "run-1"}


@pytest.mark.parametrize(
    ("lock", "holder", "is_mine"),
    [
        (IDS, MINE, True),
        (IDS | {"nonce": "n-1", "airflow": AIRFLOW}, MINE, True),
        (IDS | {"nonce": "n-9", "airflow": AIRFLOW}, MINE, False),
        (IDS | {"nonce": "n-1", "airflow": "https://other"}, MINE, False),
        (IDS | {"nonce": "n-1"}, MINE, False),
        (IDS | {"nonce": "n-1"}, replace(MINE, airflow=""), True),
        (IDS | {"nonce": "n-1", "airflow": AIRFLOW}, replace(MINE, airflow=""), False),
        (IDS, replace(MINE, nonce="", airflow=""), True),
        (IDS, replace(MINE, nonce=""), True),
        (IDS | {"nonce": "n-1"}, replace(MINE, nonce="", airflow=""), False),
        (IDS | {"runId": "run-2"}, MINE, False),
        (IDS | {"dagId": "other"}, MINE, False),
    ],
)
def test_whose_lock_it_is(
    ledger: DynamoDbLedger, memory: MemoryTable, lock: dict[str, str], holder: Holder, is_mine: bool
) -> None:
    """The run's nonce decides; a lock of an earlier release has none. The same holds for taking and for freeing."""
    lock_of(memory, **lock)
    ledger.release([SERVER], holder)
    assert (lock_key(SERVER) not in memory.items) is is_mine
    lock_of(memory, **lock)
    if is_mine:
        register(ledger, holder=holder)
    else:
        with pytest.raises(LockHeldError):
            register(ledger, holder=holder)


def test_a_lock_of_an_ended_run_is_taken_over(ledger: DynamoDbLedger, memory: MemoryTable, clock: Clock) -> None:
    register(ledger, 1, 2, holder=OTHERS)
    clock.advance(hours=1)
    servers = [SERVER, a_record(2).source_server_id]
    ledger.take_over(servers, OTHERS, MINE)
    ledger.take_over(servers, OTHERS, MINE)
    assert ledger.locks(servers) == dict.fromkeys(servers, replace(MINE, since="2030-01-01T01:00:00.000Z"))
    assert from_item(memory.items[lock_key(SERVER)])["takenFrom"] == OTHERS.identity
    [record] = ledger.read(["mig-web001"]).values()
    ledger.write([record], [record], "on", holder=MINE)
    assert "takenFrom" not in memory.items[lock_key(SERVER)]


@pytest.mark.parametrize(
    "holder", [replace(MINE, nonce="", airflow=""), replace(MINE, airflow="")], ids=["no nonce", "no airflow"]
)
def test_names_that_the_new_holder_has_not_are_removed(
    ledger: DynamoDbLedger, memory: MemoryTable, holder: Holder
) -> None:
    register(ledger, holder=OTHERS)
    ledger.take_over([SERVER], OTHERS, holder)
    names = set(from_item(memory.items[lock_key(SERVER)]))
    assert names & {"nonce", "airflow"} == set(holder.identity) & {"nonce", "airflow"}


def test_a_lock_of_a_third_run_is_not_taken_over(ledger: DynamoDbLedger) -> None:
    register(ledger, holder=OTHERS)
    with pytest.raises(LockHeldError):
        ledger.take_over([SERVER], replace(OTHERS, run_id="run-9"), MINE)
    assert ledger.locks([SERVER])[SERVER].run_id == "run-2"


def test_a_free_lock_is_taken_by_writing_only(ledger: DynamoDbLedger) -> None:
    with pytest.raises(VersionConflictError, match="released while"):
        ledger.take_over([SERVER], OTHERS, MINE)


def test_freeing_leaves_other_runs_locks_alone(ledger: DynamoDbLedger) -> None:
    register(ledger, 1)
    register(ledger, 2, holder=OTHERS)
    servers = [a_record(one).source_server_id for one in (1, 2, 3)]
    ledger.release(servers, MINE)
    assert set(ledger.locks(servers)) == {servers[1]}
    ledger.release(servers, MINE)
    ledger.release([], MINE)


def test_a_lock_that_changes_hands_while_it_is_freed_is_left_alone(ledger: DynamoDbLedger, memory: MemoryTable) -> None:
    register(ledger, 1, 2)
    servers = [a_record(one).source_server_id for one in (1, 2)]
    read, looks = memory.get, []

    def then_it_changes_hands(keys: list[str]) -> Any:
        found = read(keys)
        looks.append(keys)
        if len(looks) == 1:
            memory.items[lock_key(servers[1])] = memory.items[lock_key(servers[1])] | {"runId": to_value("run-2")}
        return found

    memory.get = then_it_changes_hands  # type: ignore[method-assign]
    ledger.release([*servers, "s-free"], MINE)
    assert set(ledger.locks(servers)) == {servers[1]}


class Recording(TableClient):
    """Keeps the actions that were sent."""

    def __init__(self, table: MemoryTable) -> None:
        super().__init__(table)
        self.bodies: list[dict[str, Any]] = []

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]], ClientRequestToken: str) -> Any:
        self.bodies += [body for action in TransactItems for body in action.values()]
        return super().transact_write_items(TransactItems=TransactItems, ClientRequestToken=ClientRequestToken)


HOLDERS = [MINE, replace(MINE, nonce=""), replace(MINE, airflow=""), replace(MINE, nonce="", airflow="")]


@pytest.mark.parametrize("new", HOLDERS, ids=["whole", "no nonce", "no airflow", "neither"])
@pytest.mark.parametrize("ended", HOLDERS, ids=["whole", "no nonce", "no airflow", "neither"])
def test_expressions_name_what_they_use_and_nothing_else(
    memory: MemoryTable, clock: Clock, ended: Holder, new: Holder
) -> None:
    """DynamoDB refuses a name or a value that no expression uses, and a clause without an attribute."""
    client = Recording(memory)
    ledger = DynamoDbLedger(client, "migration-state", clock)
    ended = replace(ended, run_id="run-0")
    register(ledger, holder=ended)
    ledger.take_over([SERVER], ended, new)
    ledger.release([SERVER], new)
    assert len(client.bodies) == 5
    for body in client.bodies:
        texts = [body.get("UpdateExpression", ""), body["ConditionExpression"]]
        used = set(re.findall(r"[#:]\w+", " ".join(texts)))
        assert used == {*body["ExpressionAttributeNames"], *body.get("ExpressionAttributeValues", {})}
        assert not re.search(r"(SET|REMOVE)\s*($|REMOVE)", texts[0])
