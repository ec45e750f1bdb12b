"""The items get a time to live only after the copy was read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from migration_ops.aws.evidence_store import EvidenceMismatchError, EvidenceStore
from migration_ops.core.errors import MigrationError
from migration_ops.core.states import ARCHIVABLE, Phase
from migration_ops.ledger.archive import Archive, NotArchivableError
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.items import history_key, key_of
from migration_ops.ledger.protocol import Record
from migration_ops.ledger.stored_chain import read_chain
from migration_ops.ledger.table import Table
from tests.ledger.builders import Clock, a_record

KEYS = ["mig-web001", history_key("mig-web001", 1), history_key("mig-web001", 2)]


@pytest.fixture
def store(make_client: Callable[..., Any], bucket: str) -> EvidenceStore:
    return EvidenceStore(make_client, bucket)


@pytest.fixture
def archive(dynamodb: Any, table_name: str, store: EvidenceStore, clock: Clock) -> Archive:
    return Archive(dynamodb, table_name, store, clock, ttl_days=90)


@pytest.fixture
def expiries(dynamodb: Any, table_name: str) -> Callable[[], list[int | None]]:
    def read() -> list[int | None]:
        items = [dynamodb.get_item(TableName=table_name, Key=key_of(key)).get("Item", {}) for key in KEYS]
        return [int(item["expiresAt"]["N"]) if "expiresAt" in item else None for item in items]

    return read


def ended(ledger: DynamoDbLedger, phase: Phase = Phase.FAILED) -> Record:
    [record] = ledger.write([a_record()], [a_record()], "registered", {"lag": 1.5})
    [record] = ledger.write([record], [replace(record, phase=Phase.ROLLING_BACK)], "undo")
    if phase is not Phase.ROLLING_BACK:
        # The table of transitions is not what is tested here.
        path = {Phase.ROLLED_BACK: [], Phase.FROZEN: []}.get(phase, [Phase.FROZEN])
        for step in [*path, phase]:
            [record] = ledger.write([record], [record.to(step)], "step")
    return record


@pytest.mark.parametrize("phase", sorted(ARCHIVABLE))
def test_copy_then_time_to_live(
    ledger: DynamoDbLedger, archive: Archive, store: EvidenceStore, expiries: Any, clock: Clock, phase: Phase
) -> None:
    record = ended(ledger, phase)
    result = archive.archive(record.migration_id)
    assert set(expiries()) == {result.expires_at} == {int(clock().timestamp()) + 90 * 86_400}
    copy = json.loads(store.get(result.key))
    assert copy["record"]["historyDigest"] == record.history_digest
    assert [line["event"] for line in copy["history"]] == [one.event for one in ledger.history(record.migration_id)]
    assert ledger.read([record.migration_id])[record.migration_id] == record


def test_archiving_again_does_not_put_the_end_off(ledger: DynamoDbLedger, archive: Archive, clock: Clock) -> None:
    record = ended(ledger)
    first = archive.archive(record.migration_id)
    clock.advance(days=10)
    assert archive.archive(record.migration_id).expires_at == first.expires_at


@pytest.mark.parametrize("phase", [Phase.FROZEN, Phase.ROLLING_BACK])
def test_what_has_not_ended_stays(ledger: DynamoDbLedger, archive: Archive, expiries: Any, phase: Phase) -> None:
    record = ended(ledger, phase)
    with pytest.raises(NotArchivableError):
        archive.archive(record.migration_id)
    with pytest.raises(NotArchivableError):
        archive.archive("mig-none")
    assert set(expiries()) == {None}


def test_a_broken_chain_is_not_archived(
    ledger: DynamoDbLedger, archive: Archive, expiries: Any, dynamodb: Any, table_name: str
) -> None:
    record = ended(ledger)
    dynamodb.delete_item(TableName=table_name, Key=key_of(history_key(record.migration_id, 3)))
    with pytest.raises(NotArchivableError, match="not whole"):
        archive.archive(record.migration_id)
    assert set(expiries()) == {None}


class LossyStore(EvidenceStore):
    def get(self, key: str) -> bytes:
        return super().get(key)[:-1]


def test_a_copy_that_reads_back_differently_sets_nothing(
    ledger: DynamoDbLedger, archive: Archive, store: EvidenceStore, expiries: Any
) -> None:
    record = ended(ledger)
    with pytest.raises(EvidenceMismatchError):
        replace(archive, store=LossyStore(store.client, store.bucket)).archive(record.migration_id)
    with pytest.raises(MigrationError):
        replace(archive, store=EvidenceStore(store.client, "no-such-bucket")).archive(record.migration_id)
    assert set(expiries()) == {None}


def test_a_migration_that_goes_on_never_expires_and_its_chain_holds(
    ledger: DynamoDbLedger,
    archive: Archive,
    store: EvidenceStore,
    expiries: Any,
    clock: Clock,
    dynamodb: Any,
    table_name: str,
) -> None:
    record = ended(ledger, Phase.ROLLED_BACK)
    archive.archive(record.migration_id)
    [record] = ledger.write([record], [record.to(Phase.PLANNED)], "again")
    assert expiries()[0] is None
    table = Table(dynamodb, table_name)
    whole = lambda: not read_chain(table, record.migration_id, clock().timestamp()).judged(store).problems  # noqa: E731
    assert whole()
    # DynamoDB deletes one expired line, then all.
    dynamodb.delete_item(TableName=table_name, Key=key_of(history_key(record.migration_id, 2)))
    assert whole()
    clock.advance(days=91)
    assert [line.event for line in ledger.history(record.migration_id)] == ["again"]
    assert whole()
    dynamodb.delete_item(TableName=table_name, Key=key_of(history_key(record.migration_id, record.history_sequence)))
    assert not whole()


def test_a_line_left_over_from_an_expired_life_is_no_obstacle(
    ledger: DynamoDbLedger, archive: Archive, clock: Clock, dynamodb: Any, table_name: str
) -> None:
    record = ended(ledger)
    archive.archive(record.migration_id)
    clock.advance(days=91)
    dynamodb.delete_item(TableName=table_name, Key=key_of(record.migration_id))
    [born_again] = ledger.write([a_record()], [a_record()], "registered")
    assert [line.event for line in ledger.history(record.migration_id)] == ["registered"]
    chain = read_chain(Table(dynamodb, table_name), born_again.migration_id, clock().timestamp())
    assert chain.judged().problems == []


def test_evidence_that_was_changed_is_found(store: EvidenceStore) -> None:
    key = store.put("reports/wave-3.md", "# ✓")
    assert store.get(key) == "# ✓".encode()
    store.client("s3").put_object(Bucket=store.bucket, Key=key, Body=b"# no", Metadata={"sha256": "0" * 64})
    with pytest.raises(EvidenceMismatchError):
        store.get(key)
    store.client("s3").put_object(Bucket=store.bucket, Key=key, Body=b"# no")
    with pytest.raises(EvidenceMismatchError):
        store.get(key)
