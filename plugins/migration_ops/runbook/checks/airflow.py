"""Our own Airflow: failed runs, waiting approvals, heartbeats, DAGs that do not run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from migration_ops.aws.inventory import airflow, airflow_dags
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, FindingStatus, Route, above, critical, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import HEALTH
from migration_ops.runbook.checks.check import check

# A red health check must not make the next one red: all that follow would be red.
RUNBOOK = "runbook_"
HEALTHY = "healthy"
WITHOUT_HEARTBEAT = "metadatabase"


@check(
    HEALTH,
    about=airflow.RUNS,
    route=Route.PAGE,
    title="Failed runs",
    section="Daily Operations, 1. Health Check",
    unit="runs",
    risk="A wave, a rollback or a restore has failed, and its servers wait for somebody.",
    remedy=("Open the run: its red task says why and what to do; clear it with downstream when the cause is fixed."),
    is_event=True,
)
def airflow_dag_failed_runs(runs: Snapshot, _: Snapshot, limits: Thresholds) -> Iterator[CheckResult]:
    """Runs that failed in the window: one finding per migration run, one warning per runbook DAG (it has reports)."""
    limit = limits.orchestrator.max_failed_runs
    migrations = [run for run in runs["failed"] if not run["dagId"].startswith(RUNBOOK)]
    if len(migrations) <= limit:
        yield ok(f"failed runs of migrations: {len(migrations)}", value=len(migrations), limit=limit)
    else:
        for run in migrations:
            yield critical(
                f"failed at {run.optional('endedAt')}", resource=f"{run['dagId']} {run['runId']}", value=1, limit=limit
            )
    of_dag = defaultdict(list)
    for run in runs["failed"]:
        if run["dagId"].startswith(RUNBOOK):
            of_dag[run["dagId"]].append(run["runId"])
    for dag_id, ids in of_dag.items():
        yield warning(f"failed runs: {len(ids)}", resource=dag_id, value=len(ids), limit=0, evidence=tuple(ids))


@check(
    HEALTH,
    about=airflow.APPROVALS,
    title="Approvals that wait",
    section="Daily Operations, 1. Health Check",
    unit="min",
    empty="ok",
    risk=("A wave waits until a person answers; a question that times out approves nothing."),
    remedy="Answer it under Required Actions, or notify the wave's approvers.",
)
def airflow_approval_waiting(question: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Questions that nobody has answered yet, and how long they have been waiting."""
    limit = limits.orchestrator.max_approval_wait_minutes
    return above(
        question["waitingMinutes"],
        limit,
        "without an answer",
        FindingStatus.WARNING,
        evidence=(question.optional("subject", ""),),
    )


@check(
    HEALTH,
    about=airflow.LISTED_COMPONENTS,
    route=Route.PAGE,
    title="Heartbeats of Airflow",
    section="Daily Operations, 1. Health Check",
    unit="s",
    risk=("Without scheduler, triggerer and DAG processor no wave continues, and no waiting wave is watched."),
    remedy=("Look at the component's process and log and start it again; tasks that wait continue."),
)
def airflow_component_heartbeat(component: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Whether Airflow's own parts are alive: metadatabase, scheduler, triggerer, DAG processor."""
    limit = limits.orchestrator.max_heartbeat_age_seconds
    if not component["isAnswered"]:
        return unknown("Airflow does not report it")
    status = component.optional("status")
    if component["name"] == WITHOUT_HEARTBEAT:
        return ok(HEALTHY) if status == HEALTHY else critical(f"Airflow calls it {status}")
    if status != HEALTHY and component.optional("heartbeatAgeSeconds") is None:
        # For a component that never ran Airflow answers no heartbeat, and mostly no status.
        return critical("it has never run", value=status, limit=limit)
    age = component["heartbeatAgeSeconds"]
    if age > limit:
        return critical(f"its last heartbeat was {age:g} s ago, limit {limit}", value=age, limit=limit)
    if age < -limit:
        return unknown(f"its heartbeat is {-age:g} s ahead: the clocks differ", value=age, limit=limit)
    if status != HEALTHY:
        return warning(f"Airflow calls it {status}", value=age, limit=limit)
    return ok(f"its last heartbeat was {max(age, 0):g} s ago", value=age, limit=limit)


@check(
    HEALTH,
    about=airflow_dags.DAGS,
    route=Route.PAGE,
    title="Runbook DAGs that do not run",
    section="Daily Operations, 1. Health Check",
    unit="h",
    risk="A runbook that does not run reports nothing, which looks as if all were well.",
    remedy=(
        "Unpause the DAG, or fix its file; then find out why its last run did not succeed. If it need not"
        " run here, set it to null under orchestrator.maxDagAgeHours in thresholds.yaml."
    ),
)
def airflow_dag_not_running(dag: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Whether each DAG of the runbook exists, is not paused, and succeeds often enough (``maxDagAgeHours``)."""
    if not dag["isThere"]:
        return critical("Airflow does not have it: its file is missing or cannot be imported")
    if dag["hasImportErrors"]:
        return critical("its file has an import error: Airflow runs an old version, or none")
    if dag["isPaused"]:
        return critical("it is paused")
    has_run = dag["runs"].optional("first") is not None
    if not has_run and dag.optional("nextRunAfter") is None:
        return critical("it has never run, and no run is planned")
    late = _hours_since(dag, dag["nextRunAfter"]) if dag.optional("nextRunAfter") else 0
    limit = limits.orchestrator.max_dag_delay_minutes / 60
    if not has_run and late > limit:
        return critical(f"it has never run; its first run was due {late:.1f} h ago", value=late, limit=limit)
    if not has_run:
        return ok(f"not due yet: its first run is planned for {dag['nextRunAfter']}")
    succeeded = _of_success(dag, dag["runs"])
    if late > limit and succeeded.verdict is FindingStatus.OK:
        return warning(f"its next run was due {late:.1f} h ago", value=late, limit=limit)
    return succeeded


def _of_success(dag: Snapshot, runs: Snapshot) -> CheckResult:
    """A run that found a fault ends red: it reported, so this is a WARNING only."""
    most, since = dag["maxAgeHours"], runs.optional("success")
    age = _hours_since(dag, since or runs["first"])
    seen = {"value": age, "limit": most}
    if age < -1:
        return unknown(f"its last run is {-age:.1f} h ahead: the clocks differ", **seen)
    if age <= most:
        return ok(f"its last success was {age:.1f} h ago" if since else f"first run due {age:.1f} h ago", **seen)
    ended = _hours_since(dag, runs["ended"]) if runs.optional("ended") else None
    if ended is not None and ended <= most:
        return warning(f"it runs, and none of its runs was green for {age:.1f} h, limit {most:g}", **seen)
    return critical(f"no run has ended for {most:g} h, the last success was {age:.1f} h ago", **seen)


def _hours_since(dag: Snapshot, at: str) -> float:
    seconds = (datetime.fromisoformat(dag["readAt"]) - datetime.fromisoformat(at)).total_seconds()
    return round(seconds / 3600, 2)
