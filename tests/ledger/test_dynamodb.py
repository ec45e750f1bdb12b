"""The ledger's writes: conditional, all or nothing, once."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.core.errors import MigrationError, OutcomeUnknown
from migration_ops.core.states import STATUS_OF, TRANSITIONS, IllegalTransition, Phase, Status
from migration_ops.ledger.chain import verify
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Intent, LockHeld, Record, VersionConflict
from tests.ledger.builders import Clock, a_holder, a_record


def create(ledger: DynamoDbLedger, *records: Record) -> list[Record]:
    return ledger.write(list(records), list(records), "registered")


class CountingClient:
    """Counts calls by name, and can lose the answer of a call after it took effect."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: list[str] = []
        self.lose: list[bool] = []

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._client, name)
        if name not in ("transact_write_items", "batch_get_item"):
            return target

        def call(**request: Any) -> Any:
            self.calls.append(name)
            lost = name == "transact_write_items" and self.lose and self.lose.pop(0)
            if lost is False or lost == []:
                return target(**request)
            target(**request)
            raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

        return call


def test_first_write_creates_with_version_one_and_one_line(ledger: DynamoDbLedger, clock: Clock) -> None:
    [stored] = create(ledger, a_record())
    assert (stored.version, stored.history_sequence) == (1, 1)
    assert stored.created_at == stored.updated_at == "2030-01-01T00:00:00.000Z"
    assert ledger.read(["mig-web001", "mig-none"]) == {"mig-web001": stored}


def test_every_field_survives(ledger: DynamoDbLedger, clock: Clock) -> None:
    [stored] = create(ledger, a_record())
    clock.advance(seconds=5)
    intent = Intent("StartTest", "intent-1", 1, "2030-01-01T00:00:00Z", job_id="mgnjob-1", outcome="LAUNCHED")
    new = stored.to(
        Phase.TEST_LAUNCHING,
        correlation_id="c",
        dag_run_id="r",
        job_id="j",
        instance_id="i-1",
        replication_lag_seconds=0.0,
        intents={"StartTest": intent},
        facts={"lag": 0.25, "n": [1, None, True, "", {"deep": -3}]},
        error_code="E",
        error_message="message",
    )
    [written] = ledger.write([stored], [new], "launching", {"why": "because"})
    assert ledger.read([new.migration_id])[new.migration_id] == written
    assert written == replace(
        new,
        version=2,
        created_at=stored.created_at,
        updated_at="2030-01-01T00:00:05.000Z",
        history_sequence=2,
        history_digest=written.history_digest,
    )


def test_what_is_cleared_is_gone(ledger: DynamoDbLedger) -> None:
    [stored] = create(ledger, a_record(error_code="E", job_id="j"))
    [written] = ledger.write([stored], [stored.to(Phase.READY, error_code=None, job_id=None)], "ready")
    again = ledger.read([stored.migration_id])[stored.migration_id]
    assert again == written
    assert (again.error_code, again.job_id, again.replication_lag_seconds) == (None, None, None)


@pytest.mark.parametrize("old", list(Phase))
@pytest.mark.parametrize("new", [Phase.CUTTING_OVER, Phase.FINALIZED])
def test_only_legal_transitions_are_written(ledger: DynamoDbLedger, old: Phase, new: Phase) -> None:
    """Creation puts the record where the table of transitions allows it, so the check is asked without a write."""
    before = a_record(phase=old, version=3)
    if new is old or new in TRANSITIONS[old]:
        with pytest.raises(VersionConflict):  # legal, but there is no such record
            ledger.write([before], [before.to(new)], "step")
    else:
        with pytest.raises(IllegalTransition):
            ledger.write([before], [before.to(new)], "step")
    assert ledger.read(["mig-web001"]) == {}


def test_a_record_cannot_be_born_finalized(ledger: DynamoDbLedger) -> None:
    with pytest.raises(IllegalTransition):
        ledger.write([a_record()], [a_record(phase=Phase.FINALIZED)], "cheat")


def test_one_illegal_record_stops_all(ledger: DynamoDbLedger) -> None:
    one, two = create(ledger, a_record(1), a_record(2))
    with pytest.raises(IllegalTransition):
        ledger.write([one, two], [one.to(Phase.READY), two.to(Phase.FINALIZED)], "step")
    assert ledger.read([one.migration_id])[one.migration_id].phase is Phase.PLANNED


def test_creating_twice_is_a_conflict(ledger: DynamoDbLedger) -> None:
    create(ledger, a_record())
    with pytest.raises(VersionConflict, match="version 1 in PLANNED"):
        create(ledger, a_record())


def test_a_conflict_of_one_writes_none_and_names_it(ledger: DynamoDbLedger) -> None:
    one, two = create(ledger, a_record(1), a_record(2))
    ledger.write([two], [two.to(Phase.READY)], "ready")
    with pytest.raises(VersionConflict) as caught:
        ledger.write([one, two], [one.to(Phase.READY), two.to(Phase.READY)], "ready")
    assert caught.value.context["found"] == {"mig-web002": "version 2 in READY"}
    assert ledger.read([one.migration_id])[one.migration_id] == one
    assert len(ledger.history(one.migration_id)) == 1
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_other_phase_chain_or_version_is_a_conflict(ledger: DynamoDbLedger) -> None:
    [stored] = create(ledger, a_record())
    [stored] = ledger.write([stored], [stored], "facts")
    for wrong in (
        replace(stored, phase=Phase.READY),
        replace(stored, history_digest="0" * 64),
        replace(stored, version=1),
    ):
        with pytest.raises(VersionConflict):
            ledger.write([wrong], [wrong.to(Phase.READY)], "ready")


@pytest.mark.parametrize("attempt", range(5))
def test_of_two_writers_one_wins(ledger: DynamoDbLedger, attempt: int) -> None:
    """The clock stands still and both write the same: still only one may believe that it wrote."""
    [stored] = create(ledger, a_record())

    def write(_: int) -> str:
        try:
            ledger.write([stored], [stored.to(Phase.TEST_LAUNCHING)], "launching", {"attempt": 1})
        except VersionConflict:
            return "lost"
        return "won"

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(write, range(6)))
    assert results.count("won") == 1
    assert len(ledger.history(stored.migration_id)) == 2


def test_33_servers_with_locks_are_one_call(dynamodb: Any, table_name: str, clock: Clock) -> None:
    client = CountingClient(dynamodb)
    ledger = DynamoDbLedger(client, table_name, clock)
    records = [a_record(number) for number in range(33)]
    stored = ledger.write(records, records, "registered", holder=a_holder())
    assert client.calls == ["transact_write_items"]
    assert len(stored) == len(ledger.locks([one.source_server_id for one in records])) == 33


def test_34_servers_are_two_calls_and_a_late_refusal_names_both_parts(
    dynamodb: Any, table_name: str, clock: Clock
) -> None:
    client = CountingClient(dynamodb)
    ledger = DynamoDbLedger(client, table_name, clock)
    create(ledger, a_record(33))
    client.calls.clear()
    records = [a_record(number) for number in range(34)]
    with pytest.raises(VersionConflict) as caught:
        ledger.write(records, records, "registered", holder=a_holder())
    assert client.calls.count("transact_write_items") == 2
    assert caught.value.context["written"] == [one.migration_id for one in records[:33]]
    assert caught.value.context["notWritten"] == ["mig-web033"]
    assert len(ledger.read([one.migration_id for one in records])) == 34
    assert len(ledger.locks([one.source_server_id for one in records])) == 33


def test_50_servers_without_locks_are_one_call(dynamodb: Any, table_name: str, clock: Clock) -> None:
    client = CountingClient(dynamodb)
    records = [a_record(number) for number in range(50)]
    DynamoDbLedger(client, table_name, clock).write(records, records, "registered")
    assert client.calls == ["transact_write_items"]


def test_a_lost_answer_is_found_in_the_table(dynamodb: Any, table_name: str, clock: Clock) -> None:
    client = CountingClient(dynamodb)
    ledger = DynamoDbLedger(client, table_name, clock)
    client.lose = [True]
    [stored] = create(ledger, a_record())
    assert ledger.read([stored.migration_id]) == {stored.migration_id: stored}
    assert client.calls == ["transact_write_items", "batch_get_item", "batch_get_item"]


def test_an_answer_lost_before_it_took_effect_is_unknown(dynamodb: Any, table_name: str, clock: Clock) -> None:
    class Dead(CountingClient):
        def __getattr__(self, name: str) -> Any:
            if name != "transact_write_items":
                return super().__getattr__(name)

            def call(**_: Any) -> None:
                raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

            return call

    with pytest.raises(OutcomeUnknown):
        create(DynamoDbLedger(Dead(dynamodb), table_name, clock), a_record())


def test_a_write_sent_twice_by_the_sdk_is_one_write(dynamodb: Any, table_name: str, clock: Clock) -> None:
    """moto knows no request tokens: the second sending meets its own first one, as after the ten minutes in AWS."""

    class Twice(CountingClient):
        def __getattr__(self, name: str) -> Any:
            target = super().__getattr__(name)
            if name != "transact_write_items":
                return target

            def call(**request: Any) -> Any:
                target(**request)
                return target(**request)

            return call

    ledger = DynamoDbLedger(Twice(dynamodb), table_name, clock)
    [stored] = ledger.write([a_record()], [a_record()], "registered", holder=a_holder())
    assert stored.version == 1
    assert len(ledger.history(stored.migration_id)) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [([], []), ([a_record(1)], [a_record(2)]), ([a_record(1)] * 2, [a_record(1)] * 2), ([a_record(1)], [])],
)
def test_records_that_do_not_belong_together(ledger: DynamoDbLedger, old: list[Record], new: list[Record]) -> None:
    with pytest.raises(ValueError, match="write"):
        ledger.write(old, new, "event")


def test_two_migrations_of_one_server_cannot_both_hold_it(ledger: DynamoDbLedger) -> None:
    records = [a_record(1), replace(a_record(2), source_server_id=a_record(1).source_server_id)]
    with pytest.raises(ValueError, match="server of its own"):
        ledger.write(records, records, "event", holder=a_holder())


def test_indexes_hold_migrations_only(ledger: DynamoDbLedger, dynamodb: Any, table_name: str, clock: Clock) -> None:
    records = [a_record(1), a_record(2, app_name="shop"), a_record(3, wave="wave-4")]
    stored = ledger.write(records, records, "registered", {"status": "x", "wave": "wave-3"}, holder=a_holder())
    clock.advance(minutes=1)
    [moved] = ledger.write([stored[0]], [stored[0].to(Phase.READY)], "ready", holder=a_holder())
    assert ledger.by_wave("wave-3") == [moved, stored[1]]
    assert ledger.by_app("billing") == [moved, stored[2]]
    assert ledger.by_status(Status.REQUESTED) == [stored[1], stored[2]]
    assert ledger.by_status(Status.MIGRATION_IN_PROGRESS) == [moved]
    assert ledger.by_status(Status.MIGRATION_IN_PROGRESS, "2030-01-01T01:01:00+01:00") == []
    assert ledger.by_status(Status.MIGRATION_IN_PROGRESS, "2030-01-01T00:01:00.001Z") == [moved]
    # 3 records + 4 lines + 3 locks in the table, 3 in each index.
    assert dynamodb.scan(TableName=table_name)["Count"] == 10
    for index in ("wave-status-index", "app-status-index", "status-timestamp-index"):
        assert dynamodb.scan(TableName=table_name, IndexName=index)["Count"] == 3


def test_history_is_whole_and_in_order(ledger: DynamoDbLedger) -> None:
    [record] = create(ledger, a_record())
    for phase in (Phase.TEST_LAUNCHING, Phase.TEST_LAUNCHED, Phase.TESTED, Phase.READY):
        [record] = ledger.write([record], [record.to(phase)], phase.lower(), {"lagSeconds": 1.0, "n": 1e22})
    lines = ledger.history(record.migration_id)
    assert [line.event for line in lines] == ["registered", "test_launching", "test_launched", "tested", "ready"]
    assert verify(lines, record) == []


def test_many_histories_are_few_reads(dynamodb: Any, table_name: str, clock: Clock) -> None:
    client = CountingClient(dynamodb)
    ledger = DynamoDbLedger(client, table_name, clock)
    records = create(ledger, *[a_record(number) for number in range(30)])
    ledger.write(records[:1], [records[0].to(Phase.TEST_LAUNCHING)], "launching")
    client.calls.clear()
    names = [record.migration_id for record in records]
    found = ledger.histories([*names, "mig-none"])
    assert client.calls == ["batch_get_item"] * 2
    assert [line.event for line in found[names[0]]] == ["registered", "launching"]
    assert {name: len(lines) for name, lines in found.items()} == {
        names[0]: 2,
        **dict.fromkeys(names[1:], 1),
        "mig-none": 0,
    }


@pytest.mark.parametrize("with_store", [True, False])
def test_large_details_go_to_s3_or_are_cut_visibly(
    dynamodb: Any, table_name: str, clock: Clock, bucket: str, make_client: Callable[..., Any], with_store: bool
) -> None:
    store = EvidenceStore(make_client, bucket)
    ledger = DynamoDbLedger(dynamodb, table_name, clock, evidence=store if with_store else None)
    detail = {"log": "x" * 500_000}
    [record] = ledger.write([a_record()], [a_record()], "registered", detail)
    [line] = ledger.history(record.migration_id)
    assert line.detail["bytes"] > 500_000
    assert verify([line], record) == []
    if with_store:
        assert b"x" * 500_000 in store.get(line.detail["evidenceKey"])
    else:
        assert line.detail["truncated"] is True


def test_a_store_that_fails_does_not_stop_the_write(
    dynamodb: Any, table_name: str, clock: Clock, make_client: Callable[..., Any]
) -> None:
    ledger = DynamoDbLedger(dynamodb, table_name, clock, evidence=EvidenceStore(make_client, "no-such-bucket"))
    [record] = ledger.write([a_record()], [a_record()], "registered", {"log": "x" * 9000})
    [line] = ledger.history(record.migration_id)
    assert line.detail["truncated"] is True
    assert line.detail["evidenceError"]


def test_a_missing_table_is_refused_with_a_package_error(dynamodb: Any, clock: Clock) -> None:
    ledger = DynamoDbLedger(dynamodb, "no-such-table", clock)
    for attempt in (lambda: ledger.read(["mig-a"]), lambda: create(ledger, a_record())):
        with pytest.raises(MigrationError):
            attempt()


def test_status_is_written_for_every_phase() -> None:
    assert set(STATUS_OF) == set(Phase)


def test_a_lock_that_is_held_refuses_the_write_and_names_the_holder(ledger: DynamoDbLedger) -> None:
    [stored] = ledger.write([a_record()], [a_record()], "registered", holder=a_holder("run-1"))
    with pytest.raises(LockHeld) as caught:
        ledger.write([stored], [stored.to(Phase.READY)], "ready", holder=a_holder("run-2"))
    assert caught.value.context["holders"][stored.source_server_id]["runId"] == "run-1"
    assert ledger.read([stored.migration_id])[stored.migration_id] == stored
