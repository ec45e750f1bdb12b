"""The sandbox as a service: reached by another address than loopback, with connections that lead there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from include.local import airflow_env
from include.local.ports import is_free
from include.local.stack import ROOT

# All of 127/8 is loopback on Linux: an address that the sandbox itself does not listen on, and nobody else can reach
ELSEWHERE = "127.0.0.2"
DEMO_SERVER = "s-0de30000000000101"


def five_free_ports() -> int:
    for first in range(21_090, 29_000, 10):
        if all(is_free(port) for port in range(first, first + 5)):
            return first
    raise AssertionError("no five ports in a row are free")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second loopback address")
def test_it_is_reached_by_its_name(tmp_path: Path) -> None:
    first, file = five_free_ports(), tmp_path / "connections.json"
    options = ["--name", ELSEWHERE, "--listen", ELSEWHERE, "--ports-from", str(first), "--connections", str(file)]
    environment = airflow_env.clean_environment() | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-m", "include.local.container", *options], cwd=ROOT, env=environment)
    try:
        deadline = time.monotonic() + 60
        while not file.exists():
            assert process.poll() is None, "it ended"
            assert time.monotonic() < deadline, "it was not ready after a minute"
            time.sleep(0.1)
        made = json.loads(file.read_text())
        assert set(made) == {"aws_default", "cmf_api", "migration_callback"}
        assert made["migration_callback"]["extra"]["allowedHosts"] == [f"{ELSEWHERE}:{first + 4}"]
        assert made["cmf_api"]["host"].startswith(f"http://{ELSEWHERE}:{first + 3}")
        assert oct(file.stat().st_mode & 0o777) == oct(0o640)
        time.sleep(0.5)  # the relay starts right after the file
        assert seen_servers(made["aws_default"]) == [DEMO_SERVER]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert is_free(first), "something still listens"
    assert os.path.exists(file)


def seen_servers(connection: dict[str, Any]) -> list[str]:
    client = boto3.client(
        "mgn",
        endpoint_url=connection["extra"]["service_config"]["mgn"]["endpoint_url"],
        aws_access_key_id=connection["login"],
        aws_secret_access_key=connection["password"],
        region_name=connection["extra"]["region_name"],
    )
    found = client.describe_source_servers(filters={"sourceServerIDs": [DEMO_SERVER]})["items"]
    return [one["sourceServerID"] for one in found]
