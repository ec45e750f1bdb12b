"""The kinds of finding that are about the runs themselves: no report, and time that no run checked."""

from __future__ import annotations

from dataclasses import replace

from migration_ops.core.finding import Finding, Route, unknown, warning
from migration_ops.core.finding_kind import FindingKind, KindTable

# For a run without a report, and for a time that no run checked.
NO_REPORT, MISSED = "runbook_report", "runbook_window"
_CHAPTER = "Daily Operations"
_READ_LOG = "Open the run, fix what the log of {task} names, and clear that task with downstream."

REPORT_KINDS = KindTable(
    FindingKind(
        check_id=NO_REPORT,
        title="The report of a run",
        section=_CHAPTER,
        remedy=_READ_LOG.format(task="report"),
    ),
    FindingKind(
        check_id=MISSED,
        title="Time that no run checked",
        section=_CHAPTER,
        remedy="Find out why no run came (DAG paused, scheduler down), then trigger one with a longer windowHours.",
        is_event=True,
    ),
)


def no_report(task_id: str, *, pages: bool) -> Finding:
    """
    UNKNOWN: nobody knows what the run found.

    :param task_id: the task that should have left the report's findings.
    :param pages: whether on-call is woken up.
    """
    reason = f"the task {task_id} left no findings: see its log"
    kind = replace(REPORT_KINDS[NO_REPORT], remedy=_READ_LOG.format(task=task_id))
    return kind.finding("*", unknown(reason, route=Route.PAGE if pages else Route.WARN))


def missed_window(dag_id: str, since: str, until: str) -> Finding:
    """WARNING: between the last report and this window no run checked anything.

    :param since: from when, as people read it. :param until: the beginning of this window.
    """
    reason = f"from {since} to {until} no run checked anything: what happened then is not in any report"
    return REPORT_KINDS[MISSED].finding(dag_id, warning(reason))
