"""Security DAGs: the audit with findings of other scanners, and the assessment that people sign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from airflow.sdk import Context, Param, TriggerRule, chain
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import is_failed
from migration_ops.core.finding import RED, Finding, FindingStatus, worst, worst_first
from migration_ops.operators.base import CompleteOperator, DocumentedOperator, doc_of
from migration_ops.operators.runbook.base import FINDINGS_KEY, with_accepted
from migration_ops.operators.runbook.chapter import (
    CHECK,
    READ,
    READ_NAME,
    REPORT,
    CheckOperator,
    FindingsReportOperator,
    NotifyOperator,
    ReadOperator,
    in_tasks,
)
from migration_ops.operators.runbook.services import runbook_services
from migration_ops.operators.runbook.sign_off import ANSWER_KEY, CHECKLIST, SIGN_OFF, ChecklistOperator, SignOffOperator
from migration_ops.runbook.checks.check import Chapter
from migration_ops.runbook.scanners.findings import (
    PROWLER,
    SECURITY_HUB,
    fetch_report,
    from_prowler,
    from_security_hub,
    unknown_of,
)
from migration_ops.runbook.sign_off import findings_of, table_of

INGEST, SIGNED_REPORT = "ingest", "signed_report"
# Of what is wrong, a question names so many checks.
NAMED_CHECKS = 12
# What Security Hub still holds against us, passed ones too: without them nobody knows that anything was looked at.
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


class IngestOperator(DocumentedOperator):
    """
    Take over findings of other scanners, as the params ask: a Prowler report from the evidence bucket, Security Hub.

    What is malformed, missing or refused is UNKNOWN, and red.
    """

    def execute(self, context: Context) -> Any:
        ti, params = context["ti"], context["params"]
        key, is_hub = params["prowlerReport"], params["securityHub"]
        if not key and not is_hub:
            raise AirflowSkipException("neither prowlerReport nor securityHub is set")
        reader = runbook_services(context).reader
        found = with_accepted(
            [*(_prowler(reader, key) if key else ()), *(_security_hub(reader) if is_hub else ())],
        )
        ti.xcom_push(key=FINDINGS_KEY, value=[one.as_document() for one in found])
        red = [one for one in worst_first(found) if one.verdict in RED]
        for one in red[:50]:
            self.log.error("%s %s %s: %s", one.verdict, one.check_id, one.resource, one.reason)
        if red:
            raise AirflowFailException(f"{len(red)} of {len(found)} findings are red; the first: {red[0].reason}")
        return {"verdict": worst(found).value, "findings": len(found)}


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


class SecurityReportOperator(FindingsReportOperator):
    """
    Write the run's report: Markdown here and in the run's note; HTML, Markdown and JSON by date in the bucket.

    It holds the findings of every check, of other scanners and, once people were asked, of the checklist. A check that
    left nothing behind is named as UNKNOWN: its task was lost.

    :param chapters: whose checks must have answered, in the order in which their tasks are mapped.
    :param is_signed: whether the checklist belongs to it.
    """

    def __init__(self, *, title: str, chapters: Sequence[Chapter], is_signed: bool = False, **kwargs: Any) -> None:
        super().__init__(title=title, chapter="", checks=[], **kwargs)
        self.chapters = list(chapters)
        self.is_signed = is_signed
        self._params: Mapping[str, Any] = {}

    def execute(self, context: Context) -> Any:
        self._params = context["params"]
        return super().execute(context)

    def _findings(self, ti: Any) -> list[Finding]:
        found = findings_left(ti, self.chapters, self._params)
        return found + (findings_of(*_answered(ti)) if self.is_signed else [])

    def _answered_by(self, ti: Any) -> list[str]:
        return [INGEST] if ti.xcom_pull(task_ids=INGEST, key=FINDINGS_KEY) is not None else []

    def _extra(self, ti: Any) -> Sequence[dict[str, Any]]:
        return (table_of(*_answered(ti)),) if self.is_signed else ()


class ComplianceChecklistOperator(ChecklistOperator):
    """
    Read the compliance checklist, and put what this run found into each question: people sign with it before them.

    Cleared with downstream, all is asked anew.
    """

    def __init__(self, *, chapters: Sequence[Chapter], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chapters = list(chapters)

    def execute(self, context: Context) -> Any:
        params = {**context["params"], "period": "quarter"}
        items = super().execute(cast("Context", {**context, "params": params}))
        sheet = seen_lines(findings_left(context["ti"], self.chapters, params))
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


def findings_left(ti: Any, chapters: Sequence[Chapter], params: Mapping[str, Any]) -> list[Finding]:
    """What checks and other scanners left; UNKNOWN for each task that left nothing."""
    found: list[Finding] = []
    for chapter in chapters:
        for number, check in enumerate(chapter.checks):
            documents = ti.xcom_pull(task_ids=_check_task(chapter, chapters), key=FINDINGS_KEY, map_indexes=number)
            lost = [check.lost("the check's task left no findings: see its log")]
            found += lost if documents is None else [Finding.from_document(one) for one in documents]
    taken = ti.xcom_pull(task_ids=INGEST, key=FINDINGS_KEY)
    if taken is not None:
        found += [Finding.from_document(one) for one in taken]
    elif params["prowlerReport"] or params["securityHub"]:
        found.append(unknown_of(INGEST, "*", "its task left no findings: see its log"))
    return found


def _answered(ti: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any] | None]]:
    items = ti.xcom_pull(task_ids=CHECKLIST)
    if not items:
        raise AirflowFailException("there is no checklist: nothing was asked")
    return items, [ti.xcom_pull(task_ids=SIGN_OFF, key=ANSWER_KEY, map_indexes=one) for one in range(len(items))]


def _check_task(chapter: Chapter, chapters: Sequence[Chapter]) -> str:
    """The first chapter's checks are called as in every runbook DAG."""
    return CHECK if chapter == chapters[0] else f"{CHECK}_{chapter.name}"


def wire_security(title: str, chapters: Sequence[Chapter], checklist: str | None = None) -> None:
    """
    The tasks: read → checks, beside them what other scanners found → report → tell, and the leaf with the run's colour.

    With a checklist people are asked once the report is there, and it is written again with their answers.

    :param checklist: name of its file in the configuration directory.
    """
    readers = in_tasks([name for chapter in chapters for name in chapter.readers])
    reads = ReadOperator.partial(task_id=READ, map_index_template=READ_NAME, doc_md=doc_of(ReadOperator)).expand(
        reader=readers
    )
    checks = [
        CheckOperator.partial(
            task_id=_check_task(chapter, chapters),
            chapter=chapter.name,
            readers=readers,
            map_index_template="{{ task.check }}",
            doc_md=doc_of(CheckOperator),
            trigger_rule=TriggerRule.ALL_DONE,
        ).expand(check=list(chapter.check_ids))
        for chapter in chapters
    ]
    ingest = IngestOperator(task_id=INGEST)
    always = TriggerRule.ALL_DONE
    report = SecurityReportOperator(
        task_id=REPORT, title=title, chapters=chapters, looks_back=True, trigger_rule=always
    )
    notify = NotifyOperator(task_id="notify", title=title, trigger_rule=always)
    complete = CompleteOperator(task_id="run_outcome", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    chain(reads, checks, report, notify)
    chain(ingest, report)
    chain([*checks, ingest, report], complete)
    if checklist:
        _wire_sign_off(title, chapters, checklist, report, complete)


def _wire_sign_off(title: str, chapters: Sequence[Chapter], checklist: str, report: Any, complete: Any) -> None:
    always = TriggerRule.ALL_DONE
    items = ComplianceChecklistOperator(task_id=CHECKLIST, file=checklist, chapters=chapters, trigger_rule=always)
    signed = SignOffOperator.partial(
        task_id=SIGN_OFF, map_index_template="{{ task.item['id'] }}", doc_md=doc_of(SignOffOperator)
    ).expand(item=items.output)
    again = SecurityReportOperator(
        task_id=SIGNED_REPORT, title=title, chapters=chapters, is_signed=True, trigger_rule=always
    )
    notify = NotifyOperator(task_id="tell_signed", title=title, report_task=SIGNED_REPORT, trigger_rule=always)
    chain(report, items)
    chain(signed, again, notify)
    chain([signed, again], complete)
