"""The three DAG files, every task against the sandbox: backup, restore, drill; and what happens when parts fail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migration_ops.core.errors import MigrationError
from migration_ops.runbook.backup.keys import found_in
from migration_ops.runbook.backup.manifest import NoBackupError
from migration_ops.runbook.backup.restore import RUN_TAG
from migration_ops.runbook.backup.verify import latest_verified
from tests.runbook.backup.dag_run import Run
from tests.runbook.backup.lab import Lab, odd_items

QUIET = {"notify": False}


def tables(lab: Lab) -> list[str]:
    return sorted(lab.dynamodb.list_tables()["TableNames"])


def backed_up(lab: Lab, mode: str = "scan", **more: Any) -> Run:
    lab.put(list(odd_items(300)))
    return Run("runbook_backup", params={"mode": mode, **QUIET}, **more).whole()


def explain(run: Run) -> str:
    return f"{run.states} {run.errors}"


class TestBackup:
    @pytest.mark.parametrize(("mode", "done", "skipped"), [("auto", "seal", "scan"), ("scan", "scan", "seal")])
    def test_it_is_made_read_back_and_reported(self, lab: Lab, mode: str, done: str, skipped: str) -> None:
        run = backed_up(lab, mode)
        assert run.is_green, explain(run)
        assert (run.states[done], run.states[skipped]) == ("success", "skipped")
        assert run.verdicts["backup_read_back"] == "OK"
        assert run.finding("backup_made")["value"] == 300
        assert latest_verified(lab.store, lab.table)[1].run_id == run.run_id
        assert run.values["report", "return_value"]["key"]

    def test_into_a_bucket_with_a_default_retention_it_is_a_scan(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name = "migration-evidence-locked"
        lab.s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 365}}
        lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
        lab.s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
        monkeypatch.setenv("MIGRATION_OPS_EVIDENCE_BUCKET", name)
        run = backed_up(lab, "auto")
        assert run.is_green, explain(run)
        assert (run.states["scan"], run.states["export"]) == ("success", "skipped")

    def test_it_notifies_people_unless_it_must_not(self, lab: Lab) -> None:
        assert Run("runbook_backup").whole().states["notify"] == "success"

    def test_a_table_without_recovery_is_scanned_and_that_is_a_warning(self, lab: Lab) -> None:
        spec = {"PointInTimeRecoveryEnabled": False}
        lab.dynamodb.update_continuous_backups(TableName=lab.table, PointInTimeRecoverySpecification=spec)
        try:
            run = backed_up(lab, "auto")
            refused = Run("runbook_backup", "manual-2", {"mode": "export", **QUIET}).whole()
        finally:
            spec = {"PointInTimeRecoveryEnabled": True}
            lab.dynamodb.update_continuous_backups(TableName=lab.table, PointInTimeRecoverySpecification=spec)
        assert run.is_green, explain(run)
        assert run.verdicts["backup_point_in_time"] == "WARNING"
        assert refused.states["plan"] == "failed"
        assert not refused.is_green

    @pytest.mark.parametrize(
        ("service", "operation"),
        [
            ("dynamodb", "DescribeTable"),
            ("dynamodb", "DescribeContinuousBackups"),
            ("dynamodb", "Scan"),
            ("s3", "PutObject"),
            ("s3", "ListObjectsV2"),
            ("s3", "GetObject"),
            ("s3", "GetBucketEncryption"),
            ("s3", "GetObjectLockConfiguration"),
        ],
    )
    def test_a_refused_call_makes_it_red(self, lab: Lab, service: str, operation: str) -> None:
        lab.box.client.add_fault("accessDenied", service=service, operation=operation)
        run = backed_up(lab)
        assert not run.is_green
        assert "backup_read_back" not in run.values.get(("report", "findings"), ()) or run.verdicts

    def test_a_part_that_was_changed_before_it_was_read_back_makes_it_red(self, lab: Lab) -> None:
        def spoil(task_id: str) -> None:
            if task_id == "verify":
                key = next(one.key for one in lab.store.objects("backups/") if "part-" in one.key)
                lab.store.put(key, b"spoilt", "application/gzip")

        run = backed_up(lab, before=spoil)
        assert run.states["verify"] == "failed"
        assert run.verdicts["backup_read_back"] == "CRITICAL"
        assert run.states["expire"] == "upstream_failed", "nothing old goes while there is nothing new"
        assert "expire" not in run.verdicts, "why it could not start is said once, by what failed"
        assert not run.is_green

    def test_after_a_task_that_was_killed_what_could_not_start_is_unknown(self, lab: Lab) -> None:
        def die(task_id: str) -> None:
            if task_id == "verify":
                raise MigrationError("a test")

        run = backed_up(lab, before=die)
        assert (run.verdicts["verify"], run.verdicts["expire"]) == ("UNKNOWN", "UNKNOWN")
        assert not run.is_green

    def test_what_a_task_left_before_it_was_cleared_does_not_count(self, lab: Lab) -> None:
        run = backed_up(lab)
        lab.box.client.add_fault("accessDenied", service="dynamodb", operation="DescribeTable")
        run.whole()
        assert not run.is_green
        assert run.verdicts["verify"] == "UNKNOWN"
        assert "backup_read_back" not in run.verdicts

    def test_cleared_it_finds_its_own_backup_again(self, lab: Lab) -> None:
        run = backed_up(lab)
        first = run.values["scan", "return_value"]["sha256"]
        lab.put(list(odd_items(310)))
        assert run.whole().is_green, explain(run)
        assert run.values["scan", "return_value"]["sha256"] == first

    def test_a_gap_before_it_is_a_warning(self, lab: Lab) -> None:
        run = backed_up(lab)
        base, manifest = latest_verified(lab.store, lab.table)
        assert run.verdicts["backup_gap"] == "OK"
        earlier = datetime.now(UTC) - timedelta(hours=40)
        lab.store.delete([one.key for one in lab.store.objects(base)])
        old = Run("runbook_backup", "old", {"mode": "scan", **QUIET}, run_after=earlier)
        old.whole()
        _age(lab, hours=40)
        later = Run("runbook_backup", "later", {"mode": "scan", **QUIET}).whole()
        assert later.verdicts["backup_gap"] == "WARNING"
        assert manifest.items == 300


def _age(lab: Lab, hours: float) -> None:
    """Makes the only backup look as if it were taken so long ago."""
    from migration_ops.runbook.backup.create import iso
    from migration_ops.runbook.backup.manifest import Manifest, manifest_key
    from migration_ops.runbook.backup.verify import mark_verified, verify_backup

    base, manifest = latest_verified(lab.store, lab.table)
    moment = iso(datetime.now(UTC) - timedelta(hours=hours))
    older = Manifest(**{**vars(manifest), "started_at": moment, "consistent_at": moment})
    lab.store.put_document(manifest_key(base), older.as_document())
    mark_verified(lab.store, base, verify_backup(lab.store, base), datetime.now(UTC))


class TestRestore:
    def test_a_dry_run_changes_nothing(self, lab: Lab) -> None:
        backed_up(lab)
        run = Run("migration_restore", params=QUIET).whole()
        assert run.is_green, explain(run)
        assert run.states["create"] == run.states["compare"] == "skipped"
        assert run.verdicts == {"restore_plan": "OK"}
        assert tables(lab) == [lab.table]

    def test_the_latest_backup_comes_back_equal(self, lab: Lab) -> None:
        lab.migrations(3)
        backed_up(lab, "auto")
        run = Run("migration_restore", params={"dryRun": False, "target": "restored", **QUIET}).whole()
        assert run.is_green, explain(run)
        assert run.verdicts["restore_items"] == run.verdicts["restore_history"] == "OK"
        assert lab.items("restored") == lab.items()
        # Cleared, it does not write again into what was handed over.
        assert run.whole().states["load"] == "failed"

    @pytest.mark.parametrize("target", ["migration-state", "theirs"])
    def test_a_table_that_exists_is_refused(self, lab: Lab, target: str) -> None:
        backed_up(lab)
        _, manifest = latest_verified(lab.store, lab.table)
        lab.dynamodb.create_table(TableName="theirs", **manifest.create_table)
        before = lab.items()
        run = Run("migration_restore", params={"dryRun": False, "target": target, **QUIET}).whole()
        assert run.states["plan"] == "failed"
        assert not run.is_green
        assert (lab.items(), lab.items("theirs")) == (before, {})

    def test_a_table_that_appears_in_between_is_not_touched(self, lab: Lab) -> None:
        backed_up(lab)
        _, manifest = latest_verified(lab.store, lab.table)

        def appear(task_id: str) -> None:
            if task_id == "create":
                lab.dynamodb.create_table(TableName="restored", **manifest.create_table)

        params = {"dryRun": False, "target": "restored", **QUIET}
        run = Run("migration_restore", params=params, before=appear).whole()
        assert run.states["create"] == "failed"
        assert lab.items("restored") == {}

    def test_another_backup_is_chosen_by_its_key(self, lab: Lab) -> None:
        backed_up(lab)
        base, _ = latest_verified(lab.store, lab.table)
        lab.put(list(odd_items(400)))
        Run("runbook_backup", "manual-2", {"mode": "scan", **QUIET}).whole()
        wanted = {"backup": f"s3://{lab.bucket}/{base}/manifest.json", "target": "restored", "dryRun": False, **QUIET}
        run = Run("migration_restore", params=wanted).whole()
        assert run.is_green, explain(run)
        assert len(lab.items("restored")) == 300

    @pytest.mark.parametrize("backup", ["backups/other/2026/01/01/r/manifest.json", "../x", "unread"])
    def test_what_was_never_verified_is_not_restored(self, lab: Lab, backup: str) -> None:
        backed_up(lab)
        if backup == "unread":
            backup = lab.back_up("unread")[0]
        run = Run("migration_restore", params={"backup": backup, **QUIET}).whole()
        assert run.states["plan"] == "failed"
        assert run.verdicts == {"restore_plan": "UNKNOWN"}

    def test_without_a_backup_it_says_so_once(self, lab: Lab) -> None:
        run = Run("migration_restore", params=QUIET).whole()
        assert run.verdicts == {"restore_plan": "UNKNOWN"}
        assert "no backup of this table was verified" in run.finding("restore_plan")["reason"]
        assert not run.is_green

    def test_a_backup_of_an_empty_ledger_is_nothing_to_restore(self, lab: Lab) -> None:
        assert Run("runbook_backup", params=QUIET).whole().is_green
        run = Run("migration_restore", params=QUIET).whole()
        assert "one that holds no items does not count" in run.finding("restore_plan")["reason"]

    def test_a_broken_history_in_the_backup_is_found(self, lab: Lab) -> None:
        name = lab.migrations(1)[0]
        _edit_line(lab, f"{name}#000002")
        backed_up(lab, "auto")
        run = Run("migration_restore", params={"dryRun": False, "target": "restored", **QUIET}).whole()
        assert run.verdicts["restore_items"] == "OK"
        assert run.verdicts["restore_history"] == "CRITICAL"
        assert not run.is_green

    def test_a_history_torn_by_the_scan_is_a_warning(self, lab: Lab) -> None:
        """Written moments before: the scan cannot say that record and lines fit together."""
        name = lab.migrations(1)[0]
        _edit_line(lab, f"{name}#000002")
        backed_up(lab, "scan")
        run = Run("migration_restore", params={"dryRun": False, "target": "restored", **QUIET}).whole()
        assert run.verdicts["restore_history"] == "WARNING"


def _edit_line(lab: Lab, key: str) -> None:
    lab.dynamodb.update_item(
        TableName=lab.table,
        Key={"migrationId": {"S": key}},
        UpdateExpression="SET #event = :event",
        ExpressionAttributeNames={"#event": "event"},
        ExpressionAttributeValues={":event": {"S": "forged"}},
    )


OBJECTIVES = [f"drill_{what}_{which}" for what in ("backup", "pitr") for which in ("rto", "rpo")]


def with_history(lab: Lab) -> None:
    """A backup over which a drill proves something."""
    lab.migrations(2, "wave-0")
    backed_up(lab)


class TestDrill:
    def test_both_ways_back_are_tried_and_nothing_is_left(self, lab: Lab) -> None:
        lab.migrations(3)
        backed_up(lab, "auto")
        run = Run("runbook_dr_drill", params=QUIET).whole()
        assert run.is_green, explain(run)
        wanted = {f"drill_{what}_{which}" for what in ("backup", "pitr") for which in ("items", "history")}
        wanted |= {*OBJECTIVES, "drill_verified_backup", "drill_left_over", "drill_clean_up", "drill_rollback"}
        assert run.verdicts == dict.fromkeys(wanted, "OK")
        assert tables(lab) == [lab.table]

    def test_without_a_sandbox_the_rollback_is_visibly_not_rehearsed(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SANDBOX_CONTROL_URL")
        with_history(lab)
        run = Run("runbook_dr_drill", params=QUIET).whole()
        assert run.states["rehearse_rollback"] == "skipped"
        assert run.verdicts["drill_rollback"] == "WARNING"
        assert run.is_green, explain(run)

    def test_without_a_backup_it_is_red_and_makes_nothing(self, lab: Lab) -> None:
        run = Run("runbook_dr_drill", params=QUIET).whole()
        assert run.states["begin"] == "failed"
        assert isinstance(run.errors["begin"], NoBackupError)
        # The rehearsal needs no backup.
        assert run.verdicts == {"drill_verified_backup": "UNKNOWN", "drill_rollback": "OK"}
        found = run.finding("drill_verified_backup")
        assert "no verified backup" in found["reason"]
        assert "trigger runbook_backup" in found["remedy"]
        assert not run.is_green
        assert tables(lab) == [lab.table]

    def test_a_begin_that_was_killed_leaves_every_task_unknown(self, lab: Lab) -> None:
        def die(this: str) -> None:
            if this == "begin":
                raise MigrationError("a test")

        with_history(lab)
        run = Run("runbook_dr_drill", params=QUIET, before=die).whole()
        lost = ("begin", "load", "compare", "recover", "compare_recovered", "clean_up")
        assert run.verdicts == {**dict.fromkeys(lost, "UNKNOWN"), "drill_rollback": "OK"}
        assert not run.is_green

    @pytest.mark.parametrize("task_id", ["create", "table_ready", "load", "compare", "recover", "compare_recovered"])
    def test_it_cleans_up_whatever_fails(self, lab: Lab, task_id: str) -> None:
        def fail(this: str) -> None:
            if this == task_id:
                raise MigrationError("a test")

        with_history(lab)
        run = Run("runbook_dr_drill", params=QUIET, before=fail).whole()
        assert not run.is_green
        assert run.states["clean_up"] == "success"
        assert tables(lab) == [lab.table]

    def test_it_cleans_up_what_died_right_after_it_was_made(self, lab: Lab) -> None:
        """The table is there, but its task never came to an end: no result, and for a recovered one no tag."""

        def die(this: str) -> None:
            if this == "table_ready":
                del run.values["create", "return_value"]
            if this == "recovered":
                del run.values["recover", "return_value"]
                raise MigrationError("a test")

        with_history(lab)
        run = Run("runbook_dr_drill", params=QUIET, before=die)
        run.whole()
        assert not run.is_green
        assert tables(lab) == [lab.table]

    @pytest.mark.parametrize("tags", [[], [{"Key": RUN_TAG, "Value": "another-run"}]])
    def test_a_table_of_its_names_that_is_not_its_own_stays(self, lab: Lab, tags: list[dict[str, str]]) -> None:
        def exchange(this: str) -> None:
            if this == "compare":
                target = run.values["begin", "return_value"]["target"]
                lab.dynamodb.delete_table(TableName=target)
                _, manifest = latest_verified(lab.store, lab.table)
                lab.dynamodb.create_table(TableName=target, **manifest.create_table, Tags=tags)

        with_history(lab)
        run = Run("runbook_dr_drill", params=QUIET, before=exchange)
        run.whole()
        assert run.values["begin", "return_value"]["target"] in tables(lab)
        assert run.verdicts["drill_clean_up"] == "CRITICAL"
        assert not run.is_green

    def test_tables_of_other_drills_are_named_not_touched(self, lab: Lab) -> None:
        with_history(lab)
        _, manifest = latest_verified(lab.store, lab.table)
        other = f"{lab.table}-drill-0123456789-backup"
        lab.dynamodb.create_table(TableName=other, **manifest.create_table)
        run = Run("runbook_dr_drill", params=QUIET).whole()
        assert run.finding("drill_left_over")["evidence"] == [other]
        assert other in tables(lab)

    def test_an_old_backup_misses_the_recovery_point(self, lab: Lab) -> None:
        with_history(lab)
        _age(lab, hours=25)
        run = Run("runbook_dr_drill", params=QUIET).whole()
        assert run.verdicts["drill_backup_rpo"] == "CRITICAL"
        assert not run.is_green
        assert tables(lab) == [lab.table]

    @pytest.mark.parametrize(
        ("what", "verdict"), [("written since", "OK"), ("edited", "CRITICAL"), ("lost", "CRITICAL")]
    )
    def test_a_recovered_table_is_held_against_the_live_one(self, lab: Lab, what: str, verdict: str) -> None:
        lab.migrations(3)
        backed_up(lab)
        change: dict[str, Callable[[str], Any]] = {
            "written since": lambda _: lab.migrations(1, "wave-2"),
            "edited": lambda table: _edit_line_of(lab, table),
            "lost": lambda table: lab.dynamodb.delete_item(TableName=table, Key=_line_key()),
        }

        def meanwhile(this: str) -> None:
            if this == "compare_recovered":
                change[what](run.values["begin", "return_value"]["recovered"])

        run = Run("runbook_dr_drill", params=QUIET, before=meanwhile)
        run.whole()
        assert run.verdicts["drill_pitr_items"] == verdict

    def test_a_rollback_that_leaves_something_is_red(self, lab: Lab) -> None:
        def never(this: str) -> None:
            if this == "rehearse_rollback":
                raise MigrationError("a test")

        with_history(lab)
        run = Run("runbook_dr_drill", params=QUIET, before=never).whole()
        assert run.verdicts["drill_rollback"] == "CRITICAL"
        assert not run.is_green


def _line_key() -> dict[str, Any]:
    return {"migrationId": {"S": "mig-wave-1-001#000002"}}


def _edit_line_of(lab: Lab, table: str) -> None:
    item = lab.dynamodb.get_item(TableName=table, Key=_line_key())["Item"]
    lab.dynamodb.put_item(TableName=table, Item=item | {"event": {"S": "forged"}})


def test_nothing_unfinished_is_left_by_any_of_it(lab: Lab) -> None:
    backed_up(lab)
    found, strange = found_in(lab.store.objects("backups/"))
    assert strange == []
    assert all(one.says_verified for one in found)
