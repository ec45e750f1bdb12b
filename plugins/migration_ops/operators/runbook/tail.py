"""The end of every runbook DAG: report, notify, and the last task, which decides the run's result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import TriggerRule, chain

from migration_ops.operators.base import CompleteOperator
from migration_ops.operators.runbook.notify import NotifyOperator
from migration_ops.operators.runbook.report import REPORT, RunbookReportOperator
from migration_ops.operators.runbook.sources import Source

NOTIFY, RUN_OUTCOME = "notify", "run_outcome"


def report_and_notify(
    work: Any,
    title: str,
    sources: Sequence[Source],
    *,
    report_id: str = REPORT,
    notify_id: str = NOTIFY,
    pages: bool = False,
    looks_back: bool = False,
) -> RunbookReportOperator:
    """
    Puts a report, and its notification, after the work; both run whatever its result.

    :param pages: whether on-call is paged when there is no report at all.
    :param looks_back: see :class:`RunbookReportOperator`.
    :return: the report.
    """
    always = TriggerRule.ALL_DONE
    report = RunbookReportOperator(
        task_id=report_id, title=title, sources=sources, looks_back=looks_back, trigger_rule=always
    )
    notify = NotifyOperator(task_id=notify_id, title=title, report_task=report_id, pages=pages, trigger_rule=always)
    chain(work, report, notify)
    return report


def tail(
    work: Any,
    title: str,
    sources: Sequence[Source],
    *,
    outcome: Any = None,
    pages: bool = False,
    looks_back: bool = False,
) -> tuple[RunbookReportOperator, CompleteOperator]:
    """
    The end of a runbook DAG, with the same task ids everywhere.

    :param work: the tasks, or one, after which the report is written.
    :param sources: what the report is made of.
    :param outcome: the tasks that decide the run's result together with the report; None: ``work``.
    :return: the report and the last task, to put more before them.
    """
    report = report_and_notify(work, title, sources, pages=pages, looks_back=looks_back)
    complete = CompleteOperator(task_id=RUN_OUTCOME, trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    deciding = work if outcome is None else outcome
    chain([*deciding, report] if isinstance(deciding, list) else [deciding, report], complete)
    return report, complete
