"""An edit, a drop, a swap and a cut-off end of a history are found, in the table and by the command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from migration_ops.core.states import Phase
from migration_ops.ledger import verify_history
from migration_ops.ledger.chain import digest_of, entry_of
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.items import history_key, key_of, to_value
from migration_ops.ledger.protocol import Record
from tests.ledger.builders import a_record

STEPS = (Phase.TEST_LAUNCHING, Phase.TEST_LAUNCHED, Phase.TESTED)


@pytest.fixture
def record(ledger: DynamoDbLedger) -> Record:
    """Two migrations with four lines each."""
    records = [a_record(1), a_record(2)]
    records = ledger.write(records, records, "registered", {"by": "me"})
    for phase in STEPS:
        records = ledger.write(records, [one.to(phase) for one in records], phase.lower(), {"lag": 0.5})
    return records[0]


class Tamperer:
    """Does to the table what an attacker with write access would do."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def line(self, number: int, migration_id: str = "mig-web001") -> dict[str, Any]:
        return self._client.get_item(TableName=self._table, Key=key_of(history_key(migration_id, number)))["Item"]

    def put(self, item: dict[str, Any], **attributes: Any) -> None:
        item = item | {name: to_value(value) for name, value in attributes.items()}
        self._client.put_item(TableName=self._table, Item=item)

    def drop(self, key: str) -> None:
        self._client.delete_item(TableName=self._table, Key=key_of(key))

    def record(self) -> dict[str, Any]:
        return self._client.get_item(TableName=self._table, Key=key_of("mig-web001"))["Item"]


def swap(it: Tamperer) -> None:
    """Two lines change places, their numbers corrected."""
    two, three = it.line(2), it.line(3)
    it.put(two | {"migrationId": three["migrationId"], "sequence": three["sequence"]})
    it.put(three | {"migrationId": two["migrationId"], "sequence": two["sequence"]})


def relink(it: Tamperer) -> None:
    """A line is edited, its digest recomputed, and the next line made to follow it."""
    edited = it.line(2) | {"event": to_value("approved")}
    digest = digest_of(entry_of(edited))
    it.put(edited, digest=digest)
    it.put(it.line(3), previousDigest=digest)


def reseal(it: Tamperer) -> None:
    """A line is edited and its own digest recomputed; only the line after it shows that."""
    edited = it.line(2) | {"event": to_value("approved")}
    it.put(edited, digest=digest_of(entry_of(edited)))


def truncate(it: Tamperer) -> None:
    """The last line goes, and the record is set back so that the numbers fit."""
    it.drop(history_key("mig-web001", 4))
    it.put(it.record(), historySequence=3, version=3, phase="TEST_LAUNCHED")


TAMPERING: dict[str, Callable[[Tamperer], None]] = {
    "detail edited": lambda it: it.put(it.line(3), detail='{"lag":0.1}'),
    "detail unreadable": lambda it: it.put(it.line(3), detail="{"),
    "event edited": lambda it: it.put(it.line(1), event="approved"),
    "time edited": lambda it: it.put(it.line(4), at="2031-01-01T00:00:00.000Z"),
    "phase edited": lambda it: it.put(it.line(4), phase="READY"),
    "first dropped": lambda it: it.drop(history_key("mig-web001", 1)),
    "middle dropped": lambda it: it.drop(history_key("mig-web001", 3)),
    "last dropped": lambda it: it.drop(history_key("mig-web001", 4)),
    "swapped": swap,
    "edited and relinked": relink,
    "edited and resealed": reseal,
    "one line twice": lambda it: it.put(it.line(2) | {"migrationId": it.line(3)["migrationId"]}),
    "truncated": truncate,
    "record set back": lambda it: it.put(it.record(), historySequence=3, version=3),
    "record's phase changed": lambda it: it.put(it.record(), phase="FINALIZED"),
    "record's digest changed": lambda it: it.put(it.record(), historyDigest="0" * 64),
    "record malformed": lambda it: it.put(it.record(), phase="DONE"),
    "record gone": lambda it: it.drop("mig-web001"),
    "line of another migration": lambda it: it.put(it.line(2, "mig-web002"), migrationId=history_key("mig-web001", 2)),
}


@pytest.fixture
def run(dynamodb: Any, table_name: str) -> Callable[..., int]:
    """The chains alone; what the anchors show is in test_tampering.py."""
    given = ["--table", table_name, "--without-anchors"]
    return lambda *arguments: verify_history.main([*given, *arguments], client=dynamodb)


def test_whole(record: Record, run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == run("--wave", "wave-3") == run("--migration-id", "mig-web001") == 0
    assert "2 checked, 0 broken" in capsys.readouterr().out


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_found(
    record: Record,
    run: Callable[..., int],
    dynamodb: Any,
    table_name: str,
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    TAMPERING[name](Tamperer(dynamodb, table_name))
    assert run() == run("--migration-id", "mig-web001") == 1
    assert run("--migration-id", "mig-web002") == 0
    out = capsys.readouterr().out
    assert "BROKEN mig-web001" in out
    assert "BROKEN mig-web002" not in out


def test_what_cannot_be_known_is_two(record: Record, run: Callable[..., int], dynamodb: Any) -> None:
    assert run("--migration-id", "mig-none") == 2
    assert run("--wave", "wave-none") == 2
    assert verify_history.main(["--table", "no-such-table"], client=dynamodb) == 2


def test_without_a_region_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert verify_history.main(["--table", "t"]) == 2
