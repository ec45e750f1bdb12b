"""Security DAGs: the audit with findings of other scanners, and the assessment that people sign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from airflow.sdk import Context, Param, TriggerRule, chain
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import is_failed
from migration_ops.core.finding import EVERYTHING, Finding, FindingStatus, worst_first
from migration_ops.operators.runbook.base import FindingsOperator
from migration_ops.operators.runbook.chapter import check_all, in_tasks, read_all
from migration_ops.operators.runbook.results import RunResults
from migration_ops.operators.runbook.services import runbook_services
from migration_ops.operators.runbook.sign_off import CHECKLIST, ChecklistAnswers, ChecklistOperator, ask_for_each
from migration_ops.operators.runbook.sources import CHECK, ChapterChecks, Source, all_findings
from migration_ops.operators.runbook.tail import report_and_notify, tail
from migration_ops.runbook.checks.check import Chapter
from migration_ops.runbook.scanners.findings import (
    INGEST,
    PROWLER,
    SECURITY_HUB,
    fetch_report,
    from_prowler,
    from_security_hub,
    unknown_of,
)

SIGNED_REPORT, NOTIFY_SIGNED = "signed_report", "notify_signed"
# How many checks that are not OK a question names at most.
NAMED_CHECKS = 12
# Active findings of Security Hub, also passed ones: without those an empty answer could mean that nothing was checked.
_ACTIVE = {
    "RecordState": [{"Value": "ACTIVE", "Comparison": "EQUALS"}],
    "WorkflowStatus": [{"Value": one, "Comparison": "EQUALS"} for one in ("NEW", "NOTIFIED", "RESOLVED")],
}


def ingest_params() -> dict[str, Param]:
    """The form's part about other scanners."""
    return {
        "prowlerReport": Param(
            None,
            type=["string", "null"],
            title="Prowler report",
            description="Key of a json-ocsf file in the evidence bucket; empty: none is taken over",
        ),
        "securityHub": Param(
            False,
            type="boolean",
            title="Security Hub",
            description="Take over the active findings of this account and Region",
        ),
    }


class IngestOperator(FindingsOperator):
    """
    Take over findings of other scanners, as the params ask: a Prowler report from the evidence bucket, Security Hub.

    What is malformed, missing or refused is UNKNOWN, and red.
    """

    def execute(self, context: Context) -> Any:
        params = context["params"]
        key, is_hub = params["prowlerReport"], params["securityHub"]
        if not key and not is_hub:
            raise AirflowSkipException("neither prowlerReport nor securityHub is set")
        reader = runbook_services(context).reader
        found = [*(_prowler(reader, key) if key else ()), *(_security_hub(reader) if is_hub else ())]
        return self.publish(context["ti"], found)


def _prowler(reader: AwsReader, key: str) -> list[Finding]:
    read = reader.guarded("the Prowler report", lambda: _text(reader, key))
    if is_failed(read):
        return [unknown_of(PROWLER, key, read["notRead"]["message"] or read["notRead"]["code"])]
    return from_prowler(read, key)


def _text(reader: AwsReader, key: str) -> str:
    found = fetch_report(reader, key)
    if found is None:
        raise UnknownError("the report that the run names is not in the evidence bucket", key=key)
    return found[0].decode("utf-8", "replace")


def _security_hub(reader: AwsReader) -> list[Finding]:
    read = reader.pages("securityhub", "get_findings", "Findings", Filters=_ACTIVE)
    if is_failed(read):
        return [unknown_of(SECURITY_HUB, "*", read["notRead"]["message"] or read["notRead"]["code"])]
    return from_security_hub(read)


@dataclass(frozen=True)
class IngestedFindings:
    """What other scanners found. UNKNOWN when the run's params ask for it and the task left nothing."""

    def findings(self, results: RunResults) -> list[Finding]:
        found = results.findings(INGEST)
        if found is not None:
            return found
        if results.params["prowlerReport"] or results.params["securityHub"]:
            return [unknown_of(INGEST, EVERYTHING, "its task left no findings: see its log")]
        return []

    def answered(self, results: RunResults) -> Collection[str]:
        return [INGEST] if results.findings(INGEST) is not None else []

    def partial(self, results: RunResults) -> Collection[str]:
        return ()

    def tables(self, results: RunResults) -> Sequence[dict[str, Any]]:
        return ()


class ComplianceChecklistOperator(ChecklistOperator):
    """
    Read the compliance checklist, and show the findings of this run in each question.

    Cleared with downstream, all items are asked again.

    :param sources: where the run's findings are taken from.
    """

    def __init__(self, *, sources: Sequence[Source], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sources = tuple(sources)

    def execute(self, context: Context) -> Any:
        params = {**context["params"], "period": "quarter"}
        items = super().execute(cast("Context", {**context, "params": params}))
        sheet = seen_lines(all_findings(self.sources, RunResults.of(context, self)))
        return [one | {"todo": [*one["todo"], *sheet]} for one in items]


def seen_lines(findings: Sequence[Finding]) -> list[str]:
    """What was found, for the page of a question: counts, and the checks that are not OK, worst first."""
    counts = Counter(one.verdict for one in findings)
    lines = [f"This run found {', '.join(f'{counts[one]} {one}' for one in FindingStatus)}."]
    bad = [one for one in worst_first(findings) if one.verdict is not FindingStatus.OK]
    by_check: dict[str, list[Finding]] = {}
    for one in bad:
        by_check.setdefault(one.check_id, []).append(one)
    for check_id, some in list(by_check.items())[:NAMED_CHECKS]:
        more = f" and {len(some) - 1} more" if len(some) > 1 else ""
        lines.append(f"{some[0].verdict} {check_id}: {some[0].resource}{more}. {some[0].reason}")
    if len(by_check) > NAMED_CHECKS:
        lines.append(f"and {len(by_check) - NAMED_CHECKS} more checks, see the report")
    return lines


def _check_task(chapter: Chapter, chapters: Sequence[Chapter]) -> str:
    """The id of a chapter's check task; the first chapter has the id that every runbook DAG has."""
    return CHECK if chapter == chapters[0] else f"{CHECK}_{chapter.name}"


def security_sources(chapters: Sequence[Chapter]) -> list[Source]:
    """The checks of the chapters, and what other scanners found."""
    return [*(ChapterChecks.of(one, _check_task(one, chapters)) for one in chapters), IngestedFindings()]


def wire_security(title: str, chapters: Sequence[Chapter], checklist: str | None = None) -> None:
    """
    The tasks: read → checks, in parallel the ingest of other scanners → report → notify, and the last task, which
    decides the run's result.

    With a checklist people are asked after the report, and a second report is written with their answers.

    :param checklist: name of its file in the configuration directory.
    """
    readers = in_tasks([name for chapter in chapters for name in chapter.readers])
    reads = read_all(readers)
    checks = [check_all(chapter, readers, _check_task(chapter, chapters)) for chapter in chapters]
    chain(reads, checks)
    ingest = IngestOperator(task_id=INGEST)
    report, complete = tail([*checks, ingest], title, security_sources(chapters), looks_back=True)
    if checklist:
        _wire_sign_off(title, chapters, checklist, report, complete)


def _wire_sign_off(title: str, chapters: Sequence[Chapter], checklist: str, report: Any, complete: Any) -> None:
    sources = security_sources(chapters)
    items = ComplianceChecklistOperator(
        task_id=CHECKLIST, file=checklist, sources=sources, trigger_rule=TriggerRule.ALL_DONE
    )
    signed = ask_for_each(items)
    again = report_and_notify(
        signed, title, [*sources, ChecklistAnswers()], report_id=SIGNED_REPORT, notify_id=NOTIFY_SIGNED, looks_back=True
    )
    chain(report, items)
    chain([signed, again], complete)
