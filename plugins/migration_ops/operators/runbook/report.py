"""The report of a runbook run: findings first, so that people hear of them whatever becomes of the report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, timedelta
from typing import Any

from airflow.sdk import Context

from migration_ops.aws.evidence_store import ChangedMeanwhileError
from migration_ops.core.errors import MigrationError
from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.operators.base import DocumentedOperator
from migration_ops.operators.context import set_run_note
from migration_ops.operators.runbook.base import FINDINGS_KEY
from migration_ops.operators.runbook.run_window import run_window
from migration_ops.operators.runbook.services import runbook_services
from migration_ops.runbook.checks.check import Check
from migration_ops.runbook.reports.history import Previous, ReportStore
from migration_ops.runbook.reports.notice_text import moment
from migration_ops.runbook.reports.report import Report, make_report
from migration_ops.runbook.reports.text import markdown, note
from migration_ops.runbook.window import Window

CHECK, REPORT = "check", "report"
TABLES_KEY = "tables"
# Names of checks and tasks that left an answer in this run, beside the checks that the findings name.
ANSWERED_KEY = "answered"
RESULT_KEY = "return_value"
# Of a report without findings, and of a time at which nobody looked.
NO_REPORT, MISSED = "runbook_report", "runbook_window"
# So often a report is compared again because another run kept its own meanwhile.
TRIES = 5
NOT_COMPARED = "The report before could not be read: nothing is compared."
SUPERSEDED = "A newer run has kept its report: this one is compared with nothing, and notifies nobody."


class FindingsReportOperator(DocumentedOperator):
    """
    Write the run's report: Markdown here and in the run's note; HTML, Markdown and JSON by date in the bucket.

    A check that left nothing behind is named as UNKNOWN: its task was lost. Red when the report could not be kept; what
    was found is notified all the same. A run that is older than the latest report only keeps its own.

    :param title: the report's title.
    :param chapter: the chapter's name.
    :param checks: ids of the checks that must have answered.
    :param tables: id of a task whose XCom ``tables`` holds further tables of the report; None for none.
    :param looks_back: whether the run's checks look at its window: then what no run looked at is a finding.
    """

    def __init__(
        self,
        *,
        title: str,
        chapter: str,
        checks: list[str],
        tables: str | None = None,
        looks_back: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.title = title
        self.chapter = chapter
        self.checks = checks
        self.tables = tables
        self.looks_back = looks_back

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        findings = self._findings(ti)
        # Before anything else: what was found is for people to hear, also when no report can be kept.
        self._leave(ti, findings)
        services = runbook_services(context)
        window = run_window(context, services)
        if self.looks_back and window.missed is not None:
            findings.append(missed_finding(ti.dag_id, window))
            self._leave(ti, findings)
        extra = self._extra(ti)

        def build(previous: Previous | None) -> Report:
            return make_report(
                dag_id=ti.dag_id,
                run_id=ti.run_id,
                title=self.title,
                at=_iso(window),
                window_hours=window.length / timedelta(hours=1),
                findings=findings,
                previous=previous.document if previous else None,
                extra=extra,
                remarks=_remarks(window, previous, is_kept=store is not None),
                notify=services.notify,
            )

        store = services.reports(ti.dag_id)
        report, key, problem = _kept(store, window, ti.run_id, build) if store else (build(Previous.none()), None, None)
        if not store:
            self.log.warning("MIGRATION_OPS_EVIDENCE_BUCKET is not set: no report is kept, nothing can be compared")
        text = markdown(report)
        self.log.info("%s", text)
        set_run_note(ti, note(report))
        result = {"verdict": report.verdict.value, "counts": report.counts, "key": key, "markdown": text}
        if problem is not None:
            # A task that fails returns nothing, and the notification names the report.
            ti.xcom_push(key=RESULT_KEY, value=result)
            raise problem
        return result

    def _leave(self, ti: Any, findings: Sequence[Finding]) -> None:
        ti.xcom_push(key=FINDINGS_KEY, value=[one.as_document() for one in findings])
        ti.xcom_push(key=ANSWERED_KEY, value=sorted({NO_REPORT, MISSED, *self._answered_by(ti)}))

    def _answered_by(self, ti: Any) -> Collection[str]:
        """Names of tasks that left an answer, where a lost one is named by its task."""
        return ()

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


def _kept(
    store: ReportStore, window: Window, run_id: str, build: Callable[[Previous | None], Report]
) -> tuple[Report, str | None, MigrationError | None]:
    """The report, the key under which it is kept, and what went wrong; compared again where a run came between."""
    problem: MigrationError | None = None
    key: str | None = None
    for _ in range(TRIES):
        try:
            previous: Previous | None = store.load(run_id, window.until)
            problem = None
        except MigrationError as error:
            previous, problem = None, error
        report = build(previous)
        try:
            key = store.save(report)
            if previous is not None:
                store.make_latest(report, previous)
        except ChangedMeanwhileError as error:
            problem = error
            continue
        except MigrationError as error:
            problem = problem or error
        break
    return report, key, problem


def _remarks(window: Window, previous: Previous | None, *, is_kept: bool) -> tuple[str, ...]:
    found = []
    if previous is None:
        found.append(NOT_COMPARED)
    elif previous.is_superseded:
        found.append(SUPERSEDED)
    if is_kept and not window.is_certain:
        found.append("Where the last run ended could not be read: the longest window was looked at.")
    return tuple(found)


def missed_finding(dag_id: str, window: Window) -> Finding:
    """WARNING: between the last report and this window nobody looked."""
    since = moment(window.missed or window.since)
    return Finding(
        MISSED,
        dag_id,
        FindingStatus.WARNING,
        reason=f"from {since} to {moment(window.since)} no run looked: what happened then is not in any report",
        remedy="Find out why no run came (DAG paused, scheduler down), then trigger one with a longer windowHours.",
        section="Daily Operations",
        title="Time that no run looked at",
        is_event=True,
    )


def _iso(window: Window) -> str:
    return window.until.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
