"""Nothing is ever written into the table in use, nor into one that was handed over, nor twice."""

from __future__ import annotations

from typing import Any

import pytest

from include.sandbox.moto import dynamodb_indexes
from migration_ops.core.errors import BlockedError, MigrationError
from migration_ops.runbook.backup.create import back_up
from migration_ops.runbook.backup.manifest import ItemRefusedError
from migration_ops.runbook.backup.restore import RUN_TAG, TableExistsError, create_target, load
from migration_ops.runbook.backup.table import describe
from migration_ops.runbook.backup.verify import mark_verified, verify_backup
from tests.runbook.backup.dag_run import Run
from tests.runbook.backup.lab import Lab, odd_items

QUIET = {"notify": False}
TARGET = "migration-state-restored-1"


def restored(lab: Lab, **more: Any) -> Run:
    lab.put(list(odd_items(40)))
    lab.migrations(2)
    assert Run("runbook_backup", "nightly", {"mode": "scan", **QUIET}).whole().is_green
    return Run("migration_restore", params={"dryRun": False, "target": TARGET, **QUIET}, **more)


def clear(run: Run, task_id: str) -> None:
    run.states[task_id] = run._run(run.dag.get_task(task_id))


def go_on(lab: Lab) -> dict[str, Any]:
    """A migration of the restored table moves on; the table as it is then."""
    key = {"migrationId": {"S": "mig-wave-1-000"}}
    values = {":done": {"S": "COMPLETED"}}
    names = {"#status": "status"}
    lab.dynamodb.update_item(
        TableName=TARGET,
        Key=key,
        UpdateExpression="SET #status = :done",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )
    return lab.items(TARGET)


@pytest.mark.parametrize("name", [TARGET, f"arn:aws:dynamodb:us-east-1:123456789012:table/{TARGET}", TARGET.upper()])
@pytest.mark.parametrize("task_id", ["create", "load"])
def test_the_table_in_use_now_is_not_written(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, name: str, task_id: str
) -> None:
    run = restored(lab).whole()
    assert run.is_green, run.errors
    before = go_on(lab)
    # Whatever the tags say.
    arn = lab.dynamodb.describe_table(TableName=TARGET)["Table"]["TableArn"]
    keys = [one["Key"] for one in lab.dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] if one["Key"] != RUN_TAG]
    lab.dynamodb.untag_resource(ResourceArn=arn, TagKeys=keys)
    monkeypatch.setenv("MIGRATION_OPS_TABLE_NAME", name)
    clear(run, task_id)
    assert isinstance(run.errors[task_id], TableExistsError)
    assert run.states[task_id] == "failed"
    assert lab.items(TARGET) == before


def test_a_table_that_was_handed_over_is_not_written(lab: Lab) -> None:
    run = restored(lab).whole()
    before = go_on(lab)
    clear(run, "load")
    assert run.states["load"] == "failed"
    assert isinstance(run.errors["load"], TableExistsError)
    assert lab.items(TARGET) == before


def test_a_table_is_not_loaded_twice(lab: Lab) -> None:
    """Loaded to its end, but not compared yet."""

    def stop(task_id: str) -> None:
        if task_id == "compare":
            raise MigrationError("a test")

    run = restored(lab, before=stop).whole()
    before = go_on(lab)
    clear(run, "load")
    assert isinstance(run.errors["load"], TableExistsError)
    assert lab.items(TARGET) == before


def test_a_load_that_was_killed_goes_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from migration_ops.operators.backup import restore as tasks

    def half(client: Any, store: Any, manifest: Any, target: str) -> Any:
        load(client, store, manifest, target)
        raise MigrationError("killed")

    run = restored(lab)
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "load", half)
        run.whole()
    assert run.states["load"] == "failed"
    assert run.whole().is_green, run.errors
    assert lab.items(TARGET) == lab.items()


def test_a_load_that_failed_is_named_in_the_report(lab: Lab) -> None:
    def lose(task_id: str) -> None:
        if task_id == "load":
            key = next(one.key for one in lab.store.objects("backups/") if "part-001" in one.key)
            lab.s3.delete_object(Bucket=lab.bucket, Key=key)

    run = restored(lab, before=lose).whole()
    found = run.finding("restore_load")
    assert (found["verdict"], found["resource"]) == ("CRITICAL", TARGET)
    assert "Clear the task load" in found["remedy"]


def test_a_target_that_is_gone_is_not_made_by_load(lab: Lab) -> None:
    run = restored(lab, before=lambda task: task == "load" and lab.dynamodb.delete_table(TableName=TARGET)).whole()
    assert run.states["load"] == "failed"
    assert TARGET not in lab.dynamodb.list_tables()["TableNames"]


REFUSED = [
    {"migrationId": {"S": "old-empty"}, "wave": {"S": ""}},
    {"migrationId": {"S": "old-number"}, "wave": {"N": "1"}},
    {"migrationId": {"S": "old-set"}, "wave": {"SS": ["a"]}},
    {"migrationId": {"S": "old-long"}, "wave": {"S": "x" * 2049}},
]


def _older_than_its_index(lab: Lab, table: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    """A table like the ledger whose items were put before it had its indexes; what creates such a table."""
    described = lab.described.create_table
    bare = {name: one for name, one in described.items() if name != "GlobalSecondaryIndexes"}
    bare["AttributeDefinitions"] = [{"AttributeName": "migrationId", "AttributeType": "S"}]
    lab.dynamodb.create_table(TableName=table, **bare)
    lab.put(items, table)
    for index in described["GlobalSecondaryIndexes"]:
        lab.dynamodb.update_table(
            TableName=table,
            AttributeDefinitions=described["AttributeDefinitions"],
            GlobalSecondaryIndexUpdates=[{"Create": index}],
        )
    return dict(described)


def test_the_sandbox_refuses_what_dynamodb_refuses(lab: Lab) -> None:
    for item in REFUSED:
        with pytest.raises(lab.dynamodb.exceptions.ClientError, match="ndex"):
            lab.put([item])
        with pytest.raises(lab.dynamodb.exceptions.ClientError, match="ndex"):
            lab.dynamodb.put_item(TableName=lab.table, Item=item)
    assert lab.items() == {}


@pytest.mark.parametrize("item", REFUSED, ids=lambda one: one["migrationId"]["S"])
def test_an_item_that_an_index_refuses_is_named_by_its_key(lab: Lab, item: dict[str, Any]) -> None:
    table = "older"
    _older_than_its_index(lab, table, [*odd_items(60), item])
    base = lab.base("older")
    described = describe(lab.dynamodb, table, lab.box.boto("kms"))
    manifest = back_up(lab.scanning, lab.store, described, base, "older", lambda: lab.clock)
    create_target(lab.dynamodb, "copy", manifest, lab.table, "run-r")
    with pytest.raises(ItemRefusedError) as caught:
        load(lab.dynamodb, lab.store, manifest, "copy")
    assert caught.value.context["keys"] == [{"migrationId": item["migrationId"]["S"]}]
    assert "x" * 100 not in str(caught.value)


@pytest.mark.parametrize("item", REFUSED, ids=lambda one: one["migrationId"]["S"])
def test_whatever_the_live_table_holds_is_restored(
    lab: Lab, item: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb_indexes, "BUILD_SECONDS", 0.0)
    table = "migration-older"
    _older_than_its_index(lab, table, [*odd_items(60), item])
    monkeypatch.setenv("MIGRATION_OPS_TABLE_NAME", table)
    assert Run("runbook_backup", "nightly", {"mode": "scan", **QUIET}).whole().is_green
    run = Run("migration_restore", params={"dryRun": False, "target": TARGET, **QUIET}).whole()
    assert run.is_green, run.errors
    assert lab.items(TARGET) == lab.items(table)
    names = [
        {one["IndexName"] for one in lab.dynamodb.describe_table(TableName=name)["Table"]["GlobalSecondaryIndexes"]}
        for name in (TARGET, table)
    ]
    assert names[0] == names[1]


def _named(lab: Lab, base: str) -> Run:
    """A restore that names a backup, for a dry run."""
    return Run("migration_restore", params={"backup": f"s3://{lab.bucket}/{base}/manifest.json", **QUIET}).whole()


def test_a_backup_that_was_never_verified_is_not_restored(lab: Lab) -> None:
    lab.put(list(odd_items(5)))
    base, _ = lab.back_up()
    run = _named(lab, base)
    error = run.errors["plan"]
    assert isinstance(error, BlockedError)
    assert error.code == "BACKUP_NOT_VERIFIED"
    assert "leave backup empty" in error.hint
    assert run.verdicts["restore_plan"] == "UNKNOWN"


def test_a_backup_that_was_changed_since_it_was_verified_is_not_restored(lab: Lab) -> None:
    lab.put(list(odd_items(5)))
    base, manifest = lab.back_up()
    mark_verified(lab.store, base, verify_backup(lab.store, base), lab.clock)
    assert _named(lab, base).is_green
    changed = type(manifest)(**{**vars(manifest), "parts": manifest.parts[1:]})
    lab.store.put_document(f"{base}/manifest.json", changed.as_document())
    assert getattr(_named(lab, base).errors["plan"], "code", None) == "BACKUP_NOT_VERIFIED"


def test_a_mark_that_s3_does_not_give_is_no_missing_mark(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.put(list(odd_items(5)))
    base, _ = lab.back_up()
    whole = type(lab.store).get

    def refused(store: Any, key: str) -> bytes:
        if key.endswith("/verified.json"):
            raise MigrationError("access denied", awsCode="AccessDenied")
        return whole(store, key)

    monkeypatch.setattr(type(lab.store), "get", refused)
    error = _named(lab, base).errors["plan"]
    assert not isinstance(error, BlockedError)
    assert "access denied" in str(error)


@pytest.mark.parametrize("task_id", ["create", "load", "compare"])
def test_a_backup_that_was_changed_since_it_was_chosen_names_what_to_do(lab: Lab, task_id: str) -> None:
    run = restored(lab).whole()
    base = run.values["plan", "return_value"]["base"]
    lab.back_up("nightly-2")
    other = next(one.key for one in lab.store.objects("backups/") if "nightly-2/manifest.json" in one.key)
    lab.store.put(f"{base}/manifest.json", lab.store.get(other), "application/json")
    clear(run, task_id)
    error = run.errors[task_id]
    assert isinstance(error, BlockedError)
    assert error.code == "BACKUP_NOT_VERIFIED"
