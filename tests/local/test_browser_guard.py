"""A page in the developer's browser reaches neither the local Airflow nor the sandbox."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from include.local import airflow_env
from include.local.stack import ROOT
from include.sandbox.sandbox import SERVER_ORDER, Sandbox

EVIL = ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example:80", "evil127.0.0.1", ""]
# Airflow's application in a process of its own: it is made from the environment once.
ASK = """
import sys
from fastapi.testclient import TestClient
from airflow.api_fastapi.app import create_app
with TestClient(create_app(), base_url="http://127.0.0.1:8080") as client:
    for host in sys.argv[1:]:
        for path in ("/auth/token", "/api/v2/version", "/execution/health"):
            print("ANSWER", host, path, client.get(path, headers={"Host": host}).status_code)
"""


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(seed="empty", names=("sandbox",)) as sandbox:
        yield sandbox


def ask(box: Sandbox, server: str, method: str = "GET", **headers: str) -> requests.Response:
    return requests.request(method, f"{box.endpoints[server]}/_sandbox/health", headers=headers, data=b"{}", timeout=30)


@pytest.mark.parametrize("server", SERVER_ORDER)
@pytest.mark.parametrize("host", EVIL)
def test_no_server_of_the_sandbox_answers_under_a_foreign_name(box: Sandbox, server: str, host: str) -> None:
    assert ask(box, server, Host=host).status_code in (400, 403)


@pytest.mark.parametrize("server", SERVER_ORDER)
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1.evil.example", "http://[::1"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_no_page_of_another_origin_is_answered(box: Sandbox, server: str, origin: str, method: str) -> None:
    answer = ask(box, server, method, Origin=origin, **{"Content-Type": "text/plain"})
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_page_changes_nothing(box: Sandbox) -> None:
    fault = b'{"service": "mgn", "operation": "StartTest", "kind": "throttle"}'
    page = {"Origin": "http://evil.example", "Content-Type": "text/plain"}
    answer = requests.post(f"{box.endpoints['control']}/_sandbox/faults", data=fault, headers=page, timeout=30)
    assert (answer.status_code, box.faults.as_documents()) == (403, [])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "localhost:1", "[::1]:1", "sandbox", "SANDBOX:18092"])
def test_its_own_names_are_answered(box: Sandbox, host: str) -> None:
    assert ask(box, "control", Host=host).status_code == 200
    assert ask(box, "control", Host=host, Origin="http://127.0.0.1:8080").status_code == 200


def airflow_answers(home: Path, hosts: list[str], **more: str) -> dict[tuple[str, str], int]:
    environment = airflow_env.clean_environment() | airflow_env.airflow_settings(ROOT, home, 8080, 1) | more
    for command in (["-m", "airflow", "db", "migrate"], ["-c", ASK, *hosts]):
        done = subprocess.run([sys.executable, *command], env=environment, cwd=home, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("ANSWER")]
    return {(host, path): int(status) for host, path, status in lines}


@pytest.mark.sandbox  # makes a database and Airflow's application: seconds
def test_the_local_airflow_gives_no_token_to_a_foreign_name(tmp_path: Path) -> None:
    """Without the setting, as production may run behind a proxy of its own, the guard is not there."""
    foreign, own = ["evil.example", "evil.example:8080", "127.0.0.1.evil.example"], ["127.0.0.1:8080", "localhost"]
    found = airflow_answers(tmp_path, foreign + own)
    assert {status for (host, _), status in found.items() if host in foreign} == {400}
    assert {status for (host, _), status in found.items() if host in own} <= {200, 201}
    without = airflow_answers(tmp_path, foreign[:1], MIGRATION_OPS_ALLOWED_HOSTS="")
    assert without["evil.example", "/auth/token"] == 201
