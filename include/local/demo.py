"""``make demo``: a whole wave on the sandbox, shown from the trigger to the report."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import requests

from include.local import health_check, replication_view
from include.local.airflow_api import RUN_ENDED, AirflowApi, AirflowApiError
from include.local.approvals import Approver
from include.local.errors import LocalError
from include.local.profiles import DEMO
from include.local.screen import LiveScreen, PlainScreen, Screen
from include.local.stack import UI_PORT, LocalStack, home_of
from include.local.triggering import trigger

DAG_ID = "migration_wave"
REPORT_TASK = "report"
LOOK_SECONDS = 1.5
DAG_TIMEOUT_SECONDS = 120.0


def load_conf(path: Path, endpoints: dict[str, str]) -> dict[str, Any]:
    """The wave's conf; if it names no callback URL, the sandbox's receiver gets the callbacks.

    :raises LocalError: there is no such file, or it is no JSON object.
    """
    try:
        conf = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise LocalError(f"cannot read the wave {path}: {error}") from error
    if not isinstance(conf, dict):
        raise LocalError(f"{path} holds no JSON object")
    conf["callbackUrl"] = conf.get("callbackUrl") or f"{endpoints['SANDBOX_CALLBACK_URL']}/migrations"
    return conf


def wait_for_dag(stack: LocalStack, api: AirflowApi) -> None:
    """Waits until Airflow has parsed the wave's DAG.

    :raises LocalError: it cannot be imported, or does not appear.
    """
    deadline = time.monotonic() + DAG_TIMEOUT_SECONDS
    while DAG_ID not in api.dag_ids():
        stack.check_alive()
        for error in api.import_errors():
            if DAG_ID in error["filename"]:
                raise LocalError(f"{error['filename']} cannot be imported:\n{error['stack_trace']}")
        if time.monotonic() > deadline:
            raise LocalError(f"{DAG_ID} did not appear within {DAG_TIMEOUT_SECONDS:.0f} s; logs: {stack.home / 'logs'}")
        time.sleep(1.0)


class Demo:
    """One run of one wave on a running stack."""

    def __init__(self, stack: LocalStack, conf: dict[str, Any], approve: str, screen: Screen) -> None:
        self._stack = stack
        self._conf = conf
        self._screen = screen
        self._api = stack.api
        self._approver = Approver(self._api, screen, approve)
        self._servers = replication_view.servers_of(conf)

    def run(self) -> str:
        """Triggers the wave and shows it until it ends; returns the run's state.

        :raises LocalError: Airflow refuses the conf, or a component dies.
        """
        run_id = f"demo-{self._conf.get('wave', 'wave')}"
        trigger(self._api, DAG_ID, self._conf, run_id)
        self._screen.say(f"triggered {run_id}: {self._api.run_url(DAG_ID, run_id)}")
        try:
            state = self._follow(run_id)
        finally:
            self._screen.close()
        self._report(run_id, state)
        return state

    def _follow(self, run_id: str) -> str:
        while True:
            self._stack.check_alive()
            # the run's state first: when it has ended, the tasks that are read next are final
            state = self._api.run_state(DAG_ID, run_id)
            lag = replication_view.read(self._stack.endpoints, self._servers)
            self._screen.show(self._api.tasks(DAG_ID, run_id), list(self._servers), lag)
            if state in RUN_ENDED:
                return state
            self._approver.look(DAG_ID, run_id)
            time.sleep(LOOK_SECONDS)

    def _report(self, run_id: str, state: str) -> None:
        try:
            report = self._api.xcom(DAG_ID, run_id, REPORT_TASK)
        except AirflowApiError as error:
            self._screen.say(f"the wave left no report ({error})")
        else:
            self._screen.document("Wave report", markdown_of(report))
        run = self._api.run(DAG_ID, run_id)
        self._screen.say(f"the run ended: {state}; {run['start_date']} to {run['end_date']}")


def markdown_of(report: Any) -> str:
    """The Markdown of a report; another value as text or JSON."""
    if isinstance(report, dict) and isinstance(report.get("markdown"), str):
        return str(report["markdown"])
    return report if isinstance(report, str) else json.dumps(report, indent=2, default=str)


def stay(screen: Screen, stack: LocalStack) -> None:
    """Keeps the stack running until Ctrl-C, so that the user can look around."""
    screen.say(f"the UI stays up at {stack.ui_url} (nobody has to log in); Ctrl-C ends everything")
    try:
        while True:
            stack.check_alive()
            time.sleep(1.0)
    except KeyboardInterrupt:
        screen.say("stopping")


def run_demo(wave: Path, speed: float, approve: str, port: int | None) -> int:
    """Runs the demo; returns the exit code: 0 only if the wave and the health check after it succeeded."""
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    screen: Screen = LiveScreen() if sys.stdout.isatty() else PlainScreen()
    stack = LocalStack(
        home_of("demo"),
        airflow_port=UI_PORT if port is None else port,
        strict_port=port is not None,
        speed=speed,
        seed="demo",
        settings=DEMO,
        say=screen.say,
    )
    with stack:
        conf = load_conf(wave, stack.endpoints)
        wait_for_dag(stack, stack.api)
        try:
            state = Demo(stack, conf, approve, screen).run()
            health = health_check.look(stack, screen)
        except requests.RequestException as error:
            stack.check_alive()
            raise LocalError(f"Airflow does not answer any more: {error}") from error
        screen.say(f"UI: {stack.ui_url}")
        if interactive:
            stay(screen, stack)
    return 0 if (state, health) == ("success", "success") else 1
