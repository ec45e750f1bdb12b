"""Reports of runbook DAGs whose work is one mapped task that leaves findings and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.operators.runbook.base import FINDINGS_KEY
from migration_ops.operators.runbook.report import TABLES_KEY, FindingsReportOperator


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

    def _answered_by(self, ti: Any) -> list[str]:
        return [self.check_prefix.rstrip("_")] if self._names(ti) else []

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
            FindingStatus.UNKNOWN,
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
