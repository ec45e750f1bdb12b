"""
# Runbook: backup of the ledger

Every night: DynamoDB's own export where point-in-time recovery is on (a moment in time, no read of the table), else a
parallel scan. Compressed, encrypted, with a manifest; then **read back**; then old ones expire.

- It adds objects below `backups/` in the bucket and removes expired ones. That is why there is no dry run: a schedule
  whose default changes nothing would never back up anything (ADR 0021).
- Without a manifest there is no backup: what a killed run leaves is never taken for one.
- A backup of far fewer items than the last verified one (`backup.minItemsPercent`), of none, or of a table elsewhere is
  **CRITICAL and does not count as verified**: it is not offered for a restore, and no older one expires. Look at the
  table; if all is as it should be, trigger a run with `acceptFewerItems`. A ledger that never held anything is OK.
- Beside it the ledger is **anchored**: the end of every chain and a digest of every record go below `anchors/` in the
  bucket of evidence. What was anchored the night before and was edited, cut or deleted since is CRITICAL.
- Then what ended long ago is **archived**: waves of which everything ended and nothing was written for
  `backup.archiveAfterDays` (180; null: never) are copied below `archive/`, the copy is read back, and the items get a
  time to live of `MIGRATION_OPS_HISTORY_TTL_DAYS` (90). `verify-history` reads the copies. No other task here
  writes the table.
- *To retry*: clear the failed task **with downstream**. A backup that this run has finished is not made again, unless
  it was found bad: then clear from `scan` or `export` on. An export that failed is asked for again.
- *To restore*: trigger `migration_restore`.
- Retention: `backup.retentionDays` in `include/config/thresholds.yaml`. The newest verified backup never expires.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, TriggerRule, chain, dag

from migration_ops.operators.backup.archive import ArchiveOperator
from migration_ops.operators.backup.backup import (
    AnchorOperator,
    BackupPlanOperator,
    ExpireOperator,
    ExportOperator,
    ExportSensor,
    ScanOperator,
    SealExportOperator,
    VerifyOperator,
)
from migration_ops.operators.defaults import Tag, default_args, from_now_on
from migration_ops.operators.runbook.services import runbook_params
from migration_ops.operators.runbook.sources import Tasks
from migration_ops.operators.runbook.tail import tail
from migration_ops.runbook.backup.kinds import TASK_KINDS

FEWER = Param(
    False,
    type="boolean",
    title="Accept fewer items",
    description="A person has checked the table: this backup may be empty, hold far fewer items than the one before,"
    " be of a table elsewhere, or follow one that cannot be read, and counts as verified all the same",
)
MODE = Param(
    "auto",
    enum=["auto", "export", "scan"],
    title="How",
    description="Auto: export where PITR is on and the bucket has no default retention",
)


@dag(
    dag_id="runbook_backup",
    schedule=from_now_on("41 2 * * *"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    default_args=default_args(),
    params=runbook_params(window_hours=24, mode=MODE, acceptFewerItems=FEWER),
    tags=[Tag.RUNBOOK, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def runbook_backup() -> None:
    plan = BackupPlanOperator(task_id="plan")
    scan = ScanOperator(task_id="scan")
    export = ExportOperator(task_id="export")
    exported = ExportSensor(task_id="exported", export_task="export", poke_interval=60, timeout=6 * 3600)
    seal = SealExportOperator(task_id="seal", export_task="exported")
    verify = VerifyOperator(task_id="verify", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    # Only after a backup that was read back.
    expire = ExpireOperator(task_id="expire")
    anchors = AnchorOperator(task_id="anchors")
    chain(plan, [scan, export, anchors])
    chain(export, exported, seal)
    chain([scan, seal], verify, expire)
    # What is to expire is anchored, and in a backup that was read back.
    archive = ArchiveOperator(task_id="archive")
    chain([verify, anchors], archive)
    sources = [Tasks(("scan", "seal", "verify", "expire", "anchors", "archive"), TASK_KINDS)]
    tail([expire, anchors, archive], "Backup of the ledger", sources)


runbook_backup()
