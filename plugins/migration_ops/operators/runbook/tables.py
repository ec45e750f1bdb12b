"""The task of a runbook DAG that makes the report's tables and charts from what was read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context, TriggerRule, chain

from migration_ops.core.facts import Snapshot
from migration_ops.operators.base import DocumentedOperator
from migration_ops.operators.runbook.base import TABLES_KEY
from migration_ops.operators.runbook.chapter import READ, in_tasks
from migration_ops.operators.runbook.services import runbook_services
from migration_ops.operators.runbook.tail import RUN_OUTCOME
from migration_ops.runbook.checks.check import Chapter
from migration_ops.runbook.checks.tables import tables_of

TABLES = "tables"


class TablesOperator(DocumentedOperator):
    """
    Make the report's tables and charts from what was read; a table whose facts could not be read says so.

    It judges nothing: the checks do that. To see new values, clear the reads **with downstream**.

    :param chapter: the chapter's name.
    :param readers: the readers in the order in which the reads are mapped; a list where one task reads several.
    """

    def __init__(self, *, chapter: str, readers: Sequence[str | list[str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chapter = chapter
        self.readers = readers

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        services = runbook_services(context)
        left = [ti.xcom_pull(task_ids=READ, map_indexes=number) for number in range(len(self.readers))]
        estate = {
            name: services.load_snapshot(found, name)
            for found, names in zip(left, self.readers, strict=True)
            for name in ([names] if isinstance(names, str) else names)
        }
        tables = tables_of(self.chapter, Snapshot(estate), services.config.thresholds)
        ti.xcom_push(key=TABLES_KEY, value=tables)
        return [one["title"] for one in tables]


def add_tables(chapter: Chapter, reads: Any, report: Any) -> None:
    """
    Puts the tables between a wired chapter's reads and its report. A run without its tables is not green.

    :param report: of ``wire(..., tables=TABLES)``.
    """
    tables = TablesOperator(
        task_id=TABLES, chapter=chapter.name, readers=in_tasks(chapter.readers), trigger_rule=TriggerRule.ALL_DONE
    )
    chain(reads, tables, report)
    chain(tables, report.dag.get_task(RUN_OUTCOME))
