"""Runs of the two waves on one real Airflow: started, approved and timed the same way."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import requests

from include.local.airflow_api import PARKED_SETTLE_SECONDS, RUN_ENDED, AirflowApi, AirflowApiError, Document
from include.local.airflow_http import wait_until
from include.local.profiles import SCENARIOS
from include.local.sandbox_process import read_variables
from include.local.stack import LocalStack
from tests.benchmarks.account import Account, account_of

T = TypeVar("T")
REAL, EMPTY = "migration_wave", "empty_wave"
HERE = Path(__file__).resolve().parent
LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 1_800.0
RAN = frozenset({"success", "failed"})
DEFERRED_LINE = re.compile(r'"event":\s*"waiting: ')


def settings() -> dict[str, str]:
    """Settings of the package as in the scenarios, and a second folder of DAGs."""
    bundle = {"classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}
    folders = [
        {"name": "dags-folder", **bundle, "kwargs": {}},
        {"name": "benchmarks", **bundle, "kwargs": {"path": str(HERE / "dags"), "refresh_interval": 10}},
    ]
    return {**SCENARIOS, "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(folders)}


@dataclass(frozen=True)
class Timed:
    """One run. ``instances`` ran on a worker at least once; ``again`` are their tries beyond the first."""

    seconds: float
    instances: int
    deferrals: int
    again: int


class Waves:
    """The two DAGs on a running stack."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.api: AirflowApi = stack.api
        made = {name: value for name, value in stack.environment.items() if name.startswith("MIGRATION_OPS_")}
        self.account: Account = account_of(read_variables(stack.home), made)

    def wait_for_dags(self) -> None:
        """Until both are parsed."""
        wait_until(
            lambda: "parsed" if {REAL, EMPTY} <= self.api.dag_ids() else None,
            180,
            lambda: f"the DAGs were not parsed in time: {self.api.import_errors()}",
        )

    def real(self, conf: Document) -> tuple[Timed, dict[str, list[int]]]:
        """A whole wave, and how often each task instance deferred: ``{task id: [by map index]}``."""
        run_id = self._start(REAL, conf)
        self.follow(REAL, run_id)
        deferrals = self._deferrals(run_id)
        return self._timed(REAL, run_id, sum(map(sum, deferrals.values()))), deferrals

    def empty(self, name: str, applications: list[Document], deferrals: dict[str, list[int]]) -> Timed:
        """As many empty tasks that defer as often."""
        names = [one["appName"] for one in applications]
        run_id = self._start(EMPTY, {"wave": name, "applications": names, "deferrals": deferrals})
        self.follow(EMPTY, run_id)
        return self._timed(EMPTY, run_id, sum(map(sum, deferrals.values())))

    def start_waiting(self, conf: Document) -> str:
        """Starts a wave that somebody else follows; its run id."""
        return self._start(REAL, conf)

    def abandon(self, run_id: str) -> None:
        """Ends a run that has served its purpose."""
        patiently(lambda: self.api.call("PATCH", f"/dags/{REAL}/dagRuns/{run_id}", {"state": "failed"}))

    def states(self, run_id: str) -> Counter[str]:
        """How many task instances of a wave are in which state; of those that have one."""
        tasks = patiently(lambda: self.api.tasks(REAL, run_id))
        return Counter(str(one["state"]) for one in tasks if one["state"])

    def _start(self, dag_id: str, conf: Document) -> str:
        run_id = f"{conf['wave']}-{dag_id}"
        patiently(lambda: self.api.trigger(dag_id, conf, run_id), accepted=409)
        return run_id

    def follow(self, dag_id: str, run_id: str) -> None:
        """Answers both approvals as soon as that is safe, until the run has ended.

        :raises RuntimeError: it did not end well: its time means nothing.
        """
        seen_at: dict[str, float] = {}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (state := patiently(lambda: self.api.run_state(dag_id, run_id))) not in RUN_ENDED:
            self.stack.check_alive()
            for question in patiently(lambda: self.api.open_questions(dag_id, run_id)):
                task_id = question["task_instance"]["task_id"]
                if time.monotonic() - seen_at.setdefault(task_id, time.monotonic()) >= PARKED_SETTLE_SECONDS:
                    patiently(lambda id_=task_id: self.api.respond(dag_id, run_id, id_, ["Approve"]), accepted=409)
            if time.monotonic() > deadline:
                raise RuntimeError(f"{run_id} did not end within {PATIENCE_SECONDS:.0f} s")
            time.sleep(LOOK_SECONDS)
        if state != "success":
            raise RuntimeError(f"{run_id} ended {state}: {self.api.states(dag_id, run_id)}")

    def _timed(self, dag_id: str, run_id: str, deferrals: int) -> Timed:
        run, tasks = self.api.run(dag_id, run_id), self.api.tasks(dag_id, run_id)
        ran = [one for one in tasks if one["state"] in RAN]
        again = sum(max(one["try_number"] - 1, 0) for one in ran)
        return Timed(seconds_of(run), len(ran), deferrals, again)

    def _deferrals(self, run_id: str) -> dict[str, list[int]]:
        """From the tasks' logs: the operator writes a line for each wait."""
        found: dict[str, list[int]] = {}
        for log in (self.stack.home / "logs" / "tasks").glob(f"dag_id={REAL}/run_id={run_id}/**/attempt=*.log"):
            parts = dict(part.split("=", 1) for part in log.parts if "=" in part)
            index = max(int(parts.get("map_index", 0)), 0)
            counts = found.setdefault(parts["task_id"], [])
            counts.extend([0] * (index + 1 - len(counts)))
            counts[index] += len(DEFERRED_LINE.findall(log.read_text()))
        return found


def patiently(call: Callable[[], T], accepted: int | None = None) -> Any:
    """A request, sent again when SQLite was locked: Airflow answers that with a 500.

    :param accepted: a refusal that says that an earlier sending was executed after all.
    """
    for attempt in range(8):
        try:
            return call()
        except AirflowApiError as error:
            if error.status == accepted:
                return None
            if error.status < 500 or attempt == 7:
                raise
        except requests.RequestException:
            if attempt == 7:
                raise
        time.sleep(1.0)
    return None


def seconds_of(run: Document) -> float:
    """From a run's start to its end."""
    begun, ended = (datetime.fromisoformat(run[name].replace("Z", "+00:00")) for name in ("start_date", "end_date"))
    return (ended - begun).total_seconds()
