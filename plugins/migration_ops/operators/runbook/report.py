"""Reports of runbook DAGs whose work is one mapped task that leaves findings and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from airflow.sdk import Context, TriggerRule, chain

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Finding, FindingVerdict
from migration_ops.operators.base import DocumentedOperator
from migration_ops.operators.runbook.base import FINDINGS_KEY
from migration_ops.operators.runbook.chapter import READ, TABLES_KEY, FindingsReportOperator
from migration_ops.operators.runbook.services import runbook_services
from migration_ops.runbook.checks.check import Chapter
from migration_ops.runbook.reports.tables import tables_of


class MappedReportOperator(FindingsReportOperator):
    """
    Write the run's report: Markdown here and in the run's note; HTML, Markdown and JSON by date in the bucket.

    A task that left nothing behind is named as UNKNOWN: it was lost.

    :param work: id of the mapped task whose XCom ``findings`` and ``tables`` make the report.
    :param begun: id of a mapped task before it, which left findings of its own when it failed; None for none.
    :param names: what it is mapped over, in order; None when the task ``names_from`` returned them.
    :param names_from: id of the task that returned them.
    :param check_prefix: with a name of the map it is the check id of a lost task.
    :param section: the runbook's section.
    """

    def __init__(
        self,
        *,
        title: str,
        work: str,
        check_prefix: str,
        section: str,
        begun: str | None = None,
        names: list[str] | None = None,
        names_from: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(title=title, chapter="", checks=[], **kwargs)
        self.work = work
        self.begun = begun
        self.names = names
        self.names_from = names_from
        self.check_prefix = check_prefix
        self.section = section

    def _names(self, ti: Any) -> list[str]:
        if self.names is not None:
            return self.names
        return list(ti.xcom_pull(task_ids=self.names_from) or ())

    def _findings(self, ti: Any) -> list[Finding]:
        names = self._names(ti)
        if not names:
            return [self._lost("", f"the task {self.names_from} left nothing: see its log")]
        found: list[Finding] = []
        for number, name in enumerate(names):
            left = self._left(ti, self.work, number)
            if left is None and self.begun:
                left = self._left(ti, self.begun, number)
            if left is None:
                found.append(self._lost(name, f"the task {self.work} left nothing: see its log"))
            else:
                found += [Finding.from_document(one) for one in left]
        return found

    def _left(self, ti: Any, task_id: str, number: int) -> list[dict[str, Any]] | None:
        left: list[dict[str, Any]] | None = ti.xcom_pull(task_ids=task_id, key=FINDINGS_KEY, map_indexes=number)
        return left

    def _extra(self, ti: Any) -> Sequence[dict[str, Any]]:
        tables: list[dict[str, Any]] = []
        for number, _ in enumerate(self._names(ti)):
            tables += ti.xcom_pull(task_ids=self.work, key=TABLES_KEY, map_indexes=number) or ()
        return merged(tables)

    def _lost(self, name: str, reason: str) -> Finding:
        return Finding(
            self.check_prefix + name if name else self.check_prefix.rstrip("_"),
            "*",
            FindingVerdict.UNKNOWN,
            reason=reason,
            remedy="Clear the task with downstream.",
            section=self.section,
        )


def merged(tables: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tables of one title become one, in the order of their first; one with a chart stays by itself."""
    found: dict[Any, dict[str, Any]] = {}
    for number, one in enumerate(tables):
        key = number if "chart" in one else (one["title"], tuple(one["head"]))
        kept = found.setdefault(key, {**one, "rows": []})
        kept["rows"] = [*kept["rows"], *one["rows"]]
    return list(found.values())


TABLES = "tables"
LEAF = "all_well"


class TablesOperator(DocumentedOperator):
    """
    Make the report's tables and charts from what the reads left; a table whose facts could not be read says so.

    It judges nothing: the checks do. To see new values, clear the reads **with downstream**.

    :param chapter: the chapter's name.
    :param readers: the chapter's readers, in the order in which the reads are mapped.
    """

    def __init__(self, *, chapter: str, readers: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chapter = chapter
        self.readers = readers

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        services = runbook_services(context)
        estate = {
            name: services.taken_out(ti.xcom_pull(task_ids=READ, map_indexes=number), name)
            for number, name in enumerate(self.readers)
        }
        tables = tables_of(self.chapter, Facts(estate), services.config.thresholds)
        ti.xcom_push(key=TABLES_KEY, value=tables)
        return [one["title"] for one in tables]


def add_tables(chapter: Chapter, reads: Any, report: Any) -> None:
    """
    Puts the tables between a wired chapter's reads and its report. A run without its tables is not green.

    :param report: of ``wire(..., tables=TABLES)``.
    """
    tables = TablesOperator(
        task_id=TABLES, chapter=chapter.name, readers=list(chapter.readers), trigger_rule=TriggerRule.ALL_DONE
    )
    chain(reads, tables, report)
    chain(tables, report.dag.get_task(LEAF))
