"""The report of a runbook run: findings first, so that people are notified even when the report fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, timedelta
from typing import Any

from airflow.sdk import Context

from migration_ops.aws.evidence_store import ChangedMeanwhileError
from migration_ops.core.errors import MigrationError
from migration_ops.core.finding import Finding
from migration_ops.operators.base import DocumentedOperator
from migration_ops.operators.context import set_run_note
from migration_ops.operators.runbook.base import FINDINGS_KEY
from migration_ops.operators.runbook.results import RESULT_KEY, RunResults
from migration_ops.operators.runbook.run_window import run_window
from migration_ops.operators.runbook.services import runbook_services
from migration_ops.operators.runbook.sources import Source, all_findings
from migration_ops.runbook.reports.history import Previous, ReportStore
from migration_ops.runbook.reports.kinds import MISSED, NO_REPORT, missed_window
from migration_ops.runbook.reports.notice_text import moment
from migration_ops.runbook.reports.report import Report, make_report
from migration_ops.runbook.reports.text import markdown, note
from migration_ops.runbook.window import Window

REPORT = "report"
# Names of checks and tasks that left an answer in this run, besides the checks that the findings name; and the checks
# for which the run read only some of the resources.
ANSWERED_KEY, PARTIAL_KEY = "answered", "partial"
# How often a report is compared at most, when another run stores its own in between.
TRIES = 5
NOT_COMPARED = "The report before could not be read: nothing is compared."
SUPERSEDED = "A newer run has kept its report: this one is compared with nothing, and notifies nobody."


class RunbookReportOperator(DocumentedOperator):
    """
    Write the run's report: Markdown here and in the run's note; HTML, Markdown and JSON by date in the bucket.

    A task that left nothing behind was lost and is reported as UNKNOWN. Red when the report could not be stored; people
    are notified of the findings all the same. A run that is older than the latest report only stores its own.

    :param title: the report's title.
    :param sources: what it is made of, in order, see ``sources``.
    :param looks_back: whether the checks read the run's window; then a time that no run has checked is a finding.
    """

    def __init__(self, *, title: str, sources: Sequence[Source], looks_back: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.title = title
        self.sources = tuple(sources)
        self.looks_back = looks_back

    def execute(self, context: Context) -> Any:
        ti, results = context["ti"], RunResults.of(context, self)
        findings = all_findings(self.sources, results)
        # Before anything else: people are notified of these also when no report can be stored.
        answered, partial = self._publish(results, findings)
        services = runbook_services(context)
        window = run_window(context, services)
        if self.looks_back and window.is_certain:
            if window.missed is not None:
                findings.append(missed_window(ti.dag_id, moment(window.missed), moment(window.since)))
            answered, partial = self._publish(results, findings, MISSED)
        extra = [table for source in self.sources for table in source.tables(results)]

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
                answered=answered,
                partial=partial,
            )

        store = services.reports(ti.dag_id)
        report, key, problem = _kept(store, window, ti.run_id, build) if store else (build(Previous.none()), None, None)
        if not store:
            self.log.warning("MIGRATION_OPS_EVIDENCE_BUCKET is not set: no report is kept, nothing can be compared")
        return self._left(ti, report, key, problem)

    def _left(self, ti: Any, report: Report, key: str | None, problem: MigrationError | None) -> dict[str, Any]:
        """Shows the report; returns what the notification needs of it. Raises ``problem`` if there is one."""
        text = markdown(report)
        self.log.info("%s", text)
        set_run_note(ti, note(report))
        result = {"verdict": report.verdict.value, "counts": report.counts, "key": key, "markdown": text}
        if problem is not None:
            # A task that fails has no return value, but the notification needs the key of the report.
            ti.xcom_push(key=RESULT_KEY, value=result)
            raise problem
        return result

    def _publish(
        self, results: RunResults, findings: Sequence[Finding], *more: str
    ) -> tuple[Sequence[str], Sequence[str]]:
        """
        Leaves the findings for the notification; returns the names that were answered, and the checks read in part.

        :param more: further names that have an answer, besides those of the sources.
        """
        answered = {name for source in self.sources for name in source.answered(results)}
        found = sorted({NO_REPORT, *more, *answered}), sorted({n for one in self.sources for n in one.partial(results)})
        results.ti.xcom_push(key=FINDINGS_KEY, value=[one.as_document() for one in findings])
        results.ti.xcom_push(key=ANSWERED_KEY, value=found[0])
        results.ti.xcom_push(key=PARTIAL_KEY, value=found[1])
        return found


def _kept(
    store: ReportStore, window: Window, run_id: str, build: Callable[[Previous | None], Report]
) -> tuple[Report, str | None, MigrationError | None]:
    """The report, its key, and an error if there was one; compared again when another run stored its own in between."""
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
        taken = "whether time was missed is not known" if window.asked else "the longest window was read"
        found.append(f"Where the last run ended could not be read: {taken}.")
    return tuple(found)


def _iso(window: Window) -> str:
    return window.until.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
