"""What a task instance can read about its run: the plan, services, results of other tasks."""

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

# These states explain a missing result. "removed": a mapped instance that this run does not have any more.
_WITHOUT_RESULT = frozenset({"failed", "upstream_failed", "skipped", "removed"})


class ResultLostError(MigrationError):
    """A task of this run did its work, and its result is not there."""

    code = "RESULT_LOST"
    hint = (
        "Its XCom was deleted (airflow db clean, by hand) or it is running again. Clear the task that is named, alone; "
        "when it has succeeded, clear this one. If its result stays away, trigger a new run with the same conf."
    )


def plan_of(ti: Any) -> WavePlan:
    """The run's plan.

    :raises StepSkipped: the plan task failed or was skipped, so there is nothing to do.
    :raises ResultLostError: it did not fail, and its plan is gone.
    """
    document = ti.xcom_pull(task_ids=PLAN_TASK, key=PLAN_KEY)
    if not document:
        raise StepSkipped(f"there is no plan: {PLAN_TASK} is {_explained(ti, PLAN_TASK)}")
    return WavePlan.from_document(document)


def require_begun(ti: Any, plan: WavePlan) -> None:
    """Called by tasks that run whatever happened before them (``all_done``).

    :raises StepSkipped: preflight let nothing through, or this is a dry run: nothing was registered or touched.
    :raises ResultLostError: preflight did not fail, and its result is gone.
    """
    if plan.conf.dry_run:
        raise StepSkipped("a dry run: nothing was touched")
    if not ti.xcom_pull(task_ids=PREFLIGHT_TASK):
        state = _explained(ti, PREFLIGHT_TASK)
        raise StepSkipped(f"preflight let nothing through, nothing was touched: it is {state}")


def _explained(ti: Any, task_id: str, map_index: int = -1) -> str:
    """
    The state of a task that left no result.

    :raises ResultLostError: its state does not explain that: the task did its work, or is running again.
    """
    states = ti.get_task_states(dag_id=ti.dag_id, map_index=map_index, task_ids=[task_id], run_ids=[ti.run_id])
    of_run = states.get(ti.run_id, {})
    # Airflow appends the map index to the id of a mapped task.
    state = str(of_run.get(task_id, of_run.get(f"{task_id}_{map_index}")) or "not run yet")
    if state not in _WITHOUT_RESULT:
        raise ResultLostError(f"{task_id} is {state}, and its result is not there", taskId=task_id, state=state)
    return state


def services_of(ti: Any, plan: WavePlan) -> Services:
    return services_for(ti, plan.wave, plan.conf.aws_conn_id, plan.conf.region)


def result_of(ti: Any, task_id: str) -> Any:
    """The result of another task, None when there is none; inside a mapped group, of the same application's."""
    return ti.xcom_pull(task_ids=task_id, map_indexes=_map_index_of(ti, task_id))


def required_result_of(ti: Any, task_id: str) -> Any:
    """
    The result of another task, as ``result_of``; None only when that task failed or was skipped.

    :raises ResultLostError: it did not, and its result is gone.
    """
    found = result_of(ti, task_id)
    if found is None:
        _explained(ti, task_id, _map_index_of(ti, task_id))
    return found


def _map_index_of(ti: Any, task_id: str) -> int:
    prefix = ti.task_id.rsplit(".", 1)[0] + "." if "." in ti.task_id else ""
    is_sibling = bool(prefix) and task_id.startswith(prefix)
    return int(ti.map_index) if is_sibling else -1


def step_input(ti: Any, plan: WavePlan, app: dict[str, Any] | None, inputs: dict[str, str]) -> StepInput:
    """
    What a step works on.

    :param inputs: task ids by the name under which the step knows their results.
    :raises ResultLostError: one of them left a result, and it is gone.
    :raises PlanMismatchError: see :func:`application_of`.
    """
    application = application_of(plan, app) if app else None
    # What was approved is read from the ledger, so the answer in XCom may be missing.
    given = {
        name: result_of(ti, task) if name == "approval" else required_result_of(ti, task)
        for name, task in inputs.items()
    }
    return StepInput(plan=plan, app=application, inputs=given)


def application_of(plan: WavePlan, document: dict[str, Any]) -> PlannedApplication:
    """The plan's application that a mapped task works on; the document came through another task's XCom.

    :raises PlanMismatchError: it is not the plan's.
    """
    given = PlannedApplication.from_document(document)
    if given not in plan.applications:
        raise PlanMismatchError("the application is not as the plan has it", appName=given.app_name)
    return given


def is_own_retry(ti: Any, task: Any) -> bool:
    """Whether Airflow tries again by itself. Clearing a task grants its retries again, and the next try is no retry."""
    return bool(ti.try_number > ti.max_tries - task.retries + 1)


def set_run_note(ti: Any, text: str) -> None:
    """Leaves the note that the plugin's listener writes to the DAG run when it ends; at most 900 characters."""
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
