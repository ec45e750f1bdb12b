"""Parsing a DAG file costs little and touches nothing: the DAG processor does it all day, every task does it first."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dags.dag_files import FILES, ROOT

LIMIT_SECONDS = 0.3
REPEATS = 5
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
    began = time.process_time()
    try:
        runpy.run_path(path)
    except BaseException:
        return None, traceback.format_exc()[-2000:]
    return time.process_time() - began, None
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
    return json.loads(text) if text else (None, "the interpreter ended")
for line in sys.stdin:
    job = json.loads(line)
    print("ANSWER" + json.dumps(in_a_fork(job["path"], job["allowed"])), flush=True)
"""
Answer = tuple[float | None, str | None]


class Importer:
    """Runs DAG files as a process that has loaded Airflow would; answers (processor seconds, error)."""

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
                seconds, error = json.loads(line.removeprefix("ANSWER"))
                return seconds, error
        raise AssertionError(self._log.read_text()[-2000:])


@pytest.fixture(scope="module")
def importer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Importer]:
    made = Importer(tmp_path_factory.mktemp("importer"))
    yield made
    made.process.kill()
    made.process.communicate()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_import_reads_nothing_but_code(importer: Importer, path: Path) -> None:
    allowed = (str(ROOT), sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parents[1]), "<")
    _, error = importer.run(path, allowed)
    assert error is None


def test_the_guard_guards(importer: Importer, tmp_path: Path) -> None:
    nosy = tmp_path / "nosy.py"
    nosy.write_text("open('/etc/hostname').read()")
    _, error = importer.run(nosy, (str(ROOT), sys.prefix, sys.base_prefix, str(tmp_path)))
    assert error is not None
    assert "reads or writes /etc/hostname" in error


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_import_is_quick(importer: Importer, path: Path) -> None:
    """Processor time, the best of some attempts: the code is measured, not what else the machine is doing."""
    taken: list[float] = []
    while len(taken) < REPEATS and min(taken, default=LIMIT_SECONDS) >= LIMIT_SECONDS:
        seconds, error = importer.run(path)
        assert seconds is not None, error
        taken.append(seconds)
    assert min(taken) < LIMIT_SECONDS, f"beyond Airflow's own imports: {taken}"
