"""Every runbook DAG ends alike: report, notify whatever became of it, and the leaf that no red task leaves green."""

from __future__ import annotations

import pytest

from migration_ops.operators.runbook.report import RunbookReportOperator
from tests.dags.dag_files import dag, dag_ids

# After which tasks the report is written, and which decide the run's colour beside it.
ENDS: dict[str, tuple[set[str], set[str]]] = {
    "migration_restore": ({"compare"}, {"compare"}),
    "runbook_alarms": ({"alarms"}, {"alarms"}),
    "runbook_annual_review": ({"sign_off"}, {"sign_off"}),
    "runbook_backup": ({"expire", "anchors", "archive"}, {"expire", "anchors", "archive"}),
    "runbook_capacity_plan": ({"check", "tables"}, {"check", "tables"}),
    "runbook_cost_review": ({"check", "tables"}, {"check", "tables"}),
    # The tables are removed whatever was found; what was compared decides.
    "runbook_dr_drill": ({"clean_up", "rehearsed"}, {"compare", "compare_recovered", "rehearsed"}),
    "runbook_health_check": ({"check"}, {"check"}),
    "runbook_log_insights": ({"look.results"}, {"look.results"}),
    "runbook_performance_review": ({"check", "tables"}, {"check", "tables"}),
    "runbook_security_assessment": (
        {"check", "check_assessment", "ingest"},
        {"check", "check_assessment", "ingest", "sign_off", "signed_report"},
    ),
    "runbook_security_audit": ({"check", "ingest"}, {"check", "ingest"}),
    "runbook_weekly_review": ({"check", "tables"}, {"check", "tables"}),
}


def test_each_dag_with_a_report_is_here() -> None:
    reporting = {one for one in dag_ids() if any(isinstance(task, RunbookReportOperator) for task in dag(one).tasks)}
    assert reporting == set(ENDS)


@pytest.mark.parametrize("dag_id", ENDS)
def test_report_and_notification_run_whatever_became_of_the_work(dag_id: str) -> None:
    before, _ = ENDS[dag_id]
    report, notify = dag(dag_id).get_task("report"), dag(dag_id).get_task("notify")
    assert (report.upstream_task_ids, report.trigger_rule) == (before, "all_done")
    assert (notify.upstream_task_ids, notify.trigger_rule) == ({"report"}, "all_done")


@pytest.mark.parametrize("dag_id", ENDS)
def test_the_leaf_is_green_only_when_nothing_before_it_failed(dag_id: str) -> None:
    _, deciding = ENDS[dag_id]
    leaf = dag(dag_id).get_task("run_outcome")
    assert leaf.upstream_task_ids == deciding | {"report"}
    assert leaf.trigger_rule == "none_failed_min_one_success"
    assert leaf.downstream_task_ids == set()
