"""Answers of DynamoDB and S3 that are lost, and workers that die: nothing is made twice, nothing is left behind."""

from __future__ import annotations

from typing import Any

import pytest

from include.sandbox.moto import dynamodb_exports
from migration_ops.operators.backup import backup as backup_tasks
from migration_ops.operators.backup import drill as drill_tasks
from migration_ops.operators.backup import restore as restore_tasks
from migration_ops.runbook.backup.keys import found_in
from tests.runbook.backup.dag_run import Run
from tests.runbook.backup.lab import Lab, odd_items

QUIET = {"notify": False}
TARGET = "restored"
RESTORE = {"dryRun": False, "target": TARGET, **QUIET}


def backed_up(lab: Lab, mode: str = "scan", **more: Any) -> Run:
    lab.put(list(odd_items(60)))
    lab.migrations(2, "wave-0")
    return Run("runbook_backup", params={"mode": mode, **QUIET}, **more).whole()


def explain(run: Run) -> str:
    return f"{run.states} {run.errors}"


def tables(lab: Lab) -> list[str]:
    return sorted(lab.dynamodb.list_tables()["TableNames"])


def to_its_end(run: Run) -> Run:
    """From where it stopped, as Airflow does it: what waiting helps is tried again, nothing else."""
    for task in run.dag.topological_sort():
        if run.states.get(task.task_id) == "success":
            continue
        for _ in range(3):
            run.errors.pop(task.task_id, None)
            run.states[task.task_id] = run._state_of(task)
            if not getattr(run.errors.get(task.task_id), "retryable", False):
                break
    assert run.is_green, explain(run)
    return run


class Killed(BaseException):
    """The worker dies here: no handler of ours may run."""


def killed(run: Run, monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """The run up to this function of a task's module, which does its work and never comes back."""
    real = getattr(module, name)

    def act_and_die(*arguments: Any, **named: Any) -> None:
        real(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module, name, act_and_die)
        with pytest.raises(Killed):
            run.whole()


@pytest.mark.parametrize(
    ("mode", "service", "operation"),
    [
        ("scan", "dynamodb", "Scan"),
        ("scan", "s3", "PutObject"),
        ("scan", "s3", "GetObject"),
        ("export", "dynamodb", "ExportTableToPointInTime"),
        ("export", "dynamodb", "DescribeExport"),
    ],
)
def test_a_backup_with_a_lost_answer_is_one_backup(lab: Lab, mode: str, service: str, operation: str) -> None:
    lab.put(list(odd_items(60)))
    lab.box.client.add_fault("dropAfter", service=service, operation=operation, times=1)
    to_its_end(Run("runbook_backup", params={"mode": mode, **QUIET}))
    found, strange = found_in(lab.store.objects("backups/"))
    assert (len(found), strange) == (1, [])
    assert found[0].says_verified
    assert len(dynamodb_exports._exports) == (mode == "export")


@pytest.mark.parametrize(
    ("service", "operation"),
    [("dynamodb", "CreateTable"), ("dynamodb", "BatchWriteItem"), ("dynamodb", "TagResource"), ("s3", "GetObject")],
)
def test_a_restore_with_a_lost_answer_is_whole(lab: Lab, service: str, operation: str) -> None:
    assert backed_up(lab).is_green
    lab.box.client.add_fault("dropAfter", service=service, operation=operation, times=1)
    to_its_end(Run("migration_restore", params=RESTORE))
    assert lab.items(TARGET) == lab.items()


@pytest.mark.parametrize("operation", ["CreateTable", "RestoreTableToPointInTime", "DeleteTable"])
def test_a_drill_with_a_lost_answer_leaves_no_table(lab: Lab, operation: str) -> None:
    assert backed_up(lab).is_green
    lab.box.client.add_fault("dropAfter", service="dynamodb", operation=operation, times=1)
    run = to_its_end(Run("runbook_dr_drill", params=QUIET))
    assert run.verdicts["drill_clean_up"] == "OK"
    assert tables(lab) == [lab.table]


@pytest.mark.parametrize("name", ["create_target", "load"])
def test_a_restore_that_was_killed_goes_on(lab: Lab, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert backed_up(lab).is_green
    run = Run("migration_restore", params=RESTORE)
    killed(run, monkeypatch, restore_tasks, name)
    assert TARGET in tables(lab)
    to_its_end(run)
    assert lab.items(TARGET) == lab.items()


@pytest.mark.parametrize("name", ["start_recovery", "create_target"])
def test_a_drill_that_was_killed_and_cleared_leaves_no_table(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert backed_up(lab).is_green
    run = Run("runbook_dr_drill", params=QUIET)
    killed(run, monkeypatch, drill_tasks if name == "start_recovery" else restore_tasks, name)
    assert len(tables(lab)) > 1
    to_its_end(run)
    assert tables(lab) == [lab.table]


def test_an_export_whose_worker_died_is_not_asked_for_twice(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.put(list(odd_items(60)))
    run = Run("runbook_backup", params={"mode": "export", **QUIET})
    killed(run, monkeypatch, backup_tasks, "start_export")
    to_its_end(run)
    assert len(dynamodb_exports._exports) == 1
