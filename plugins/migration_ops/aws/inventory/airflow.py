"""Our own Airflow, through its REST API: failed runs, open approvals, heartbeats (shapes: Airflow 3.3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from migration_ops.aws.inventory.airflow_rest import get, pages
from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing

# Dag ids of this package; others in the same Airflow are not ours.
OURS = ("migration_", "runbook_")
# A question without an answer is open only while its task waits: the task may have ended by time-out or failure.
WAITING = frozenset({"awaiting_input", "deferred"})
COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``runs``: one entry, ``failed [{dagId, runId, endedAt}]`` that ended in the window.

    ``approvals``: ``name`` (dag, run, task), ``subject, askedAt, waitingMinutes``.
    ``components``: ``name, isAnswered, status, heartbeatAgeSeconds`` (the metadatabase has none).
    """
    failed_runs = _failed_runs(reader)
    return {
        "runs": failed_runs if is_failed(failed_runs) else [{"failed": failed_runs}],
        "approvals": _approvals(reader),
        "components": _components(reader),
    }


def _failed_runs(reader: AwsReader) -> Any:
    # By end date: a wave may run for days before it fails.
    query = {
        "state": "failed",
        "end_date_gte": reader.since.isoformat(),
        "dag_id_prefix_pattern": "|".join(OURS),
        "order_by": "id",
    }

    def read_all() -> list[dict[str, Any]]:
        found = {
            (one["dag_id"], one["dag_run_id"]): {
                "dagId": one["dag_id"],
                "runId": one["dag_run_id"],
                "endedAt": one.get("end_date"),
            }
            for one in pages(reader, "/dags/~/dagRuns", "dag_runs", query)
            # The server drops characters other than letters and digits from the end of a prefix.
            if one["dag_id"].startswith(OURS)
        }
        return [found[key] for key in sorted(found)]

    return reader.guarded("airflow:GET /dags/~/dagRuns", read_all)


def _approvals(reader: AwsReader) -> Any:
    query = {"response_received": "false", "order_by": "created_at"}

    def read_all() -> list[dict[str, Any]]:
        return [
            _approval(one, reader.clock)
            for one in pages(reader, "/dags/~/dagRuns/~/hitlDetails", "hitl_details", query)
            if one["task_instance"]["state"] in WAITING and one["task_instance"]["dag_id"].startswith(OURS)
        ]

    return reader.guarded("airflow:GET /dags/~/dagRuns/~/hitlDetails", read_all)


def _approval(question: dict[str, Any], now: datetime) -> dict[str, Any]:
    task = question["task_instance"]
    index = f"[{task['map_index']}]" if task["map_index"] >= 0 else ""
    waiting = _seconds_since(question.get("created_at"), now)
    return {
        "name": f"{task['dag_id']} {task['dag_run_id']} {task['task_id']}{index}",
        "subject": question.get("subject"),
        "askedAt": question.get("created_at"),
        "waitingMinutes": None if waiting is None else round(waiting / 60, 1),
    }


def _components(reader: AwsReader) -> Any:
    answer = reader.guarded("airflow:GET /monitor/health", lambda: get(reader, "/monitor/health", {}))
    if is_failed(answer):
        return answer
    return [_component(name, answer.get(name), reader.clock) for name in COMPONENTS]


def _component(name: str, said: Any, now: datetime) -> dict[str, Any]:
    if not isinstance(said, Mapping):
        return {"name": name, "isAnswered": False}
    component = {"name": name, "isAnswered": True, "status": said.get("status")}
    heartbeat = f"latest_{name}_heartbeat"
    return component | {"heartbeatAgeSeconds": _seconds_since(said.get(heartbeat), now)}


def _seconds_since(text: str | None, now: datetime) -> float | None:
    """Seconds since an ISO 8601 time; None when it is no time with a zone."""
    try:
        return round((now - datetime.fromisoformat(text or "")).total_seconds(), 1)
    except (ValueError, TypeError):
        return None


# The lists that checks are about.
APPROVALS = Listing("airflow", "approvals", read)
LISTED_COMPONENTS = Listing("airflow", "components", read)
RUNS = Listing("airflow", "runs", read)
