"""What a task instance knows of its run: the plan, the conf, results of other tasks."""

from __future__ import annotations

from typing import Any

from migration_ops.core.errors import MigrationError
from migration_ops.core.markdown import code, plain
from migration_ops.operators.services import services_for
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan
from migration_ops.wave.rules.refusals import PlanMismatchError
from migration_ops.wave.services import Services, StepInput, StepSkipped

PLAN_TASK = "plan"
PLAN_KEY = "plan"
PREFLIGHT_TASK = "preflight"
NOTE_KEY = "run_note"


def plan_of(ti: Any) -> WavePlan:
    """The run's plan.

    :raises StepSkipped: the plan task has none: it failed, and there is nothing to do.
    """
    document = ti.xcom_pull(task_ids=PLAN_TASK, key=PLAN_KEY)
    if not document:
        raise StepSkipped("there is no plan")
    return WavePlan.from_document(document)


def require_begun(ti: Any) -> None:
    """For what runs whatever happened before it (``all_done``).

    :raises StepSkipped: preflight let nothing through, or this is a dry run: nothing was registered or touched.
    """
    if not ti.xcom_pull(task_ids=PREFLIGHT_TASK):
        raise StepSkipped("preflight let nothing through: nothing was touched")


def services_of(ti: Any, plan: WavePlan) -> Services:
    return services_for(ti, plan.wave, plan.conf.aws_conn_id, plan.conf.region)


def result_of(ti: Any, task_id: str) -> Any:
    """The result of another task; inside a mapped group, of the same application's."""
    prefix = ti.task_id.rsplit(".", 1)[0] + "." if "." in ti.task_id else ""
    is_sibling = bool(prefix) and task_id.startswith(prefix)
    return ti.xcom_pull(task_ids=task_id, map_indexes=ti.map_index if is_sibling else -1)


def step_input(ti: Any, plan: WavePlan, app: dict[str, Any] | None, inputs: dict[str, str]) -> StepInput:
    """
    :param inputs: task ids by the name under which the step knows their results.
    :raises PlanMismatchError: see :func:`application_of`.
    """
    application = application_of(plan, app) if app else None
    return StepInput(plan=plan, app=application, inputs={name: result_of(ti, task) for name, task in inputs.items()})


def application_of(plan: WavePlan, document: dict[str, Any]) -> PlannedApplication:
    """The plan's application that a mapped task works on; the document came through another task's XCom.

    :raises PlanMismatchError: it is not the plan's.
    """
    given = PlannedApplication.from_document(document)
    if given not in plan.applications:
        raise PlanMismatchError("the application is not as the plan has it", appName=given.app_name)
    return given


def is_own_retry(ti: Any, task: Any) -> bool:
    """Whether Airflow tries again by itself: clearing grants the retries anew, beginning with the next try."""
    return bool(ti.try_number > ti.max_tries - task.retries + 1)


def set_run_note(ti: Any, text: str) -> None:
    """Leaves the note that the plugin's listener writes to the DAG run when it ends."""
    ti.xcom_push(key=NOTE_KEY, value=text[:900])


def note_of(error: MigrationError) -> str:
    """An error as a run note: what, where, and what to do."""
    findings = error.context.get("findings") or []
    about = {name: value for name, value in error.context.items() if name != "findings"}
    lines = [f"**{error.code}**: {plain(error.message)}"]
    lines += [f"- {plain(name)}: {code(value)}" for name, value in about.items()]
    lines += [f"- {code(one.get('path') or 'conf')}: {plain(one.get('message'))}" for one in findings[:10]]
    if error.hint:
        lines.append(error.hint)
    return "\n".join(lines)
