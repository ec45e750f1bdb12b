"""What importing a DAG file loads and costs, for the tests and the benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.dags.dag_files import ROOT

# What every process that parses a DAG file has loaded, and what of Airflow and its requirements our files import;
# airflow.sdk loads much of that when a DAG is made.
_AIRFLOW_FIRST = """
import airflow.sdk, airflow.providers.standard.operators.hitl, airflow.providers.standard.operators.empty
import airflow.sdk.definitions.param, airflow.sdk.exceptions, airflow.triggers.base
import airflow.providers.amazon.aws.hooks.base_aws, airflow.providers.amazon.aws.operators.base_aws
import airflow.providers.amazon.aws.sensors.base_aws, airflow.providers.amazon.aws.links.ec2
import airflow.sdk.execution_time.comms, airflow.sdk.execution_time.task_runner
import boto3, botocore.config, pydantic, requests, tenacity, jinja2
from airflow.sdk import TriggerRule, chain, cross_downstream, dag, task_group
dag(dag_id="empty", schedule=None)(lambda: None)()
"""
# One interpreter loads Airflow; each file is run in a fork of it, so that none sees what another has loaded. As Airflow
# does before it forks: what is loaded is frozen, or the fork's collector goes over all of it (0.1 s) at some import.
_FORKS = """
import gc, json, os, runpy, sys, time, traceback
gc.freeze()
def guard(allowed):
    def hook(event, arguments):
        if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system"):
            raise RuntimeError(f"{event} at import: {arguments}")
        if event == "open" and isinstance(arguments[0], str):
            path = arguments[0]
            if not path.startswith(allowed):
                raise RuntimeError(f"reads or writes {path} at import")
    sys.addaudithook(hook)
def run(path, allowed):
    if allowed is not None:
        guard(tuple(allowed))
    before = set(sys.modules)
    began = time.process_time()
    try:
        runpy.run_path(path)
    except BaseException:
        return None, 0.0, traceback.format_exc()[-2000:]
    return sorted(set(sys.modules) - before), time.process_time() - began, None
def in_a_fork(path, allowed):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, json.dumps(run(path, allowed)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else (None, 0.0, "the interpreter ended")
for line in sys.stdin:
    job = json.loads(line)
    print("ANSWER" + json.dumps(in_a_fork(job["path"], job["allowed"])), flush=True)
"""


class Answer(NamedTuple):
    """What the import loaded (nothing when it failed), its processor seconds, its error."""

    loaded: list[str] | None
    seconds: float
    error: str | None


class Importer:
    """Runs DAG files as a process that has loaded Airflow would; asked by ``run``."""

    def __init__(self, home: Path) -> None:
        self._log = home / "stderr"
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
        }
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _AIRFLOW_FIRST + _FORKS],
                env=environment,
                cwd=home,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def run(self, path: Path, allowed: tuple[str, ...] | None = None) -> Answer:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"path": str(path), "allowed": allowed}) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("ANSWER"):
                return Answer(*json.loads(line.removeprefix("ANSWER")))
        raise AssertionError(self._log.read_text()[-2000:])

    def close(self) -> None:
        """Ends the interpreter."""
        self.process.kill()
        self.process.communicate()
