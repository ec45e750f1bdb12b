"""Anchors: written upon one another, never again, signed where a key is named; and what is said when there are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.states import Phase
from migration_ops.ledger.anchor_progress import not_continued
from migration_ops.ledger.anchor_store import AnchorStore
from migration_ops.ledger.anchor_trail import read_trail
from migration_ops.ledger.anchors import ALL, Anchor, every_head, heads_of, scope_of_wave
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.items import history_key, key_of
from migration_ops.ledger.protocol import Record
from migration_ops.ledger.table import Table
from tests.ledger.builders import Clock, a_record

NAME = "mig-web001"


@pytest.fixture
def record(ledger: DynamoDbLedger) -> Record:
    [record] = ledger.write([a_record()], [a_record()], "registered")
    return record


@pytest.fixture
def table(dynamodb: Any, table_name: str) -> Table:
    return Table(dynamodb, table_name)


def go_on(ledger: DynamoDbLedger, record: Record, phase: Phase = Phase.READY) -> Record:
    [record] = ledger.write([record], [record.to(phase)], phase.lower())
    return record


class TestWithoutAnchors:
    def test_it_is_unknown_and_says_what_was_not_checked(
        self, record: Record, anchors: AnchorStore, verify: Callable[..., int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert verify() == 2
        out = capsys.readouterr().out
        assert "there are no anchors" in out
        assert "NOT CHECKED whether a migration was deleted completely" in out

    def test_unless_that_is_accepted(
        self, record: Record, verify: Callable[..., int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert verify("--without-anchors") == 0
        assert "NOT CHECKED (--without-anchors)" in capsys.readouterr().out

    @pytest.mark.parametrize("where", ["s3://no-such-bucket-of-anchors/", "anchors/"])
    def test_anchors_that_cannot_be_read_are_unknown(
        self, record: Record, verify: Callable[..., int], where: str
    ) -> None:
        assert verify("--anchors", where) == 2

    def test_the_anchors_of_another_table_are_none(
        self, record: Record, anchors: AnchorStore, verify: Callable[..., int], clock: Clock, table: Table
    ) -> None:
        anchors.write(Anchor(f"{table.name}-2", ALL, "", "x", every_head(table)), clock())
        assert verify() == 2


class TestTrail:
    def test_each_follows_the_one_before_it(
        self, record: Record, ledger: DynamoDbLedger, anchors: AnchorStore, anchor: Any, clock: Clock, table: Table
    ) -> None:
        keys = [anchor()]
        for _ in range(2):
            clock.advance(days=20)
            record = go_on(ledger, record, Phase.READY if record.phase is Phase.PLANNED else Phase.CUTTING_OVER)
            keys.append(anchor())
        assert keys == sorted(keys)
        assert keys[0].startswith(f"anchors/2030-01-01/{table.name}/000000.000Z-all-")
        read = [json.loads(one.body)["anchor"] for one in anchors.read(table.name)]
        assert [one["previous"] and one["previous"]["key"] for one in read] == [None, *keys[:-1]]
        assert [one["heads"][0]["sequence"] for one in read] == [1, 2, 3]
        trail = read_trail(anchors, table.name)
        assert not trail.judgement.problems
        assert [one.head.sequence for one in trail.heads[NAME]] == [1, 2, 3]

    def test_two_at_one_moment_are_both_kept(
        self, record: Record, anchors: AnchorStore, anchor: Any, clock: Clock, table: Table, verify: Callable[..., int]
    ) -> None:
        anchor()
        clock.advance(hours=1)
        wave = Anchor(table.name, scope_of_wave("all"), "", "run-1", heads_of(table, [NAME]))
        before = anchors._newest(table.name, clock())
        keys = {anchors.write(wave, clock()), anchors.write(wave, clock())}
        assert len(keys) == 2
        assert before is not None
        assert verify() == 0
        newest = anchors.newest_of_all(table.name, clock())
        assert newest is not None
        assert newest.scope == ALL, "a wave of that name is no anchor of every chain"

    def test_one_that_was_overwritten_is_found_and_its_first_version_counts(
        self, record: Record, anchor: Any, table: Table, make_client: Any, bucket: str, verify: Callable[..., int]
    ) -> None:
        key, s3 = anchor(), make_client("s3")
        table.client.delete_item(TableName=table.name, Key=key_of(NAME))
        table.client.delete_item(TableName=table.name, Key=key_of(history_key(NAME, 1)))
        forged = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        forged["anchor"]["heads"] = []
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(forged).encode())
        assert verify() == verify("--wave", "wave-3") == verify("--migration-id", NAME) == 1

    def test_one_that_was_deleted_is_found(
        self, record: Record, anchor: Any, make_client: Any, bucket: str, verify: Callable[..., int]
    ) -> None:
        make_client("s3").delete_object(Bucket=bucket, Key=anchor())
        assert verify() == 1

    @pytest.mark.parametrize("which", [0, 1])
    def test_in_a_bucket_without_versions_the_next_one_shows_it(
        self, record: Record, make_client: Any, clock: Clock, table: Table, verify: Any, bucket: str, which: int
    ) -> None:
        s3, store, keys = make_client("s3"), AnchorStore(make_client, bucket), []
        for _ in range(2):
            clock.advance(days=1)
            keys.append(store.write(Anchor(table.name, ALL, "", "x", every_head(table)), clock()))
        assert verify() == 0
        if which == 0:
            s3.delete_object(Bucket=bucket, Key=keys[0])
        else:
            body = s3.get_object(Bucket=bucket, Key=keys[0])["Body"].read()
            s3.put_object(Bucket=bucket, Key=keys[0], Body=body.replace(b'"writtenBy":"x"', b'"writtenBy":"y"'))
        assert verify() == 1

    def test_a_later_anchor_of_the_forged_table_hides_nothing(
        self,
        record: Record,
        ledger: DynamoDbLedger,
        anchor: Any,
        clock: Clock,
        table: Table,
        verify: Callable[..., int],
    ) -> None:
        """The attacker may add anchors, or the nightly one anchors what was forged: the older one still contradicts."""
        anchor()
        table.client.delete_item(TableName=table.name, Key=key_of(NAME))
        table.client.delete_item(TableName=table.name, Key=key_of(history_key(NAME, 1)))
        ledger.write([a_record()], [a_record(app_name="forged")], "registered")
        clock.advance(days=1)
        anchor()
        assert verify() == 1

    def test_what_was_written_since_is_named(
        self,
        record: Record,
        ledger: DynamoDbLedger,
        anchor: Any,
        verify: Callable[..., int],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        anchor()
        go_on(ledger, record)
        assert verify() == 0
        assert (
            "lines after the newest anchor, which can be computed again: 1 migrations (mig-web001)"
            in capsys.readouterr().out
        )


class TestObjectLock:
    @pytest.fixture
    def locked(self, make_client: Any, bucket: str) -> AnchorStore:
        s3, name = make_client("s3"), f"{bucket}-locked"
        s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        return AnchorStore(make_client, name, retention_days=30)

    def test_an_anchor_cannot_be_removed_before_its_time(
        self, record: Record, locked: AnchorStore, clock: Clock, table: Table
    ) -> None:
        key = locked.write(Anchor(table.name, ALL, "", "x", every_head(table)), clock())
        kept = locked.client("s3").head_object(Bucket=locked.bucket, Key=key)
        assert kept["ObjectLockMode"] == "COMPLIANCE"
        assert f"{kept['ObjectLockRetainUntilDate']:%Y-%m-%d}" == "2030-01-31"

    def test_the_buckets_own_retention_is_left_to_it(
        self, record: Record, locked: AnchorStore, clock: Clock, table: Table
    ) -> None:
        rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 5}}
        locked.client("s3").put_object_lock_configuration(
            Bucket=locked.bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
        )
        assert locked._retention(clock()) == {}


@pytest.fixture
def kms(make_client: Any) -> Any:
    return make_client("kms")


def a_key(kms: Any, spec: str = "ECC_NIST_P256") -> str:
    return str(kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"])


class TestSignatures:
    @pytest.mark.parametrize("spec", ["ECC_NIST_P256", "RSA_2048"])
    def test_a_signed_anchor_is_believed_of_its_key_only(
        self, record: Record, anchors: AnchorStore, clock: Clock, table: Table, kms: Any, verify: Any, spec: str
    ) -> None:
        key, other = a_key(kms, spec), a_key(kms, spec)
        replace(anchors, kms_key_id=key).write(Anchor(table.name, ALL, "", "x", every_head(table)), clock())
        assert verify("--kms-key", key) == 0
        assert verify("--kms-key", other, "--kms-key", key) == 0
        assert verify("--kms-key", other) == 1
        assert verify() == 2, "signed, and no key named: not checked"
        assert verify("--kms-key", "no-such-key") == 2

    def test_an_anchor_that_is_not_signed_after_one_that_is(
        self, record: Record, anchors: AnchorStore, anchor: Any, clock: Clock, table: Table, kms: Any, verify: Any
    ) -> None:
        key = a_key(kms)
        anchor()
        assert verify("--kms-key", key) == 2, "a key named, and nothing signed"
        clock.advance(days=1)
        replace(anchors, kms_key_id=key).write(Anchor(table.name, ALL, "", "x", every_head(table)), clock())
        assert verify("--kms-key", key) == 0, "before the key there were none"
        clock.advance(days=1)
        anchor()
        assert verify("--kms-key", key) == 1

    def test_content_that_was_changed_under_its_signature(
        self, record: Record, make_client: Any, bucket: str, clock: Clock, table: Table, kms: Any, verify: Any
    ) -> None:
        key, s3 = a_key(kms), make_client("s3")
        store = AnchorStore(make_client, bucket, kms_key_id=key)
        name = store.write(Anchor(table.name, ALL, "", "x", every_head(table)), clock())
        document = json.loads(s3.get_object(Bucket=bucket, Key=name)["Body"].read())
        document["anchor"]["writtenBy"] = "mallory"
        s3.put_object(Bucket=bucket, Key=name, Body=json.dumps(document).encode())
        assert verify("--kms-key", key) == 1

    def test_a_key_that_cannot_sign_is_refused(
        self, anchors: AnchorStore, clock: Clock, table: Table, kms: Any
    ) -> None:
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        with pytest.raises(InvalidInputError, match="must sign") as caught:
            replace(anchors, kms_key_id=key).write(Anchor(table.name, ALL, "", "x", ()), clock())
        assert "Correct the conf" not in caught.value.hint
        assert anchors.read(table.name) == []


class TestProgress:
    """What the nightly task looks at: does each chain go on from the anchor of the night before?"""

    @pytest.fixture
    def before(self, record: Record, table: Table) -> Anchor:
        return Anchor(table.name, ALL, "2030-01-01T00:00:00.000Z", "x", every_head(table))

    def test_nothing_or_another_line_is_well(
        self, before: Anchor, record: Record, ledger: DynamoDbLedger, table: Table
    ) -> None:
        assert not_continued(table, before, every_head(table)) == []
        go_on(ledger, record)
        assert not_continued(table, before, every_head(table)) == []

    def test_one_that_changes_its_status_meanwhile_is_not_gone(
        self, before: Anchor, record: Record, table: Table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The index answers status by status: between two answers a record can move from one to the other."""
        monkeypatch.setattr(Table, "query", lambda *_: [])
        assert every_head(table) == ()
        heads = every_head(table, [NAME])
        assert [one.migration_id for one in heads] == [NAME]
        assert not_continued(table, before, heads) == []

    def test_one_that_is_in_two_answers_is_anchored_once(
        self, record: Record, ledger: DynamoDbLedger, table: Table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = table.get([NAME])[NAME]
        go_on(ledger, record)
        answers = iter([[table.get([NAME])[NAME]], [old]])
        monkeypatch.setattr(Table, "query", lambda *_: next(answers, []))
        assert [one.sequence for one in every_head(table)] == [2]

    @pytest.mark.parametrize("is_written_since", [False, True])
    @pytest.mark.parametrize("kind", ["gone", "line", "record"])
    def test_what_does_not_go_on_is_named(
        self,
        before: Anchor,
        record: Record,
        ledger: DynamoDbLedger,
        table: Table,
        kind: str,
        is_written_since: bool,
    ) -> None:
        if is_written_since:
            go_on(ledger, record)
        if kind == "gone":
            table.client.delete_item(TableName=table.name, Key=key_of(NAME))
        elif kind == "line":
            table.client.delete_item(TableName=table.name, Key=key_of(history_key(NAME, 1)))
        else:
            item = table.get([NAME])[NAME] | {"instanceId": {"S": "i-0fffffffffffffff0"}}
            table.client.put_item(TableName=table.name, Item=item)
        problems = not_continued(table, before, every_head(table))
        # An unchanged head says nothing of its line, and a line that follows covers its record: the chain shows both.
        is_left_to_the_chain = (kind, is_written_since) in {("line", False), ("record", True)}
        assert bool(problems) is not is_left_to_the_chain
