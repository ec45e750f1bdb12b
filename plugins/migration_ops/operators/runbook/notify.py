"""The task that notifies people of a report: on-call of what pages, the warnings topic of all else."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from migration_ops.core.finding import Finding
from migration_ops.operators.base import DocumentedOperator
from migration_ops.operators.context import NOTE_KEY, set_run_note
from migration_ops.operators.runbook.base import FINDINGS_KEY
from migration_ops.operators.runbook.heartbeat import put_heartbeat
from migration_ops.operators.runbook.report import ANSWERED_KEY, PARTIAL_KEY, REPORT
from migration_ops.operators.runbook.run_window import run_window, usual_window
from migration_ops.operators.runbook.services import runbook_services
from migration_ops.runbook.reports.kinds import no_report
from migration_ops.runbook.reports.notifier import Delivered, Notifier, Notifying


class NotifyOperator(DocumentedOperator):
    """
    Notify people through SNS: of what is new, what has ended, and what is still wrong after `remindAfterHours`.

    On-call gets what is red in a check that pages; all else goes to the warnings topic. Red when a message could not
    be sent: the others were, and clearing the task sends what is missing. A run that is older than the latest report
    notifies nobody.

    :param report_task: id of the task of whose findings people are notified.
    :param pages: whether on-call is paged when there is no report at all.
    """

    def __init__(self, *, title: str, report_task: str = REPORT, pages: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.title = title
        self.report_task = report_task
        self.pages = pages

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        services = runbook_services(context)
        if not services.notify:
            raise AirflowSkipException("notify is false: nobody is notified")
        documents = ti.xcom_pull(task_ids=self.report_task, key=FINDINGS_KEY)
        answered = ti.xcom_pull(task_ids=self.report_task, key=ANSWERED_KEY) or ()
        partial_checks = ti.xcom_pull(task_ids=self.report_task, key=PARTIAL_KEY) or ()
        window = run_window(context, services)
        key = (ti.xcom_pull(task_ids=self.report_task) or {}).get("key")
        found = [no_report(self.report_task, pages=self.pages)]
        if documents is not None:
            found = [Finding.from_document(one) for one in documents]
        done = Notifier(services.reports(ti.dag_id), partial(services.publish, context)).deliver(
            Notifying(
                run_id=ti.run_id,
                title=self.title,
                findings=tuple(found),
                window=window,
                remind_after=timedelta(hours=services.config.on_call.remind_after_hours),
                place=services.place(window, key),
                answered=answered,
                partial=partial_checks,
                period=usual_window(context),
            )
        )
        put_heartbeat(services, context, found)
        self._say_if_silent(ti, done)
        if documents is None:
            raise AirflowFailException("there is no report: people were notified of that only")
        return {"messages": [one.subject for one in done.sent], "silent": done.silent}

    def _say_if_silent(self, ti: Any, done: Delivered) -> None:
        if done.silent:
            before = ti.xcom_pull(task_ids=self.report_task, key=NOTE_KEY)
            set_run_note(ti, "\n".join(one for one in (done.silent, before) if one))
