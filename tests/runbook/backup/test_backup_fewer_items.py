"""A backup that holds far fewer items than the one before is red, and takes nobody's place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migration_ops.core.errors import UnknownError
from migration_ops.runbook.backup.earlier import newest_of_nothing
from migration_ops.runbook.backup.keys import found_in, table_prefix
from migration_ops.runbook.backup.manifest import Manifest, NoBackupError, manifest_key
from migration_ops.runbook.backup.verify import latest_verified, mark_verified, verify_backup
from tests.runbook.backup.dag_run import Run
from tests.runbook.backup.lab import Lab, days_ago, odd_items

QUIET = {"notify": False}
FULL = 100


def of_nothing(lab: Lab) -> Any:
    found, _ = found_in(lab.store.objects(table_prefix(lab.table)))
    return newest_of_nothing(lab.store, found)


def night(_: Lab, run_id: str, mode: str = "scan", **params: Any) -> Run:
    return Run("runbook_backup", run_id, {"mode": mode, **QUIET, **params}).whole()


def shrink_to(lab: Lab, number: int) -> None:
    keys = [{"DeleteRequest": {"Key": {"migrationId": {"S": name}}}} for name in sorted(lab.items())[number:]]
    for start in range(0, len(keys), 25):
        lab.dynamodb.batch_write_item(RequestItems={lab.table: keys[start : start + 25]})


@pytest.fixture
def full(lab: Lab) -> Lab:
    lab.put(list(odd_items(FULL)))
    assert night(lab, "first").is_green
    return lab


@pytest.mark.parametrize("mode", ["scan", "export"])
def test_a_wiped_ledger_is_red_and_takes_no_place(full: Lab, mode: str) -> None:
    shrink_to(full, 0)
    run = night(full, "wiped", mode)
    assert run.verdicts["backup_items"] == "CRITICAL"
    assert run.finding("backup_items")["route"] == "page"
    assert not run.is_green
    assert run.states["expire"] == "upstream_failed", "nothing old goes"
    assert latest_verified(full.store, full.table)[1].items == FULL
    plan = Run("migration_restore", "restore", QUIET).whole().finding("restore_plan")
    assert plan["value"] == FULL
    # The night after is no better.
    assert night(full, "wiped-again").verdicts["backup_items"] == "CRITICAL"


@pytest.mark.parametrize(("left", "verdict"), [(90, "OK"), (89, "CRITICAL"), (100, "OK"), (1, "CRITICAL")])
def test_the_limit(full: Lab, left: int, verdict: str) -> None:
    shrink_to(full, left)
    run = night(full, "second")
    assert run.verdicts["backup_items"] == verdict
    assert latest_verified(full.store, full.table)[1].items == (left if verdict == "OK" else FULL)


@pytest.mark.parametrize("left", [0, 5])
def test_a_person_may_say_so(full: Lab, left: int) -> None:
    shrink_to(full, left)
    run = night(full, "second", acceptFewerItems=True)
    assert run.is_green, run.errors
    assert run.verdicts["backup_items"] == "WARNING"
    assert latest_verified(full.store, full.table)[1].items == left
    assert night(full, "third").verdicts["backup_items"] == "OK"


def test_a_new_installation_is_quiet_and_offers_nothing(lab: Lab) -> None:
    for name in ("first", "second"):
        run = night(lab, name)
        assert run.is_green, run.errors
        assert set(run.verdicts.values()) == {"OK"}
        with pytest.raises(NoBackupError):
            latest_verified(lab.store, lab.table)
        # What the health check goes by, however old the table is.
        empty = of_nothing(lab)
        assert empty
        assert empty[1].run_id == name
    lab.put(list(odd_items(3)))
    assert night(lab, "third").is_green
    assert latest_verified(lab.store, lab.table)[1].items == 3


@pytest.mark.parametrize("left", [0, 5])
def test_where_a_backup_held_something_an_empty_one_is_no_beginning(lab: Lab, left: int) -> None:
    lab.put(list(odd_items(20)))
    lab.back_up("unread", days_ago(1))
    assert of_nothing(lab) is None
    shrink_to(lab, left)
    lab.back_up("later")
    assert of_nothing(lab) is None


def test_an_empty_one_beside_one_that_cannot_be_read_is_unknown(lab: Lab) -> None:
    base, manifest = lab.back_up("unread", days_ago(1))
    lab.back_up("later")
    lab.store.put_document(manifest_key(base), manifest.as_document() | {"items": 1})
    with pytest.raises(UnknownError):
        of_nothing(lab)


def test_a_backup_that_was_never_read_back_is_compared_with_too(lab: Lab) -> None:
    lab.put(list(odd_items(20)))
    lab.back_up("unread")
    shrink_to(lab, 0)
    assert night(lab, "second").verdicts["backup_items"] == "CRITICAL"


@pytest.mark.parametrize("what", ["edited", "no JSON"])
@pytest.mark.parametrize("left", [0, FULL])
def test_an_earlier_backup_that_cannot_be_read_is_unknown(full: Lab, what: str, left: int) -> None:
    base, manifest = latest_verified(full.store, full.table)
    shrink_to(full, left)

    def spoil(task_id: str) -> None:
        if task_id != "verify":
            return
        if what == "edited":
            full.store.put_document(manifest_key(base), manifest.as_document() | {"items": 1})
        else:
            full.store.put(f"{base}/verified.json", b"{", "application/json")

    run = Run("runbook_backup", "second", {"mode": "scan", **QUIET}, before=spoil).whole()
    # Without its mark the manifest still says that there were items; an edited one says nothing.
    is_known = what == "no JSON" and not left
    assert run.verdicts["backup_items"] == ("CRITICAL" if is_known else "UNKNOWN")
    assert run.verdicts["backup_gap"] == "UNKNOWN"
    assert not run.is_green
    with pytest.raises(NoBackupError):
        latest_verified(full.store, full.table)


def test_the_table_of_another_name_is_caught(full: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong table name: that table exists, is empty, and was never backed up."""
    _, manifest = latest_verified(full.store, full.table)
    full.dynamodb.create_table(TableName="wrong-state", **manifest.create_table)
    monkeypatch.setenv("MIGRATION_OPS_TABLE_NAME", "wrong-state")
    run = night(full, "second")
    assert run.verdicts["backup_items"] == "CRITICAL"
    assert full.table in run.finding("backup_items")["reason"]


def test_the_table_of_another_region_is_caught(full: Lab) -> None:
    base, manifest = latest_verified(full.store, full.table)
    there = manifest.table_arn.replace(":us-east-1:", ":eu-west-1:")
    assert there != manifest.table_arn
    other = Manifest(**{**vars(manifest), "table_arn": there})
    full.store.put_document(manifest_key(base), other.as_document())
    mark_verified(full.store, base, verify_backup(full.store, base), datetime.now(UTC))
    run = night(full, "second")
    assert run.verdicts["backup_items"] == "CRITICAL"
    assert there in run.finding("backup_items")["reason"]


def test_a_cleared_old_run_is_not_compared_with_what_came_later(lab: Lab) -> None:
    lab.put(list(odd_items(10)))
    old = night(lab, "old")
    lab.put(list(odd_items(100)))
    assert night(lab, "new").is_green
    assert old.whole().is_green, old.errors
    assert latest_verified(lab.store, lab.table)[1].items == 100


def test_an_empty_backup_that_an_older_version_marked_is_offered_to_nobody(full: Lab) -> None:
    base, _ = latest_verified(full.store, full.table)
    shrink_to(full, 0)
    empty, _ = full.back_up("empty", datetime.now(UTC) + timedelta(minutes=1))
    mark_verified(full.store, empty, verify_backup(full.store, empty), datetime.now(UTC))
    assert latest_verified(full.store, full.table)[0] == base


def test_a_backup_that_was_found_bad_is_made_again(lab: Lab) -> None:
    """Cleared after a known failure, the run makes a new one; what was verified is not made again."""
    lab.put(list(odd_items(30)))
    spoilt: list[str] = []

    def spoil(task_id: str) -> None:
        if task_id == "verify" and not spoilt:
            spoilt.append(next(one.key for one in lab.store.objects("backups/") if "part-" in one.key))
            lab.store.put(spoilt[0], b"spoilt", "application/gzip")

    run = Run("runbook_backup", params={"mode": "scan", **QUIET}, before=spoil).whole()
    assert run.verdicts["backup_read_back"] == "CRITICAL"
    assert run.whole().is_green, run.errors
    assert latest_verified(lab.store, lab.table)[1].items == 30
    assert found_in(lab.store.objects("backups/"))[1] == []


def test_a_wiped_ledger_that_was_brought_back_is_backed_up_by_the_same_run(full: Lab) -> None:
    shrink_to(full, 0)
    run = night(full, "second")
    full.put(list(odd_items(FULL)))
    assert run.whole().is_green, run.errors
    assert latest_verified(full.store, full.table)[1].run_id == "second"


def test_a_drill_over_nothing_is_unknown(lab: Lab) -> None:
    base, _ = lab.back_up("empty")
    verified = verify_backup(lab.store, base)
    mark_verified(lab.store, base, verified, datetime.now(UTC), accepted_fewer=True)
    run = Run("runbook_dr_drill", params=QUIET).whole()
    for name in ("drill_backup_items", "drill_backup_history", "drill_pitr_items", "drill_pitr_history"):
        assert run.verdicts[name] == "UNKNOWN", name
    assert not run.is_green


def test_a_drill_without_migrations_is_unknown(lab: Lab) -> None:
    lab.put(list(odd_items(5)))
    assert night(lab, "first").is_green
    run = Run("runbook_dr_drill", params=QUIET).whole()
    assert run.verdicts["drill_backup_items"] == "OK"
    assert run.verdicts["drill_backup_history"] == run.verdicts["drill_pitr_history"] == "UNKNOWN"
