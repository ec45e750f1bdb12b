"""The operators of every runbook DAG: read each service once, judge each check, report, tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import Context, TriggerRule, chain
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from migration_ops.core.errors import MigrationError
from migration_ops.core.facts import Facts, failed
from migration_ops.core.finding import Finding
from migration_ops.operators.base import CompleteOperator, DocumentedOperator, doc_of
from migration_ops.operators.context import is_own_retry, leave_note
from migration_ops.operators.runbook.base import FINDINGS_KEY, FindingsOperator
from migration_ops.operators.runbook.services import RunbookServices, runbook_services
from migration_ops.runbook.checks.check import Chapter, Check, read_with
from migration_ops.runbook.reports.notify import decide
from migration_ops.runbook.reports.report import make_report
from migration_ops.runbook.reports.text import markdown, note

READ, CHECK, REPORT = "read", "check", "report"
TABLES_KEY = "tables"


class ReadOperator(DocumentedOperator):
    """
    Read one service, once for all checks of this run. What AWS refuses becomes part of it, and UNKNOWN later.

    :param reader: name of a module in ``migration_ops.runbook.readers``.
    """

    template_fields: Sequence[str] = ("reader",)

    def __init__(self, *, reader: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reader = reader

    def execute(self, context: Context) -> Any:
        services = runbook_services(context)
        return services.put_away(self.reader, read_now(services, self.reader))


def read_now(services: RunbookServices, reader: str) -> dict[str, Any]:
    """What the reader reads; the document of its failure when it cannot even begin."""
    try:
        return read_with(reader, services.reader)
    except MigrationError as error:
        return failed(f"reader {reader}", error)


class CheckOperator(FindingsOperator):
    """
    Judge one check over what was read; red when something is CRITICAL or UNKNOWN.

    Cleared by a person it reads its services anew: that is what looking again means.

    :param chapter: the chapter's name.
    :param check: the check's id.
    :param readers: the chapter's readers, in the order in which the reads are mapped.
    """

    template_fields: Sequence[str] = ("check",)
    ui_color = "#eef6ee"

    def __init__(self, *, chapter: str, check: str, readers: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chapter = chapter
        self.check = check
        self.readers = readers

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        services = runbook_services(context)
        check = Check(self.chapter, self.check)
        if services.config.resources.has_none_of(check.metadata.kind):
            ti.xcom_push(key=FINDINGS_KEY, value=[])
            raise AirflowSkipException(f"resources.yaml says that there are no {check.metadata.kind} here")
        estate = {name: self._read(ti, services, name) for name in check.metadata.reads}
        findings = check.run(Facts(estate), services.config.thresholds)
        return self.leave(ti, findings)

    def _read(self, ti: Any, services: RunbookServices, reader: str) -> dict[str, Any]:
        if ti.try_number > 1 and not is_own_retry(ti, self):
            self.log.info("cleared: reads %s anew", reader)
            return read_now(services, reader)
        left = ti.xcom_pull(task_ids=READ, map_indexes=self.readers.index(reader))
        return services.taken_out(left, reader)


class FindingsReportOperator(DocumentedOperator):
    """
    Write the run's report: Markdown here and in the run's note; HTML, Markdown and JSON by date in the bucket.

    A check that left nothing behind is named as UNKNOWN: its task was lost.

    :param title: the report's title.
    :param chapter: the chapter's name.
    :param checks: ids of the checks that must have answered.
    :param tables: id of a task whose XCom ``tables`` holds further tables of the report; None for none.
    """

    def __init__(
        self, *, title: str, chapter: str, checks: list[str], tables: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.title = title
        self.chapter = chapter
        self.checks = checks
        self.tables = tables

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        services = runbook_services(context)
        kept = services.kept(ti.dag_id)
        previous = kept.previous(ti.run_id) if kept else None
        report = make_report(
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            title=self.title,
            at=services.reader.now.isoformat(timespec="seconds").replace("+00:00", "Z"),
            window_hours=services.reader.window / timedelta(hours=1),
            findings=self._findings(ti),
            previous=previous,
            extra=self._extra(ti),
        )
        text = markdown(report)
        self.log.info("%s", text)
        leave_note(ti, note(report))
        key = None
        if kept:
            kept.remember(previous)
            key = kept.keep(report)
        else:
            self.log.warning("MIGRATION_OPS_EVIDENCE_BUCKET is not set: no report is kept, nothing can be compared")
        ti.xcom_push(key=FINDINGS_KEY, value=[one.as_document() for one in report.findings])
        return {"verdict": report.verdict.value, "counts": report.counts, "key": key, "markdown": text}

    def _extra(self, ti: Any) -> Sequence[dict[str, Any]]:
        """Further tables of the report."""
        return (ti.xcom_pull(task_ids=self.tables, key=TABLES_KEY) or ()) if self.tables else ()

    def _findings(self, ti: Any) -> list[Finding]:
        found: list[Finding] = []
        answers = [
            ti.xcom_pull(task_ids=CHECK, key=FINDINGS_KEY, map_indexes=number) for number in range(len(self.checks))
        ]
        for check_id, documents in zip(self.checks, answers, strict=True):
            check = Check(self.chapter, check_id)
            lost = [check.lost("the check's task left no findings: see its log")]
            found += lost if documents is None else [Finding.from_document(one) for one in documents]
        return found


class TellOperator(DocumentedOperator):
    """
    Tell people through SNS: what is new, what is over, and what still is wrong after a day. The same is told once.

    On-call hears what is red in a check that pages; all else goes to the topic of warnings.

    :param report_task: id of the task whose report is told.
    """

    def __init__(self, *, title: str, report_task: str = REPORT, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.title = title
        self.report_task = report_task

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        services = runbook_services(context)
        if not services.tell:
            raise AirflowSkipException("tell is false: nobody is told")
        documents = ti.xcom_pull(task_ids=self.report_task, key=FINDINGS_KEY)
        if documents is None:
            raise AirflowFailException("there is no report: nobody was told")
        kept = services.kept(ti.dag_id)
        told = (kept.document(kept.told) if kept else None) or {}
        telling = decide(
            self.title,
            [Finding.from_document(one) for one in documents],
            told,
            services.reader.now,
            timedelta(hours=services.config.on_call.remind_after_hours),
            services.link((ti.xcom_pull(task_ids=self.report_task) or {}).get("key")),
        )
        for message in telling.messages:
            services.publish(context, message)
            self.log.info("told %s: %s", message.route, message.subject)
        # Only now: what could not be sent is due again when this task is.
        if kept and telling.told != told:
            kept.store.put(kept.told, telling.told)
        return {"messages": [one.subject for one in telling.messages]}


def wire(chapter: Chapter, title: str, *, tables: str | None = None) -> tuple[Any, Any]:
    """
    The tasks of a chapter: read → check → report → tell, and the leaf that gives the run its colour.

    :return: the mapped reads, to put something before them; and the report.
    """
    reads = ReadOperator.partial(
        task_id=READ, map_index_template="{{ task.reader }}", doc_md=doc_of(ReadOperator)
    ).expand(reader=list(chapter.readers))
    # A service that could not be read leaves its checks UNKNOWN, not undone.
    checks = CheckOperator.partial(
        task_id=CHECK,
        chapter=chapter.name,
        readers=list(chapter.readers),
        map_index_template="{{ task.check }}",
        doc_md=doc_of(CheckOperator),
        trigger_rule=TriggerRule.ALL_DONE,
    ).expand(check=list(chapter.check_ids))
    report = FindingsReportOperator(
        task_id=REPORT,
        title=title,
        chapter=chapter.name,
        checks=list(chapter.check_ids),
        tables=tables,
        trigger_rule=TriggerRule.ALL_DONE,
    )
    tell = TellOperator(task_id="tell", title=title, trigger_rule=TriggerRule.ALL_DONE)
    complete = CompleteOperator(task_id="all_well", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    chain(reads, checks, report, tell)
    chain([checks, report], complete)
    return reads, report
