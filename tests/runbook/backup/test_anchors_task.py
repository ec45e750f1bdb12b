"""The nightly task that anchors the ledger: what it writes, what it finds, and what happens when it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from migration_ops.ledger.anchor_store import AnchorStore
from migration_ops.ledger.anchors import ALL
from tests.runbook.backup.dag_run import Run
from tests.runbook.backup.lab import Lab


@pytest.fixture
def store(lab: Lab) -> AnchorStore:
    lab.forget_anchors()
    return AnchorStore(lab.box.boto, lab.bucket)


def night(lab: Lab, run_id: str = "manual-1", **more: Any) -> Run:
    return Run("runbook_backup", run_id, {"mode": "scan", "notify": False}, **more).whole()


def item_of(lab: Lab, key: str) -> dict[str, Any]:
    return dict(lab.dynamodb.get_item(TableName=lab.table, Key={"migrationId": {"S": key}})["Item"])


def test_every_chain_is_anchored_upon_the_night_before(lab: Lab, store: AnchorStore) -> None:
    lab.migrations(3)
    first = night(lab)
    assert first.is_green, first.errors
    assert "the first anchor" in first.finding("ledger_anchored")["reason"]
    second = night(lab, "manual-2")
    assert second.verdicts["ledger_anchored"] == "OK"
    assert "3 chains" in second.finding("ledger_anchored")["reason"]
    key = first.values["anchors", "return_value"]["key"]
    read = store.read(lab.table)
    assert [one.key for one in read] == [key, second.values["anchors", "return_value"]["key"]]
    assert key.encode() in read[1].body


def test_what_was_done_since_is_critical_and_paged(lab: Lab, store: AnchorStore) -> None:
    [name] = lab.migrations(1)
    night(lab)
    lab.dynamodb.put_item(TableName=lab.table, Item=item_of(lab, name) | {"instanceId": {"S": "i-0fffffffffffffff0"}})
    run = night(lab, "manual-2")
    assert not run.is_green
    assert run.verdicts["ledger_anchored"] == "CRITICAL"
    assert run.finding("ledger_anchored")["route"] == "page"
    assert run.finding("ledger_anchored")["evidence"] == [
        f"{name}#000003: the record was edited since {first_time(store, lab)}"
    ]
    assert run.verdicts["backup_read_back"] == "OK", "the backup is made all the same"


def first_time(store: AnchorStore, lab: Lab) -> str:
    """When the first anchor was written."""
    first = store.read(lab.table)[0]
    assert f'"scope":"{ALL}"'.encode() in first.body
    return first.body.partition(b'"writtenAt":"')[2].partition(b'"')[0].decode()


@pytest.mark.parametrize(
    ("service", "operation"), [("dynamodb", "Query"), ("s3", "PutObject"), ("s3", "ListObjectsV2")]
)
def test_a_refused_call_makes_it_red_and_leaves_no_anchor(
    lab: Lab, store: AnchorStore, service: str, operation: str
) -> None:
    def refuse(task_id: str) -> None:
        lab.box.faults.remove()
        if task_id == "anchors":
            lab.box.client.add_fault("accessDenied", service=service, operation=operation)

    lab.migrations(1)
    run = night(lab, before=refuse)
    lab.box.faults.remove()
    assert run.states["anchors"] == "failed"
    assert run.verdicts["anchors"] == "UNKNOWN"
    assert not run.is_green
    assert store.read(lab.table) == []


def test_a_lost_answer_leaves_one_anchor(lab: Lab, store: AnchorStore) -> None:
    def lose(task_id: str) -> None:
        if task_id == "anchors":
            lab.box.client.add_fault("dropAfter", service="s3", operation="PutObject", times=1)

    lab.migrations(1)
    run = night(lab, before=lose)
    assert run.is_green, run.errors
    [anchor] = store.read(lab.table)
    assert not anchor.was_touched


def test_cleared_it_anchors_once_more(lab: Lab, store: AnchorStore) -> None:
    lab.migrations(1)
    run = night(lab)
    assert run.whole().is_green, run.errors
    assert len(store.read(lab.table)) == 2


def test_without_a_bucket_of_evidence_it_is_a_warning(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from migration_ops.operators.backup import backup as tasks

    monkeypatch.setattr(tasks, "anchor_store_of", lambda settings, client: None)
    run = night(lab)
    assert run.verdicts["ledger_anchored"] == "WARNING"
