"""What somebody who may write the table can do to the ledger, and that the command finds it.

The ledger holds two migrations of six lines each, one of them an approval. Each case is the attacker's puts, updates
and deletes; the command is asked for the whole table, for the wave and for the migration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.states import Phase
from migration_ops.ledger.chain import digest_of, entry_of
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.items import from_value, history_key, key_of, lock_key, to_value
from migration_ops.ledger.protocol import Intent, Record
from tests.ledger.builders import a_holder, a_record

VICTIM = "mig-web001"
LINES = range(1, 7)
APPROVAL = 4


@pytest.fixture
def records(ledger: DynamoDbLedger) -> list[Record]:
    """Six lines each: registered, three of the test, approved, cutting over."""
    holder, records = a_holder(), [a_record(1), a_record(2)]

    def write(event: str, detail: dict[str, Any], **changes: Any) -> None:
        nonlocal records
        new = [replace(one, **changes) for one in records]
        records = ledger.write(records, new, event, detail, holder=holder)

    write("registered", {"runId": holder.run_id}, dag_run_id=holder.run_id)
    intent = Intent("START_TEST", "intent-1", 1, "2030-01-01T00:00:00.000Z", job_id="mgnjob-1", outcome="LAUNCHED")
    write("test launching", {"lag": 0.5}, phase=Phase.TEST_LAUNCHING, intents={"START_TEST": intent})
    write("test launched", {}, phase=Phase.TEST_LAUNCHED, instance_id="i-0123456789abcdef0")
    approval = {"approved": True, "by": "alice", "planHash": "p1"}
    write("cutover approved", approval, facts={"approvals": {"cutover": approval}, "lag": 1.5})
    write("tested", {}, phase=Phase.TESTED)
    write("noted", {}, error_code="CHECK_FAILED", error_message="a check did not pass")
    return records


class Attacker:
    """Puts, updates and deletes items of the table, as its writer's role may."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def get(self, key: str) -> dict[str, Any]:
        return dict(self._client.get_item(TableName=self._table, Key=key_of(key))["Item"])

    def record(self) -> dict[str, Any]:
        return self.get(VICTIM)

    def line(self, number: int) -> dict[str, Any]:
        return self.get(history_key(VICTIM, number))

    def put(self, item: dict[str, Any], **attributes: Any) -> None:
        item = item | {name: to_value(value) for name, value in attributes.items()}
        self._client.put_item(TableName=self._table, Item=item)

    def drop(self, *keys: str) -> None:
        for key in keys:
            self._client.delete_item(TableName=self._table, Key=key_of(key))

    def drop_lines(self, numbers: range = LINES) -> None:
        self.drop(*[history_key(VICTIM, number) for number in numbers])

    def recompute(self, since: int) -> None:
        """Makes every line from here on follow the one before it, and the record end with the last."""
        previous = from_value(self.line(since - 1)["digest"]) if since > 1 else ""
        for number in range(since, LINES[-1] + 1):
            line = self.line(number) | {"previousDigest": to_value(previous)}
            previous = digest_of(entry_of(line))
            self.put(line, digest=previous)
        self.put(self.record(), historyDigest=previous)


def edit_a_line(it: Attacker) -> None:
    it.put(it.line(3), detail='{"lag":0.1}')


def expire_all_lines(it: Attacker) -> None:
    for number in LINES:
        it.put(it.line(number), expiresAt=1)


def edit_the_approver_and_recompute(it: Attacker) -> None:
    it.put(it.line(APPROVAL), detail='{"approved":true,"by":"mallory","planHash":"p1"}')
    it.recompute(APPROVAL)


def cut_the_last_line(it: Attacker) -> None:
    it.drop_lines(range(6, 7))
    line = it.line(5)
    back = {"historySequence": 5, "version": 5, "phase": "TESTED"}
    it.put(it.record() | {"historyDigest": line["digest"]}, **back)


def cut_in_the_middle(it: Attacker) -> None:
    """The record is set back to line 3; the lines after it go, but for the last."""
    it.drop_lines(range(4, 6))
    line = it.line(3)
    it.put(it.record() | {"historyDigest": line["digest"], "phase": line["phase"]}, historySequence=3, version=3)


def call_the_first_lines_archived(it: Attacker) -> None:
    it.put(it.record(), archivedSequence=4, archivedDigest=from_value(it.line(4)["digest"]))
    it.drop_lines(range(1, 5))


def call_all_lines_archived(it: Attacker) -> None:
    it.put(it.record() | {"archivedDigest": it.record()["historyDigest"]}, archivedSequence=6)
    it.drop_lines()


def invent_an_anchor(it: Attacker) -> None:
    """The first four lines are said to be archived with a digest of the attacker's; the rest is forged upon it."""
    it.put(it.record(), archivedSequence=4, archivedDigest="a" * 64, archiveKey=f"archive/wave-3/{VICTIM}-v4.json")
    it.put(it.line(4), digest="a" * 64)
    it.put(it.line(5), event="nothing to see")
    it.recompute(5)
    it.drop_lines(range(1, 5))


def delete_everything(it: Attacker) -> None:
    it.drop(VICTIM)
    it.drop_lines()


def move_to_another_wave(it: Attacker) -> None:
    it.put(it.record(), wave="wave-4")


def edit_the_recorded_approver(it: Attacker) -> None:
    facts = from_value(it.record()["facts"])
    facts["approvals"]["cutover"]["by"] = "mallory"
    it.put(it.record(), facts=facts)


def status_alone(it: Attacker) -> None:
    it.put(it.record(), status="COMPLETED")


def forget_the_intents(it: Attacker) -> None:
    it.put(it.record(), intents={})


def steal_the_lock(it: Attacker) -> None:
    it.put(it.get(lock_key(a_record(1).source_server_id)), runId="run-of-mallory")


def attribute(name: str, value: str) -> Callable[[Attacker], None]:
    return lambda it: it.put(it.record(), **{name: value})


TAMPERINGS: dict[str, Callable[[Attacker], None]] = {
    "edit one line": edit_a_line,
    "delete the record only": lambda it: it.drop(VICTIM),
    "expire all lines": expire_all_lines,
    "edit who approved and recompute the chain": edit_the_approver_and_recompute,
    "cut the last line and set the record back": cut_the_last_line,
    "cut lines before the last and set the record back": cut_in_the_middle,
    "archivedSequence 4 and delete lines 1-4": call_the_first_lines_archived,
    "archivedSequence = end and delete every line": call_all_lines_archived,
    "invent an anchor, forge the rest": invent_an_anchor,
    "delete record and all lines": delete_everything,
    "move a record to another wave": move_to_another_wave,
    "facts.approvals.*.by": edit_the_recorded_approver,
    "instanceId": attribute("instanceId", "i-0fffffffffffffff0"),
    "sourceServerId": attribute("sourceServerId", "s-0fffffffffffffff0"),
    "errorCode": attribute("errorCode", "NONE"),
    "errorMessage": attribute("errorMessage", "all is well"),
    "dagRunId": attribute("dagRunId", "run-of-mallory"),
    "appName": attribute("appName", "payroll"),
    "status alone": status_alone,
    "empty intents": forget_the_intents,
    "steal a lock": steal_the_lock,
}


CHOICES = ((), ("--wave", "wave-3"), ("--migration-id", VICTIM))


@pytest.mark.parametrize("name", TAMPERINGS)
def test_it_is_found(
    records: list[Record],
    anchor: Callable[[], str],
    verify: Callable[..., int],
    dynamodb: Any,
    table_name: str,
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    anchor()
    assert [verify(*choice) for choice in CHOICES] == [0, 0, 0]
    TAMPERINGS[name](Attacker(dynamodb, table_name))
    capsys.readouterr()
    assert [verify(*choice) for choice in CHOICES] == [1, 1, 1]
    assert "mig-web002" not in capsys.readouterr().out


# What only anchors show, for the table, the wave and the migration. All else is found without them.
ONLY_BY_ANCHORS = {
    "delete the record only": (1, 0, 1),
    "move a record to another wave": (1, 0, 1),
    "edit who approved and recompute the chain": (0, 0, 0),
    "delete record and all lines": (0, 0, 2),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_without_anchors(
    records: list[Record], verify: Callable[..., int], dynamodb: Any, table_name: str, name: str
) -> None:
    TAMPERINGS[name](Attacker(dynamodb, table_name))
    found = tuple(verify("--without-anchors", *choice) for choice in CHOICES)
    assert found == ONLY_BY_ANCHORS.get(name, (1, 1, 1))
