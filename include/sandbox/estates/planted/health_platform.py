"""Lost events, a ledger that refuses work, alarms, migrations that stand still, an Airflow that is not well."""

from __future__ import annotations

import json
from datetime import timedelta

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.cloudwatch import make_alarm
from include.sandbox.estates.clean.events import make_rule
from include.sandbox.estates.clean.mgn_ledger import migration
from include.sandbox.estates.clean.tables import make_table
from include.sandbox.estates.estate import Expected
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Intent
from migration_ops.runbook.backup.keys import base_of
from migration_ops.runbook.backup.manifest import Manifest, manifest_key
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.verify import Verified, mark_verified

DASHBOARD = "migration-orchestration"
# Its answer was lost, and MGN showed no job until the migration had ended.
LOST_LAUNCH = Intent(
    "START_CUTOVER", "START_CUTOVER-1-planted", 1, "2026-01-01T00:00:00+00:00", None, "NOTHING_HAPPENED"
)


def plant(account: Account) -> Expected:
    return (
        _rules(account)
        | _table(account)
        | _scratch(account)
        | _alarms(account)
        | _migrations(account)
        | _airflow(account)
        | _backup(account)
    )


def _rules(account: Account) -> Expected:
    failing, lossy, busy, disabled, idle = (
        make_rule(account, name, has_target=name != "aimless-rule")
        for name in ("failing-rule", "lossy-rule", "throttled-rule", "disabled-rule", "aimless-rule")
    )
    for rule, metric, values in (
        (failing, "FailedInvocations", (4, 7)),
        (lossy, "InvocationsFailedToBeSentToDlq", (1,)),
        (busy, "ThrottledRules", (30, 12)),
    ):
        bus, name = rule.split("/")
        account.metric("AWS/Events", metric, {"EventBusName": bus, "RuleName": name}, *values)
    bus, name = disabled.split("/")
    account.client("events").disable_rule(Name=name, EventBusName=bus)
    return {
        "events_rule_failed_invocations": {failing},
        "events_rule_undelivered": {lossy},
        "events_rule_throttled": {busy},
        "events_rule_delivers": {disabled, idle},
    }


def _table(account: Account) -> Expected:
    """A hot index, DynamoDB's own errors, and an index that is still being filled: then the table is UPDATING."""
    table = account.settings["MIGRATION_OPS_TABLE_NAME"]
    hot = {"TableName": table, "GlobalSecondaryIndexName": "app-status-index"}
    account.metric("AWS/DynamoDB", "WriteThrottleEvents", hot, 3, 9)
    account.metric("AWS/DynamoDB", "SystemErrors", {"TableName": table, "Operation": "Query"}, 2)
    dynamodb = account.client("dynamodb")
    attributes = dynamodb.describe_table(TableName=table)["Table"]["AttributeDefinitions"]
    index = {
        "IndexName": "new-index",
        "KeySchema": [{"AttributeName": "wave", "KeyType": "HASH"}, {"AttributeName": "updatedAt", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    dynamodb.update_table(
        TableName=table, AttributeDefinitions=attributes, GlobalSecondaryIndexUpdates=[{"Create": index}]
    )
    return {
        "dynamodb_table_throttles": {f"{table}/index/app-status-index"},
        "dynamodb_table_system_errors": {table},
        "dynamodb_table_status": {table, f"{table}/index/new-index"},
    }


def _scratch(account: Account) -> Expected:
    """A drill whose run was killed yesterday left its table."""
    if account.control is None:
        return {}
    name = make_table(account, f"{account.settings['MIGRATION_OPS_TABLE_NAME']}-drill-0123456789-backup")
    account.metric("AWS/DynamoDB", "ConsumedReadCapacityUnits", {"TableName": name}, 4, 6)
    account.control.write_history(tableHoursAgo={name: 30})
    return {"dynamodb_scratch_table_leftover": {name}}


def _alarms(account: Account) -> Expected:
    cloudwatch = account.client("cloudwatch")
    firing = make_alarm(account, "estate-firing", "cutover-jobs")
    cloudwatch.set_alarm_state(AlarmName=firing, StateValue="ALARM", StateReason="Threshold crossed: 1 datapoint")
    blind = make_alarm(account, "estate-without-data", "no-such-queue")
    cloudwatch.set_alarm_state(AlarmName=blind, StateValue="INSUFFICIENT_DATA", StateReason="Insufficient data")
    # Somebody renamed a queue, and the dashboard still shows the old name.
    line = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "renamed-queue"]
    widget = {"type": "metric", "properties": {"stat": "Maximum", "period": 300, "metrics": [line]}}
    cloudwatch.put_dashboard(DashboardName=DASHBOARD, DashboardBody=json.dumps({"widgets": [widget]}))
    return {
        "cloudwatch_alarm_in_alarm": {firing},
        "cloudwatch_alarm_insufficient_data": {blind},
        "cloudwatch_dashboard_data": {DASHBOARD},
    }


def _migrations(account: Account) -> Expected:
    if account.control is None:
        return {}
    stuck = migration(
        account, "stuck-01", wave="stuck-wave", app="stuck", phase=Phase.CUTTING_OVER, updated_minutes_ago=300
    )
    frozen = migration(
        account,
        "frozen-01",
        wave="frozen-wave",
        app="frozen",
        phase=Phase.FROZEN,
        updated_minutes_ago=5 * 24 * 60,
        record={"error_code": "ROLLBACK_NOT_VERIFIED", "error_message": "the instance still runs after the rollback"},
    )
    doubled = migration(account, "doubled-01", wave="doubled-wave", app="doubled", phase=Phase.READY)
    migration(
        account,
        "doubled-01-again",
        wave="other-wave",
        app="doubled",
        phase=Phase.READY,
        server_id=doubled.source_server_id,
    )
    lagging = migration(account, "lagging-01", wave="lagging-wave", app="lagging", phase=Phase.READY)
    account.control.patch_server(lagging.source_server_id, lagSeconds=1800)
    stalled = migration(
        account, "stalled-01", wave="stalled-wave", app="stalled", phase=Phase.READY, replicationState="STALLED"
    )
    late = migration(
        account,
        "late-01",
        wave="late-wave",
        app="late",
        phase=Phase.FAILED,
        # Before the windows of the reviews.
        updated_minutes_ago=60 * 24 * 60,
        state="CUTTING_OVER",
        record={"intents": {"START_CUTOVER": LOST_LAUNCH}},
    )
    return {
        "mgn_launch_after_end": {late.source_server_id},
        "ledger_migration_stuck": {stuck.migration_id},
        "ledger_migration_frozen": {frozen.migration_id},
        "ledger_active_migrations": {doubled.source_server_id},
        # What stands still falls behind too: both are true of that server.
        "mgn_server_replication_lag": {lagging.source_server_id, stalled.source_server_id},
        "mgn_server_replication_stalled": {stalled.source_server_id},
    }


def _airflow(account: Account) -> Expected:
    if account.airflow is None:
        return {}
    account.airflow.add_failed_run("migration_wave", "manual__planted")
    account.airflow.add_failed_run("runbook_backup", "scheduled__planted")
    account.airflow.add_question("migration_wave", "manual__waiting", "approve_cutover", asked_minutes_ago=900)
    account.airflow.late_seconds["triggerer"] = 600
    account.airflow.dags["runbook_alarms"]["is_paused"] = True
    del account.airflow.dags["runbook_cost_review"]
    account.airflow.forget_runs("runbook_backup")
    account.airflow.add_run("runbook_backup", "success", ended_hours_ago=80)
    return {
        "airflow_dag_failed_runs": {"migration_wave manual__planted", "runbook_backup"},
        "airflow_approval_waiting": {"migration_wave manual__waiting approve_cutover"},
        "airflow_component_heartbeat": {"triggerer"},
        "airflow_dag_not_running": {"runbook_alarms", "runbook_cost_review", "runbook_backup"},
    }


def _backup(account: Account) -> Expected:
    """Verified, of a ledger that was empty, and from the day before yesterday."""
    table, bucket = (account.settings[f"MIGRATION_OPS_{name}"] for name in ("TABLE_NAME", "EVIDENCE_BUCKET"))
    at = account.now - timedelta(hours=50)
    manifest = Manifest(
        table=table,
        table_arn=f"arn:aws:dynamodb:us-east-1:123456789012:table/{table}",
        run_id="planted",
        mode="scan",
        started_at=at.isoformat(),
        ended_at=at.isoformat(),
        consistent_at=at.isoformat(),
        items=0,
        raw_bytes=0,
        digest="",
        create_table={},
        settings={},
        parts=(),
    )
    store, base = BackupStore(account.client("s3"), bucket), base_of(table, "planted", at)
    store.put_document(manifest_key(base), manifest.as_document())
    mark_verified(store, base, Verified(manifest, (), 0, ""), at, accepted_fewer=True)
    return {"backup_newest_verified_age": {table}}
