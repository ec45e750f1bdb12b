"""Whether each DAG of the runbook is there, is not paused, and succeeds within its longest time."""

from __future__ import annotations

from datetime import datetime

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, critical, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds


def judge(dag: Facts, _: Facts, limits: Thresholds) -> Judgement:
    if not dag["isThere"]:
        return critical("Airflow does not have it: its file is missing or cannot be imported")
    if dag["hasImportErrors"]:
        return critical("its file has an import error: Airflow runs an old version, or none")
    if dag["isPaused"]:
        return critical("it is paused")
    has_run = dag["runs"].maybe("first") is not None
    if not has_run and dag.maybe("nextRunAfter") is None:
        return critical("it has never run, and no run is planned")
    late = _hours_since(dag, dag["nextRunAfter"]) if dag.maybe("nextRunAfter") else 0
    limit = limits.orchestrator.max_dag_delay_minutes / 60
    if not has_run and late > limit:
        return critical(f"it has never run; its first run was due {late:.1f} h ago", value=late, limit=limit)
    if not has_run:
        return ok(f"not due yet: its first run is planned for {dag['nextRunAfter']}")
    succeeded = _of_success(dag, dag["runs"])
    if late > limit and succeeded.verdict is FindingVerdict.OK:
        return warning(f"its next run was due {late:.1f} h ago", value=late, limit=limit)
    return succeeded


def _of_success(dag: Facts, runs: Facts) -> Judgement:
    """A runbook that ran and found something ended red: it was heard, and is no silence."""
    most, since = dag["maxAgeHours"], runs.maybe("success")
    age = _hours_since(dag, since or runs["first"])
    seen = {"value": age, "limit": most}
    if age < -1:
        return unknown(f"its last run is {-age:.1f} h ahead: the clocks differ", **seen)
    if age <= most:
        return ok(f"its last success was {age:.1f} h ago" if since else f"first run due {age:.1f} h ago", **seen)
    ended = _hours_since(dag, runs["ended"]) if runs.maybe("ended") else None
    if ended is not None and ended <= most:
        return warning(f"it runs, and none of its runs was green for {age:.1f} h, limit {most:g}", **seen)
    return critical(f"no run has ended for {most:g} h, the last success was {age:.1f} h ago", **seen)


def _hours_since(dag: Facts, at: str) -> float:
    seconds = (datetime.fromisoformat(dag["readAt"]) - datetime.fromisoformat(at)).total_seconds()
    return round(seconds / 3600, 2)
