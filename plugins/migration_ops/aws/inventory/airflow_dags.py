"""The runbook's own DAGs: whether Airflow has them, runs them, and when one last succeeded (shapes: Airflow 3.3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from migration_ops.aws.inventory.airflow_rest import get, pages
from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing

PREFIX = "runbook_"
LIST = "/dags"


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``dags``, one entry per DAG that must run: ``name, maxAgeHours, readAt, isThere`` and, if it is there, ``isPaused,
    hasImportErrors, nextRunAfter`` (None: none is planned) and ``runs {success, ended, first}``: the end of the newest
    successful run, the end of the newest ended run, and when the first known run was due; each None if there is none.
    """
    wanted = {name: hours for name, hours in reader.config.thresholds.orchestrator.max_dag_age_hours.items() if hours}
    listed = reader.guarded(f"airflow:GET {LIST}", lambda: _listed(reader))
    if is_failed(listed):
        return {"dags": listed}
    there = {name: listed[name] for name in sorted(wanted) if name in listed}
    runs = {name: _runs(reader, name) for name in there}
    dags = [
        {"name": name, "maxAgeHours": hours, "readAt": reader.now.isoformat(), "isThere": name in there}
        | (there[name] | {"runs": runs[name]} if name in there else {})
        for name, hours in sorted(wanted.items())
    ]
    return {"dags": dags}


def _listed(reader: AwsReader) -> dict[str, dict[str, Any]]:
    """By id, the DAGs whose file still exists: without it a DAG is stale in Airflow and does not run any more."""
    found = pages(
        reader, LIST, "dags", {"dag_id_prefix_pattern": PREFIX, "exclude_stale": "false", "order_by": "dag_id"}
    )
    return {
        one["dag_id"]: {
            "isPaused": one["is_paused"],
            "hasImportErrors": one["has_import_errors"],
            "nextRunAfter": one["next_dagrun_run_after"],
        }
        for one in found
        if not one["is_stale"]
    }


def _runs(reader: AwsReader, dag_id: str) -> Any:
    path = f"/dags/{dag_id}/dagRuns"

    def read_all() -> dict[str, Any]:
        return {
            "success": _edge(reader, path, {"state": ["success"], "order_by": "-end_date"}, "end_date"),
            "ended": _edge(reader, path, {"state": ["success", "failed"], "order_by": "-end_date"}, "end_date"),
            "first": _edge(reader, path, {"order_by": "run_after"}, "run_after"),
        }

    return reader.guarded(f"airflow:GET {path}", read_all)


def _edge(reader: AwsReader, path: str, query: Mapping[str, Any], member: str) -> str | None:
    """A time of the first run in the query's order; None when there is no run.

    :raises UnknownError: the run lacks this time, or the answer contradicts itself.
    """
    answer = get(reader, path, {**query, "limit": 1})
    if not answer["dag_runs"]:
        if answer["total_entries"] != 0:
            raise UnknownError("Airflow does not say which runs there are", path=path)
        return None
    try:
        return datetime.fromisoformat(answer["dag_runs"][0][member]).isoformat()
    except (TypeError, ValueError) as error:
        raise UnknownError(f"a run's {member} is no time", path=path) from error


# The lists that checks are about.
DAGS = Listing("own_dags", "dags", read)
