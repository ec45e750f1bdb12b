"""An Airflow as its REST API shows it (shapes of 3.3.2), for tests: where a real one runs, it is asked instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

PAGE_LIMIT = 100
HEARTBEATS = ("scheduler", "triggerer", "dag_processor")


@dataclass
class OwnAirflow:
    """
    All is well until something is added.

    :param late_seconds: by component, how long ago its last heartbeat was; a second when not named.
    :param now: its clock.
    """

    runs: list[dict[str, Any]] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(default_factory=list)
    late_seconds: dict[str, float] = field(default_factory=dict)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def get(self, path: str, query: Mapping[str, Any]) -> Any:
        """What GET answers below ``/api/v2``.

        :raises ValueError: a path or a filter that is not known here.
        """
        if path == "/monitor/health":
            return self._health()
        if path == "/dags/~/dagRuns":
            _only_known(query, {"state", "end_date_gte", "dag_id_prefix_pattern"})
            # As the server: what is not a letter or a digit is dropped from the end of a prefix.
            prefixes = tuple(one.rstrip("_") for one in query["dag_id_prefix_pattern"].split("|"))
            since = datetime.fromisoformat(query["end_date_gte"])
            found = [
                run
                for run in self.runs
                if run["state"] == query["state"]
                and run["dag_id"].startswith(prefixes)
                and datetime.fromisoformat(run["end_date"]) >= since
            ]
            return _page("dag_runs", found, query)
        if path == "/dags/~/dagRuns/~/hitlDetails":
            _only_known(query, {"response_received"})
            wanted = query["response_received"] == "true"
            return _page("hitl_details", [one for one in self.questions if one["response_received"] is wanted], query)
        raise ValueError(f"this Airflow does not know {path}")

    def add_failed_run(self, dag_id: str, run_id: str, ended_minutes_ago: float = 10) -> None:
        ended = self.now() - timedelta(minutes=ended_minutes_ago)
        started = ended - timedelta(minutes=30)
        self.runs.append(_run(dag_id, run_id, "failed", started, ended))

    def add_question(
        self, dag_id: str, run_id: str, task_id: str, asked_minutes_ago: float, state: str = "awaiting_input"
    ) -> None:
        asked = self.now() - timedelta(minutes=asked_minutes_ago)
        self.questions.append(_question(dag_id, run_id, task_id, asked, state))

    def _health(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"metadatabase": {"status": "healthy"}}
        for name in HEARTBEATS:
            late = self.late_seconds.get(name, 1.0)
            at = (self.now() - timedelta(seconds=late)).isoformat()
            # [scheduler] scheduler_health_check_threshold
            answer[name] = {"status": "healthy" if late < 30 else "unhealthy", f"latest_{name}_heartbeat": at}
        return answer


def _only_known(query: Mapping[str, Any], filters: set[str]) -> None:
    unknown = set(query) - filters - {"limit", "offset", "order_by"}
    if unknown:
        raise ValueError(f"this Airflow does not know the filters {sorted(unknown)}")


def _page(key: str, found: list[dict[str, Any]], query: Mapping[str, Any]) -> dict[str, Any]:
    offset = int(query.get("offset", 0))
    return {key: found[offset : offset + min(int(query["limit"]), PAGE_LIMIT)], "total_entries": len(found)}


def _run(dag_id: str, run_id: str, state: str, started: datetime, ended: datetime) -> dict[str, Any]:
    at = started.isoformat().replace("+00:00", "Z")
    return {
        "dag_run_id": run_id,
        "dag_id": dag_id,
        "logical_date": None,
        "queued_at": at,
        "start_date": at,
        "end_date": ended.isoformat().replace("+00:00", "Z"),
        "duration": (ended - started).total_seconds(),
        "data_interval_start": None,
        "data_interval_end": None,
        "run_after": at,
        "last_scheduling_decision": at,
        "run_type": "manual",
        "state": state,
        "triggered_by": "rest_api",
        "triggering_user_name": "admin",
        "conf": {},
        "note": None,
        "dag_versions": [],
        "bundle_version": None,
        "dag_display_name": dag_id,
        "partition_key": None,
        "partition_date": None,
    }


def _question(dag_id: str, run_id: str, task_id: str, asked: datetime, state: str) -> dict[str, Any]:
    at = asked.isoformat().replace("+00:00", "Z")
    return {
        "task_instance": _task_instance(dag_id, run_id, task_id, at, state),
        "options": ["Approve", "Reject"],
        "subject": "Cut over the wave?",
        "body": None,
        "defaults": None,
        "multiple": False,
        "params": {},
        "assigned_users": [],
        "created_at": at,
        "responded_by_user": None,
        "responded_at": None,
        "chosen_options": None,
        "params_input": {},
        "response_received": False,
    }


def _task_instance(dag_id: str, run_id: str, task_id: str, at: str, state: str) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "task_id": task_id,
        "dag_id": dag_id,
        "dag_run_id": run_id,
        "map_index": -1,
        "logical_date": None,
        "run_after": at,
        "start_date": at,
        "end_date": None,
        "duration": None,
        "state": state,
        "try_number": 1,
        "max_tries": 2,
        "task_display_name": task_id,
        "dag_display_name": dag_id,
        "hostname": "airflow",
        "unixname": "airflow",
        "pool": "default_pool",
        "pool_slots": 1,
        "queue": "default",
        "priority_weight": 1,
        "operator": "ApprovalOperator",
        "operator_name": "ApprovalOperator",
        "queued_when": at,
        "scheduled_when": at,
        "pid": None,
        "executor": None,
        "executor_config": "{}",
        "note": None,
        "rendered_map_index": None,
        "rendered_fields": {},
        "trigger": None,
        "triggerer_job": None,
        "dag_version": None,
    }
