"""What the lines cover: the record's attributes, evidence and archive copies in S3; and lines of earlier releases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.core.states import Phase
from migration_ops.ledger import writes
from migration_ops.ledger.archive import Archive
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.items import RECORD_ATTRIBUTES, history_key, key_of, to_value
from migration_ops.ledger.protocol import Intent, Record
from migration_ops.ledger.record_digest import DIGESTED, record_digest
from migration_ops.ledger.table import Table
from tests.ledger.builders import Clock, a_holder, a_record

NAME = "mig-web001"
CHAINS_ALONE = "--without-anchors"


@pytest.fixture
def table(dynamodb: Any, table_name: str) -> Table:
    return Table(dynamodb, table_name)


@pytest.fixture
def store(make_client: Callable[..., Any], bucket: str) -> EvidenceStore:
    return EvidenceStore(make_client, bucket)


def full(**changes: Any) -> Record:
    intent = Intent("START_TEST", "i-1", 1, "2030-01-01T00:00:00.000Z")
    facts = {"lag": 0.1, "whole": 2.0, "large": 1e22, "minus": -0.0, "none": None, "list": [1, 2.5, "é\ud800"[:1]]}
    values: dict[str, Any] = {
        "correlation_id": "c",
        "dag_run_id": "r",
        "job_id": "j",
        "instance_id": "i",
        "error_code": "E",
        "error_message": "m" * 5000,
        "replication_lag_seconds": 1.25,
        "intents": {"START_TEST": intent},
        "facts": facts,
    }
    return a_record(**(values | changes))


class TestRecord:
    def test_every_attribute_but_the_chains_own_end_is_digested(self) -> None:
        assert RECORD_ATTRIBUTES - {"historyDigest"} == DIGESTED

    def test_numbers_texts_and_cut_messages_come_back_the_same(
        self, ledger: DynamoDbLedger, verify: Callable[..., int]
    ) -> None:
        ledger.write([full(version=0)], [full()], "registered")
        assert verify(CHAINS_ALONE) == 0
        read = ledger.read([NAME])[NAME]
        ledger.write([read], [replace(read, phase=Phase.READY)], "read and written")
        assert verify(CHAINS_ALONE) == 0

    def test_how_a_number_is_spelled_is_no_edit(self, table: Table, ledger: DynamoDbLedger) -> None:
        ledger.write([full()], [full()], "registered")
        item = table.get([NAME])[NAME]
        assert record_digest(item | {"replicationLag": {"N": "1.2500"}}) == record_digest(item)
        assert record_digest(item | {"replicationLag": {"N": "1.26"}}) != record_digest(item)

    @pytest.mark.parametrize("name", sorted(DIGESTED))
    def test_each_attribute_is_covered(
        self, table: Table, ledger: DynamoDbLedger, verify: Callable[..., int], name: str
    ) -> None:
        ledger.write([full()], [full()], "registered")
        item = table.get([NAME])[NAME]
        del item[name]
        table.client.put_item(TableName=table.name, Item=item)
        assert verify(CHAINS_ALONE) == 1

    def test_an_attribute_that_cannot_be_digested_is_a_finding(
        self, table: Table, ledger: DynamoDbLedger, verify: Callable[..., int]
    ) -> None:
        ledger.write([full()], [full()], "registered")
        item = table.get([NAME])[NAME] | {"facts": {"M": {"blob": {"B": b"\x00"}}}}
        table.client.put_item(TableName=table.name, Item=item)
        assert verify(CHAINS_ALONE) == 1


class TestEarlierReleases:
    """Lines without digest of the record and without holder, as the release before this one wrote them."""

    @pytest.fixture
    def old_writer(self, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
        original = writes.next_entry
        monkeypatch.setattr(writes, "next_entry", lambda *given: original(*given[:5]))
        return monkeypatch

    def test_they_verify_as_far_as_they_did(
        self,
        old_writer: pytest.MonkeyPatch,
        table: Table,
        ledger: DynamoDbLedger,
        verify: Callable[..., int],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        ledger.write([full()], [full()], "registered", holder=a_holder())
        assert verify(CHAINS_ALONE) == 0
        assert "NOTE mig-web001: no line covers the record's attributes" in capsys.readouterr().out
        item = table.get([history_key(NAME, 1)])[history_key(NAME, 1)]
        assert not {"recordDigest", "holder"} & set(item)
        table.client.put_item(TableName=table.name, Item=item | {"event": to_value("approved")})
        assert verify(CHAINS_ALONE) == 1

    def test_the_next_line_covers_the_record_and_anchors_do_at_once(
        self,
        old_writer: pytest.MonkeyPatch,
        table: Table,
        ledger: DynamoDbLedger,
        anchor: Callable[[], str],
        verify: Callable[..., int],
    ) -> None:
        [record] = ledger.write([full()], [full()], "registered")
        anchor()
        assert verify() == 0
        old_writer.undo()
        item = table.get([NAME])[NAME]
        table.client.put_item(TableName=table.name, Item=item | {"instanceId": to_value("i-x")})
        assert (verify(CHAINS_ALONE), verify()) == (0, 1)
        table.client.put_item(TableName=table.name, Item=item)
        ledger.write([record], [record.to(Phase.READY)], "ready")
        assert verify() == 0

    def test_a_line_without_digest_after_one_with_it_is_broken(
        self, table: Table, ledger: DynamoDbLedger, verify: Callable[..., int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        [record] = ledger.write([full()], [full()], "registered")
        original = writes.next_entry
        monkeypatch.setattr(writes, "next_entry", lambda *given: original(*given[:5]))
        ledger.write([record], [record.to(Phase.READY)], "ready")
        assert verify(CHAINS_ALONE) == 1


class TestEvidence:
    @pytest.fixture
    def key(self, dynamodb: Any, table_name: str, clock: Clock, store: EvidenceStore, table: Table) -> str:
        ledger = DynamoDbLedger(dynamodb, table_name, clock, evidence=store)
        [record] = ledger.write([full()], [full()], "registered", {"much": "x" * 9000})
        return str(ledger.history(record.migration_id)[0].detail["evidenceKey"])

    def test_what_was_put_away_is_compared(self, key: str, store: EvidenceStore, verify: Callable[..., int]) -> None:
        assert verify(CHAINS_ALONE) == 0
        store.put(key, {"much": "y" * 9000})
        assert verify(CHAINS_ALONE) == 1, "with a digest of its own that fits"
        store.client("s3").delete_object(Bucket=store.bucket, Key=key)
        assert verify(CHAINS_ALONE) == 1

    @pytest.mark.parametrize("bucket_given", ["", "no-such-bucket-at-all-0"])
    def test_what_cannot_be_read_is_not_whole(self, key: str, verify: Callable[..., int], bucket_given: str) -> None:
        expected = 2 if not bucket_given else 1
        assert verify(CHAINS_ALONE, "--bucket", bucket_given) == expected


class TestArchive:
    @pytest.fixture
    def archive(self, dynamodb: Any, table_name: str, store: EvidenceStore, clock: Clock) -> Archive:
        return Archive(dynamodb, table_name, store, clock, ttl_days=90)

    @pytest.fixture
    def record(self, ledger: DynamoDbLedger) -> Record:
        [record] = ledger.write([full()], [full()], "registered", holder=a_holder())
        [record] = ledger.write([record], [replace(record, phase=Phase.ROLLING_BACK)], "undo", holder=a_holder())
        [record] = ledger.write([record], [record.to(Phase.ROLLED_BACK)], "undone", holder=a_holder())
        ledger.release([record.source_server_id], a_holder())
        return record

    def delete(self, table: Table, *numbers: int, record: bool = False) -> None:
        for key in [history_key(NAME, one) for one in numbers] + [NAME] * record:
            table.client.delete_item(TableName=table.name, Key=key_of(key))

    def test_lines_that_expired_are_read_from_the_copy(
        self, archive: Archive, record: Record, ledger: DynamoDbLedger, table: Table, verify: Callable[..., int]
    ) -> None:
        archive.archive(NAME)
        assert verify(CHAINS_ALONE) == 0
        ledger.write([record], [record.to(Phase.PLANNED)], "again")
        self.delete(table, 1, 3)
        assert verify(CHAINS_ALONE) == 0
        self.delete(table, 2)
        assert verify(CHAINS_ALONE) == 0
        assert verify(CHAINS_ALONE, "--bucket", "") == 2, "never whole while the copy was not read"

    def test_archived_twice_the_first_copy_is_read_too(
        self, archive: Archive, record: Record, ledger: DynamoDbLedger, table: Table, verify: Any, clock: Clock
    ) -> None:
        first = archive.archive(NAME)
        [record] = ledger.write([record], [record.to(Phase.PLANNED)], "again")
        clock.advance(days=91)
        self.delete(table, 1, 2, 3)
        for phase in (Phase.FROZEN, Phase.FAILED):
            [record] = ledger.write([record], [record.to(phase)], "more")
        second = archive.archive(NAME)
        assert first.key != second.key
        self.delete(table, 4, 5, 6)
        assert verify(CHAINS_ALONE) == 0
        archive.store.client("s3").delete_object(Bucket=archive.store.bucket, Key=first.key)
        assert verify(CHAINS_ALONE) == 1

    @pytest.mark.parametrize("how", ["edited", "record edited", "deleted", "of another", "no copy"])
    def test_a_copy_that_is_not_what_was_archived(
        self,
        archive: Archive,
        record: Record,
        ledger: DynamoDbLedger,
        table: Table,
        verify: Callable[..., int],
        how: str,
    ) -> None:
        import json

        key, store = archive.archive(NAME).key, archive.store
        self.delete(table, 1, 2, 3)
        document = json.loads(store.get(key))
        if how == "edited":
            document["history"][1]["event"] = "approved"
        elif how == "record edited":
            document["record"]["instanceId"] = "i-0fffffffffffffff0"
        elif how == "of another":
            document["record"]["migrationId"] = "mig-web002"
        else:
            document = {"record": document["record"]}
        store.put(key, document)
        if how == "deleted":
            store.client("s3").delete_object(Bucket=store.bucket, Key=key)
        assert verify(CHAINS_ALONE) == 1

    def test_a_migration_that_expired_whole_is_known_by_its_copy(
        self, archive: Archive, record: Record, table: Table, anchor: Callable[[], str], verify: Callable[..., int]
    ) -> None:
        anchor()
        key = archive.archive(NAME).key
        anchor()
        self.delete(table, 1, 2, 3, record=True)
        assert verify() == verify("--wave", "wave-3") == verify("--migration-id", NAME) == 0
        archive.store.client("s3").delete_object(Bucket=archive.store.bucket, Key=key)
        assert verify() == 1

    def test_begun_anew_after_that_it_has_two_lives(
        self,
        archive: Archive,
        record: Record,
        ledger: DynamoDbLedger,
        table: Table,
        anchor: Callable[[], str],
        verify: Callable[..., int],
    ) -> None:
        archive.archive(NAME)
        anchor()
        self.delete(table, 1, 2, 3, record=True)
        ledger.write([a_record()], [a_record()], "registered")
        assert verify() == 0
        anchor()
        assert verify() == 0

    def test_only_what_is_archived_may_expire(self, record: Record, table: Table, verify: Callable[..., int]) -> None:
        item = table.get([NAME])[NAME]
        table.client.put_item(TableName=table.name, Item=item | {"expiresAt": to_value(4_000_000_000)})
        assert verify(CHAINS_ALONE) == 1
