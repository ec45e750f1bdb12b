"""
# Runbook: log insights

The runbook's four Logs Insights queries (`include/queries`), over our own log group and those of our functions: recent
errors, the steps of one migration, replication lag over time, failed migrations. They find what this package logs.

- Daily, all that need no parameter, over the last day. By hand: choose `query`, the window and, to look back, `until`.
- *Track a migration*: trigger with its migration id or correlation id.
- Each query is started, then waited for without holding a worker. **Red**: a query failed or timed out (UNKNOWN).
- *To ask again*: clear the query's task `start` **with downstream**. It only reads.
- The report has the rows as tables and charts: task `report`, and HTML by date in the evidence bucket.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, chain, dag, task_group

from migration_ops.core.settings import read_settings
from migration_ops.operators.defaults import Tag, default_args, from_now_on
from migration_ops.operators.runbook.insights import ALL, ChooseQueriesOperator, QueryResultsSensor, StartQueryOperator
from migration_ops.operators.runbook.services import runbook_params
from migration_ops.operators.runbook.sources import MappedTask
from migration_ops.operators.runbook.tail import tail
from migration_ops.runbook.insights import QUERIES
from migration_ops.runbook.insights.kinds import INSIGHTS, kind_of

PARAMS = runbook_params(
    window_hours=24,
    query=Param(ALL, type="string", enum=[ALL, *QUERIES], title="Query"),
    until=Param(None, type=["string", "null"], title="Until", description="ISO 8601 with a zone; empty: now"),
    migrationId=Param(
        None,
        type=["string", "null"],
        title="Migration id",
        description="For track_migration: migration or correlation id",
    ),
    binMinutes=Param(
        30, type="integer", minimum=1, maximum=60, title="Step in minutes", description="Of replication_lag"
    ),
)


@dag(
    dag_id="runbook_log_insights",
    schedule=from_now_on("23 5 * * *"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    default_args=default_args(),
    params=PARAMS,
    tags=[Tag.RUNBOOK, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def runbook_log_insights() -> None:
    choose = ChooseQueriesOperator(task_id="choose")

    @task_group(group_id="look")
    def look(query: str) -> None:
        start = StartQueryOperator(
            task_id="start", query=query, map_index_template="{{ task.query }}", max_active_tis_per_dagrun=2
        )
        # AWS ends a query after an hour.
        results = QueryResultsSensor(
            task_id="results",
            query=query,
            start="look.start",
            poke_interval=read_settings().check_poll_seconds,
            timeout=75 * 60,
            map_index_template="{{ task.query }}",
        )
        chain(start, results)

    looked = look.expand(query=choose.output)
    answers = MappedTask("look.results", kind_of=kind_of, whole=INSIGHTS, names_from="choose", begun="look.start")
    tail(looked, "Log insights", [answers])


runbook_log_insights()
