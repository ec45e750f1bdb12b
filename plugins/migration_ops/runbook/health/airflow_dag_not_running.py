"""Whether each DAG of the runbook is there, is not paused, and succeeds within its longest time."""

from __future__ import annotations

from datetime import datetime

from migration_ops.runbook.facts import Facts
from migration_ops.runbook.findings import FindingVerdict
from migration_ops.runbook.judging import Judgement, critical, ok, unknown, warning
from migration_ops.runbook.thresholds import Thresholds

HOUR_SECONDS = 3600


def judge(dag: Facts, _: Facts, limits: Thresholds) -> Judgement:
    if not dag["isThere"]:
        return critical("Airflow does not have it: its file is missing or cannot be imported")
    if dag["hasImportErrors"]:
        return critical("its file has an import error: Airflow runs an old version, or none")
    if dag["isPaused"]:
        return critical("it is paused")
    runs = dag["runs"]
    if runs.maybe("first") is None:
        return _never_ran(dag, limits)
    late = _hours_since(dag, dag["nextRunAfter"]) if dag.maybe("nextRunAfter") else None
    succeeded = _of_success(dag, runs)
    limit_hours = limits.orchestrator.max_dag_delay_minutes / 60
    if late is not None and late > limit_hours and succeeded.verdict is FindingVerdict.OK:
        return warning(f"its next run was due {late:.1f} h ago", value=round(late, 1), limit=round(limit_hours, 1))
    return succeeded


def _of_success(dag: Facts, runs: Facts) -> Judgement:
    """A runbook that ran and found something ended red: it was heard, and is no silence."""
    most = dag["maxAgeHours"]
    since = runs.maybe("success") or runs["first"]
    age = _hours_since(dag, since)
    seen = {"value": round(age, 1), "limit": most}
    if age < -1:
        return unknown(f"its last run is {-age:.1f} h ahead: the clocks differ", **seen)
    if age <= most:
        never = "" if runs.maybe("success") else " (not yet; its first run was due then)"
        return ok(f"last success {age:.1f} h ago{never}", **seen)
    ended = _hours_since(dag, runs["ended"]) if runs.maybe("ended") else None
    if ended is not None and ended <= most:
        return warning(f"it runs, and none of its runs was green for {age:.1f} h, limit {most:g}", **seen)
    return critical(f"no run has ended for {most:g} h, the last success was {age:.1f} h ago", **seen)


def _never_ran(dag: Facts, limits: Thresholds) -> Judgement:
    if dag.maybe("nextRunAfter") is None:
        return critical("it has never run, and no run is planned")
    late = _hours_since(dag, dag["nextRunAfter"])
    limit = limits.orchestrator.max_dag_delay_minutes / 60
    if late > limit:
        said = f"it has never run; its first run was due {late:.1f} h ago"
        return critical(said, value=round(late, 1), limit=round(limit, 1))
    return ok(f"not due yet: its first run is planned for {dag['nextRunAfter']}")


def _hours_since(dag: Facts, at: str) -> float:
    return (datetime.fromisoformat(dag["readAt"]) - datetime.fromisoformat(at)).total_seconds() / HOUR_SECONDS
