"""The sandbox as a process: one line when ready, an env file, a clean end; and the demo it seeds."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

from include.sandbox.client import SandboxClient, SandboxError
from include.sandbox.cmf.seed import demo_seed

ROOT = Path(__file__).parents[2]
DEMO_CONF = ROOT / "include" / "waves" / "demo.json"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(process, ready line, variables) of a demo sandbox on free ports."""
    env_file = tmp_path_factory.mktemp("sandbox") / "sandbox.env"
    started = subprocess.Popen(
        [sys.executable, "-m", "include.sandbox", "--ports-from", "0", "--speed", "60", "--env-file", str(env_file)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = started.stdout.readline()
    assert line, started.stderr.read()
    variables = dict(one.split("=", 1) for one in env_file.read_text().splitlines())
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    yield started, json.loads(line), variables
    started.send_signal(signal.SIGTERM)
    out, err = started.communicate(timeout=15)
    assert (started.returncode, out, err) == (0, "", "")


def _client(variables: dict[str, str], service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=variables.get(f"AWS_ENDPOINT_URL_{service.upper()}", variables["AWS_ENDPOINT_URL"]),
        region_name=variables["AWS_DEFAULT_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )


def test_everything_listens_on_loopback(process: Any) -> None:
    _, ready, variables = process
    assert set(ready["endpoints"]) == {"moto", "mgn", "control", "cmf", "callback"}
    assert all(url.startswith("http://127.0.0.1:") for url in ready["endpoints"].values())
    client = SandboxClient(variables["SANDBOX_CONTROL_URL"])
    assert client.health()["endpoints"] == ready["endpoints"]
    # A route the CMF API does not have, a GET the receiver does not take: both answer.
    assert requests.get(variables["SANDBOX_CMF_URL"] + "/nothing", timeout=5).status_code == 403
    assert requests.get(variables["SANDBOX_CALLBACK_URL"], timeout=5).status_code == 405


def test_the_demo_estate(process: Any) -> None:
    variables = process[2]
    servers = _client(variables, "mgn").describe_source_servers()["items"]
    states = [one["lifeCycle"]["state"] for one in servers]
    assert len(servers) == 14
    assert (states.count("CUTOVER"), states.count("DISCONNECTED")) == (1, 2)
    assert [one["isArchived"] for one in servers].count(True) == 1
    stalled = [one for one in servers if one["dataReplicationInfo"]["dataReplicationState"] == "STALLED"]
    assert [one["dataReplicationInfo"]["dataReplicationError"]["error"] for one in stalled] == ["AGENT_NOT_SEEN"]
    assert len(_client(variables, "mgn").list_applications()["items"]) == 6
    buckets = _client(variables, "s3").list_buckets()["Buckets"]
    assert "migration-evidence" in {one["Name"] for one in buckets}
    assert _client(variables, "sts").get_caller_identity()["Account"] == "123456789012"


def test_the_demo_conf_names_what_is_seeded(process: Any) -> None:
    conf, mgn = json.loads(DEMO_CONF.read_text()), _client(process[2], "mgn")
    assert SandboxClient(process[2]["SANDBOX_CONTROL_URL"]).estate()["applications"] == conf["applications"]
    wave = mgn.list_waves()["items"][0]
    assert wave["name"] == conf["wave"] == "wave-demo"
    applications = mgn.list_applications(filters={"waveIDs": [wave["waveID"]]})["items"]
    assert [one["name"] for one in applications] == [one["appName"] for one in conf["applications"]]
    assert [len(one["servers"]) for one in conf["applications"]] == [2, 3, 2]
    for application, seeded in zip(conf["applications"], applications, strict=True):
        found = mgn.describe_source_servers(filters={"applicationIDs": [seeded["applicationID"]]})["items"]
        assert {one["sourceServerID"] for one in found} == {one["sourceServerId"] for one in application["servers"]}


def test_the_cmdb_of_the_demo_names_the_wave_and_its_servers_as_the_conf_does() -> None:
    conf, seed = json.loads(DEMO_CONF.read_text()), demo_seed()
    assert [one["wave_name"] for one in seed["waves"]] == [conf["wave"]]
    named = {app["app_id"]: app["app_name"] for app in seed["apps"]}
    in_cmdb = [(named[one["app_id"]], one["server_id"]) for one in seed["servers"]]
    in_conf = [(app["appName"], one["cmdbId"]) for app in conf["applications"] for one in app["servers"]]
    assert in_cmdb == in_conf


def test_one_server_of_the_demo_is_still_syncing(process: Any) -> None:
    server = SandboxClient(process[2]["SANDBOX_CONTROL_URL"]).server("s-0de30000000000107")
    # Seconds after the start; a slow machine may be past it.
    assert server["lifeCycle"]["state"] in ("NOT_READY", "READY_FOR_TEST")
    assert ("lagDuration" in server["dataReplicationInfo"]) == (server["lifeCycle"]["state"] == "READY_FOR_TEST")


def test_the_control_api_refuses_what_it_does_not_know(process: Any) -> None:
    client = SandboxClient(process[2]["SANDBOX_CONTROL_URL"])
    for call in (
        lambda: client.add_fault("meteor"),
        lambda: client.patch_server("s-0de30000000000107", colour="red"),
        lambda: client.server("s-ffffffffffffffff0"),
        lambda: client.advance(-1),
        lambda: client.set_quotas(meteors=1),
    ):
        with pytest.raises(SandboxError, match=r"40\d"):
            call()


def test_it_ends_with_its_parent() -> None:
    script = (
        "import subprocess, sys;"
        "p = subprocess.Popen([sys.executable, '-m', 'include.sandbox', '--ports-from', '0', '--seed', 'empty',"
        " '--with-parent'], stdout=subprocess.PIPE, text=True);"
        "print(p.pid, p.stdout.readline())"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    pid = int(done.stdout.split()[0])
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        # Nobody may be there to take note of its end.
        if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the sandbox outlived its parent")
