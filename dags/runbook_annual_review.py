"""
# Runbook: annual review

Once a year: what only people can do. Each item of `include/config/annual_review.yaml` is a question to its owner, with
a due date; it is signed off with an https address of the evidence. Nothing is changed in AWS.

- **Green**: every item was signed off. **Red**: something is not done, has no evidence, or nobody answered in time.
- The questions are under *Required Actions* of the run and of each task `sign_off`, named after its item.
- *To be asked again*: clear that `sign_off` **with downstream**, so that the report is written again. After the due
  date two days remain, and the report says that it was late. Clearing `checklist` asks for everything with new dates.
- `period: quarter` asks only for what the runbook wants each quarter: trigger it by hand in the other quarters.
- The report: task `report` (Markdown), and HTML, Markdown and JSON by date in the evidence bucket.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from migration_ops.operators.defaults import Tag, default_args, from_now_on
from migration_ops.operators.runbook.services import runbook_params
from migration_ops.operators.runbook.sign_off import wire_checklist

PERIOD = Param("year", type="string", enum=["year", "quarter"], title="Period", description="What is asked for")


@dag(
    dag_id="runbook_annual_review",
    schedule=from_now_on("41 7 8 1 *"),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=64,
    dagrun_timeout=timedelta(days=31),
    default_args=default_args(),
    params=runbook_params(window_hours=24 * 365, period=PERIOD),
    tags=[Tag.RUNBOOK, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def runbook_annual_review() -> None:
    wire_checklist("annual_review.yaml", "Annual review")


runbook_annual_review()
