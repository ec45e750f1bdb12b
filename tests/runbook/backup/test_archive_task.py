"""The nightly task that archives: what is due, how much of it in one night, and what stays in the table."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.core.states import Phase
from migration_ops.ledger.archiving import Due, Expiring, archive_due, room_for
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.items import history_key
from migration_ops.ledger.protocol import Record
from migration_ops.ledger.stored_chain import read_chain
from migration_ops.ledger.table import Table
from tests.runbook.backup.dag_run import Run
from tests.runbook.backup.lab import Lab, days_ago, odd_items

CONFIG = Path(__file__).resolve().parents[3] / "include" / "config"
FULL = 800


@pytest.fixture
def filled(lab: Lab) -> Lab:
    """So many items that a migration is a small part of them."""
    lab.put(list(odd_items(FULL)))
    return lab


def ended(lab: Lab, name: str, wave: str, days: float, *phases: Phase) -> str:
    """A migration whose last line is so many days old."""
    ledger = DynamoDbLedger(lab.dynamodb, lab.table, lambda: days_ago(0) - timedelta(days=days))
    record = Record(name, wave, "app", f"s-{name}", Phase.PLANNED)
    for phase in (Phase.PLANNED, *(phases or (Phase.READY, Phase.FAILED))):
        record = ledger.write([record], [record.to(phase)], "moved", {"to": phase.value})[0]
    return name


def night(lab: Lab, run_id: str = "manual-1", **more: Any) -> Run:
    return Run("runbook_backup", run_id, {"mode": "scan", "notify": False}, **more).whole()


def expiries(lab: Lab, name: str) -> list[bool]:
    """Of record and lines: whether they have a time to live."""
    items = lab.items()
    return ["expiresAt" in items[key] for key in (name, *(history_key(name, number) for number in (1, 2, 3)))]


def test_what_ended_long_ago_is_copied_and_gets_a_time_to_live(filled: Lab) -> None:
    old = ended(filled, "mig-old", "wave-old", 200)
    recent = ended(filled, "mig-recent", "wave-recent", 100)
    run = night(filled)
    assert run.is_green, run.errors
    assert run.finding("ledger_archived")["reason"] == "1 migrations archived"
    assert (expiries(filled, old), expiries(filled, recent)) == ([True] * 4, [False] * 4)
    copies = [one.key for one in filled.store.objects("archive/")]
    assert copies == [f"archive/wave-old/{old}-v3.json"]
    body = json.loads(filled.s3.get_object(Bucket=filled.bucket, Key=copies[0])["Body"].read())
    assert len(body["history"]) == 3
    # Whole also when DynamoDB has removed the lines: the copy has them.
    for number in (1, 2, 3):
        filled.dynamodb.delete_item(TableName=filled.table, Key={"migrationId": {"S": history_key(old, number)}})
    chain = read_chain(Table(filled.dynamodb, filled.table), old, days_ago(0).timestamp())
    assert chain.judged(EvidenceStore(filled.box.boto, filled.bucket)).problems == []


def test_cleared_or_the_next_night_it_does_nothing_twice(filled: Lab) -> None:
    ended(filled, "mig-old", "wave-old", 200)
    assert night(filled).values["archive", "return_value"]["archived"] == 1
    before = filled.items()["mig-old"]
    second = night(filled, "manual-2")
    assert second.is_green, second.errors
    assert second.values["archive", "return_value"]["archived"] == 0
    assert filled.items()["mig-old"] == before
    assert second.verdicts["ledger_anchored"] == "OK"


@pytest.mark.parametrize(
    ("days", "phases"),
    [(200, (Phase.READY,)), (200, (Phase.READY, Phase.FROZEN)), (1, (Phase.READY, Phase.FAILED))],
    ids=["on its way", "held", "written lately"],
)
def test_a_wave_that_did_not_end_altogether_stays(filled: Lab, days: float, phases: tuple[Phase, ...]) -> None:
    old = ended(filled, "mig-old", "wave-1", 200)
    ended(filled, "mig-other", "wave-1", days, *phases)
    run = night(filled)
    assert run.is_green, run.errors
    assert run.values["archive", "return_value"]["archived"] == 0
    assert not any(expiries(filled, old))


def test_few_items_in_one_night_the_oldest_first(lab: Lab) -> None:
    lab.put(list(odd_items(400)))
    for number in range(4):
        ended(lab, f"mig-{number}", f"wave-{number}", 300 - number)
    run = night(lab)
    assert run.finding("ledger_archived")["reason"] == "2 migrations archived, 2 are due and wait for a later night"
    assert [any(expiries(lab, f"mig-{number}")) for number in range(4)] == [True, True, False, False]


def test_of_a_small_ledger_nothing_is_archived_and_that_is_said(lab: Lab) -> None:
    """With it a tenth of the next backup's items could be gone."""
    old = ended(lab, "mig-old", "wave-old", 200)
    run = night(lab)
    assert run.values["archive", "return_value"]["archived"] == 0
    assert not any(expiries(lab, old))
    found = run.finding("ledger_archived")
    assert found["verdict"] == "WARNING"
    assert "mig-old" in found["reason"]


LONG = (*(Phase.READY, Phase.FAILED) * 6,)


def test_a_migration_of_more_items_than_a_nights_share_goes_alone(lab: Lab) -> None:
    lab.put(list(odd_items(400)))
    long = ended(lab, "mig-long", "wave-long", 300, *LONG)
    other = ended(lab, "mig-short", "wave-short", 200)
    run = night(lab)
    assert run.is_green, run.errors
    assert run.finding("ledger_archived")["reason"] == "1 migrations archived, 1 are due and wait for a later night"
    assert (any(expiries(lab, long)), any(expiries(lab, other))) == (True, False)


def test_the_next_large_one_waits_until_both_together_are_few(lab: Lab) -> None:
    lab.put(list(odd_items(200)))
    names = [ended(lab, f"mig-{number}", f"wave-{number}", 300 - number, *LONG) for number in range(2)]
    assert night(lab).values["archive", "return_value"]["archived"] == 1
    run = night(lab, "manual-2")
    assert run.finding("ledger_archived")["reason"] == "0 migrations archived, 1 are due and wait for a later night"
    assert [any(expiries(lab, one)) for one in names] == [True, False]


class Copies:
    """An archive that only notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def archive(self, migration_id: str) -> None:
        self.asked.append(migration_id)


DAY = 86_400


@pytest.mark.parametrize("sizes", [[4] * 60, [13] * 20, [39, 4] * 5, [4] * 30 + [30] * 4, [30, *[4] * 40, 30]])
@pytest.mark.parametrize("late", [0, 1, 3])
def test_every_due_migration_goes_in_the_end_and_no_backup_lacks_too_much(sizes: list[int], late: int) -> None:
    """:param late: days after which expired items are really gone; those of so many days go at once."""
    waiting = [Due(f"mig-{number}", "wave", f"{number:03}", items) for number, items in enumerate(sizes)]
    total, going = 400 + sum(sizes), list[Expiring]()
    for today in range(400):
        copies, expires_at = Copies(), (today + 90) * DAY
        done = archive_due(copies, waiting, room_for(total, going, 2.0, 90.0, expires_at))  # type: ignore[arg-type]
        assert done.problems == done.too_large == ()
        going += [Expiring(expires_at, one.items) for one in waiting if one.migration_id in copies.asked]
        waiting = [one for one in waiting if one.migration_id not in copies.asked]
        gone = [one for one in going if one.expires_at <= today * DAY] if today % (late + 1) == 0 else []
        lost = sum(one.items for one in gone)
        assert (total - lost) * 100 >= total * 90
        total, going = total - lost, [one for one in going if one not in gone]
    assert waiting == []
    assert total == 400


def test_what_can_never_go_is_named_and_keeps_nobody_waiting() -> None:
    due = [Due("mig-huge", "wave", "1", 41), Due("mig-small", "wave", "2", 4)]
    done = archive_due(Copies(), due, room_for(400, [], 2.0, 90.0, 90 * DAY))  # type: ignore[arg-type]
    assert (done.archived, done.left) == (("mig-small",), ())
    [named] = done.too_large
    assert named == "mig-huge: 41 items, and fewer than 40 may expire together"


def test_a_backup_that_may_lack_nothing_lets_nothing_go() -> None:
    done = archive_due(Copies(), [Due("mig-1", "wave", "1", 4)], room_for(400, [], 2.0, 100.0, 90 * DAY))  # type: ignore[arg-type]
    assert (done.archived, len(done.too_large)) == ((), 1)


def test_a_history_that_is_not_whole_is_critical_and_stays(filled: Lab) -> None:
    old = ended(filled, "mig-old", "wave-old", 200)
    key = {"migrationId": {"S": history_key(old, 2)}}
    line = dict(filled.dynamodb.get_item(TableName=filled.table, Key=key)["Item"])
    filled.dynamodb.put_item(TableName=filled.table, Item=line | {"event": {"S": "forged"}})
    run = night(filled)
    assert run.verdicts["ledger_archived"] == "CRITICAL"
    assert not run.is_green
    assert not any(expiries(filled, old))
    assert list(filled.store.objects("archive/")) == []


@pytest.mark.parametrize(
    ("service", "operation"), [("dynamodb", "Query"), ("s3", "PutObject"), ("dynamodb", "TransactWriteItems")]
)
def test_a_refused_call_makes_it_red_and_lets_nothing_expire(filled: Lab, service: str, operation: str) -> None:
    def refuse(task_id: str) -> None:
        filled.box.faults.remove()
        if task_id == "archive":
            filled.box.client.add_fault("accessDenied", service=service, operation=operation)

    old = ended(filled, "mig-old", "wave-old", 200)
    run = night(filled, before=refuse)
    filled.box.faults.remove()
    assert (run.states["archive"], run.verdicts["archive"]) == ("failed", "UNKNOWN")
    assert not run.is_green
    assert not any(expiries(filled, old))


def test_what_could_not_be_anchored_is_not_archived(filled: Lab) -> None:
    def refuse(task_id: str) -> None:
        filled.box.faults.remove()
        if task_id == "anchors":
            filled.box.client.add_fault("accessDenied", service="s3", operation="PutObject")

    old = ended(filled, "mig-old", "wave-old", 200)
    run = night(filled, before=refuse)
    filled.box.faults.remove()
    assert run.states["archive"] == "upstream_failed"
    assert not any(expiries(filled, old))


def test_it_can_be_switched_off(filled: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path, dirs_exist_ok=True)
    limits = (CONFIG / "thresholds.yaml").read_text(encoding="utf-8")
    off = limits.replace("archiveAfterDays: 180", "archiveAfterDays: null")
    (tmp_path / "thresholds.yaml").write_text(off, encoding="utf-8")
    monkeypatch.setenv("MIGRATION_OPS_CONFIG_DIRECTORY", str(tmp_path))
    old = ended(filled, "mig-old", "wave-old", 200)
    run = night(filled)
    assert (run.states["archive"], run.is_green) == ("skipped", True), run.errors
    assert not any(expiries(filled, old))
