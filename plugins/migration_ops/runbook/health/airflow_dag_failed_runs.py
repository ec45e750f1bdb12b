"""Runs that failed in the window: each of a migration by itself; of the runbook a warning, as each told its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, warning
from migration_ops.core.thresholds import Thresholds

# A red health check must not make the next one red: that would never end.
RUNBOOK = "runbook_"


def judge(runs: Facts, _: Facts, limits: Thresholds) -> Iterator[Judgement]:
    limit = limits.orchestrator.max_failed_runs
    migrations = [run for run in runs["failed"] if not run["dagId"].startswith(RUNBOOK)]
    if len(migrations) <= limit:
        yield ok(f"failed runs of migrations: {len(migrations)}", value=len(migrations), limit=limit)
    else:
        for run in migrations:
            yield critical(
                f"failed at {run.maybe('endedAt')}", resource=f"{run['dagId']} {run['runId']}", value=1, limit=limit
            )
    of_dag = defaultdict(list)
    for run in runs["failed"]:
        if run["dagId"].startswith(RUNBOOK):
            of_dag[run["dagId"]].append(run["runId"])
    for dag_id, ids in of_dag.items():
        yield warning(f"failed runs: {len(ids)}", resource=dag_id, value=len(ids), limit=0, evidence=tuple(ids))
