"""The conf's checks ask the instance at the address that EC2 gives and nothing else, side by side and within a time."""

from __future__ import annotations

import datetime
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from migration_ops.core.settings import Settings
from migration_ops.core.verdict import Verdict
from migration_ops.integrations.instance_http import address_refusal
from migration_ops.wave.steps import app_checks
from migration_ops.wave.steps.app_checks import Round, run_all
from tests.wave.conf.hostile_urls import HOSTILE

HOME = "127.0.0.1"
Specs = list[dict[str, Any]]


def at_home(address: str) -> str | None:
    """Only for tests: instances may be on loopback."""
    return None if address == HOME else address_refusal(address)


class Ec2:
    """Every instance has the same addresses."""

    def __init__(self, private: str, public: str) -> None:
        self.private, self.public = private, public

    def get_paginator(self, _: str) -> Any:
        def paginate(Filters: Any) -> Any:
            instances = [
                {"InstanceId": one, "PrivateIpAddress": self.private, "PublicIpAddress": self.public}
                for one in Filters[0]["Values"]
            ]
            return [{"Reservations": [{"Instances": instances}]}]

        return SimpleNamespace(paginate=paginate)


def run(
    specs: Specs,
    *,
    private: str = HOME,
    public: str = "",
    servers: int = 1,
    refusal: Callable[[str], str | None] = at_home,
    seconds: float = 2.0,
    sent: dict[str, str] | None = None,
    ssm: Any = None,
) -> Round:
    services: Any = SimpleNamespace(
        settings=Settings(check_timeout_seconds=seconds),
        client=lambda name: Ec2(private, public) if name == "ec2" else ssm,
        address_refusal=refusal,
    )
    inp: Any = SimpleNamespace(application=SimpleNamespace(checks=specs))
    records: Any = [SimpleNamespace(instance_id=f"i-{number:017x}") for number in range(servers)]
    return run_all(services, inp, records, sent or {})


def http(path: str = "/health", **parts: Any) -> dict[str, Any]:
    return {"type": "http", "scheme": "http", "path": path, "status": 200} | parts


_connects: list[Any] = []
_hooked: list[bool] = []


@contextmanager
def connects() -> Iterator[list[Any]]:
    """Where sockets connect to; the hook of the interpreter cannot be fooled, and not be removed."""
    if not _hooked:
        sys.addaudithook(lambda event, given: _connects.append(given[1]) if event == "socket.connect" else None)
        _hooked.append(True)
    _connects.clear()
    yield _connects


@contextmanager
def server(answer: Callable[[Any], None], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Answers each connection in a thread; yields the port."""
    listening = socket.create_server((HOME, 0), backlog=512)

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=handle, args=[connection], daemon=True).start()

    def handle(connection: Any) -> None:
        with suppress(OSError):
            answer(context.wrap_socket(connection, server_side=True) if context else connection)
        connection.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()


class Site:
    """Notes the requests and answers all in the same way."""

    def __init__(self, answer: str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") -> None:
        self.answer, self.requests = answer, list[str]()

    def __call__(self, connection: Any) -> None:
        request = b""
        while b"\r\n\r\n" not in request and (more := connection.recv(65_536)):
            request += more
        self.requests.append(request.decode())
        connection.sendall(self.answer.encode())


def only(found: Round) -> Any:
    [check] = found.checks
    return check


# What is asked


def test_the_hook_counts_a_connect() -> None:
    with server(Site()) as port, connects() as seen:
        assert only(run([http(port=port)])).verdict is Verdict.OK
    assert seen == [(HOME, port)]


@pytest.mark.parametrize("private", ["10.1.2.3", "169.254.169.254"])
def test_a_hostile_url_of_an_old_plan_connects_to_nothing(private: str) -> None:
    specs = [{"type": "http", "url": url, "status": 200} for url in HOSTILE]
    with connects() as seen:
        found = run(specs, private=private, public="93.184.216.34", refusal=address_refusal)
    assert seen == []
    assert len(found.checks) == len(HOSTILE)
    assert {check.verdict for check in found.checks} == {Verdict.BLOCKED}
    assert all("not asked" in check.reason for check in found.checks)


NEVER = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "fd00:ec2::254",
    "fe80::1",
    "ff02::1",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
]


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("which", ["privateIp", "publicIp"])
def test_an_address_that_no_instance_has_is_not_asked(address: str, which: str) -> None:
    specs = [http(address=which), {"type": "http", "url": f"http://{{{which}}}/"}, {"type": "tcp", "port": 22}]
    with connects() as seen:
        found = run(specs, private=address, public=address, refusal=address_refusal)
    assert seen == []
    assert {check.verdict for check in found.checks} == {Verdict.BLOCKED}


@pytest.mark.parametrize("address", ["not an address", "10.0.0.1@evil.test", "10.0.0.1/../", "0x7f000001", "127.1"])
def test_what_is_no_address_is_not_asked_and_unknown(address: str) -> None:
    with connects() as seen:
        found = run([http(), {"type": "tcp", "port": 22}], private=address, refusal=address_refusal)
    assert seen == []
    assert {check.verdict for check in found.checks} == {Verdict.UNKNOWN}


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "172.31.255.1", "192.168.1.1", "100.64.1.1", "93.184.216.34", "fd12::1"]
)
def test_addresses_of_a_vpc_may_be_asked(address: str) -> None:
    assert address_refusal(address) is None


def test_an_address_that_ec2_does_not_show_is_unknown() -> None:
    with connects() as seen:
        checks = run([http(address="publicIp"), http("/{publicIp}")]).checks
    assert seen == []
    assert [check.verdict for check in checks] == [Verdict.UNKNOWN] * 2
    assert "EC2 shows no publicIp" in checks[0].reason


def test_the_host_is_a_header_and_is_never_looked_up() -> None:
    site = Site()
    with server(site) as port, connects() as seen:
        check = only(run([http("/{instanceId}/x?of={privateIp}", port=port, host="Billing.example.test")]))
    assert (check.verdict, seen) == (Verdict.OK, [(HOME, port)])
    [request] = site.requests
    assert request.startswith(f"GET /i-{0:017x}/x?of={HOME} HTTP/1.1\r\n")
    assert f"\r\nHost: billing.example.test:{port}\r\n" in request


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    site = Site("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n")
    with server(site) as port, connects() as seen:
        found = run([http(port=port), http(port=port, status=302)])
    assert {address for address, _ in seen} == {HOME}
    assert [check.verdict for check in found.checks] == [Verdict.BLOCKED, Verdict.OK]


def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text(f"machine {HOME} login someone password canary\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    site = Site()
    with server(site) as port:
        assert only(run([http(port=port)])).verdict is Verdict.OK
    assert "Authorization" not in site.requests[0]


# TLS


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """As a new instance has it: a certificate that only itself has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "new-instance")])
    now = datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now - datetime.timedelta(1))
    signed = built.not_valid_after(now + datetime.timedelta(1)).sign(key, hashes.SHA256())
    file = tmp_path_factory.mktemp("tls") / "own.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(file)
    return made


def test_a_certificate_is_checked_only_when_the_check_says_so(context: ssl.SSLContext) -> None:
    names: list[str | None] = []
    context.sni_callback = lambda _, name, __: names.append(name)
    site = Site()
    secure = {"scheme": "https", "host": "billing.example.test"}
    with server(site, context) as port:
        found = run([http(port=port, **secure), http(port=port, **secure, verifyTls=True)])
    assert [check.verdict for check in found.checks] == [Verdict.OK, Verdict.BLOCKED]
    assert "certificate is not valid for billing.example.test" in found.checks[1].reason
    assert names == ["billing.example.test"] * 2
    assert len(site.requests) == 1


# Time


def drip(connection: Any) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(600):
        connection.sendall(b"x")
        time.sleep(0.1)


def endless(connection: Any) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65_536)


def silent(connection: Any) -> None:
    time.sleep(60)


def test_an_answer_that_drips_ends_with_the_deadline() -> None:
    begun = time.monotonic()
    with server(drip) as port:
        check = only(run([http(port=port)], seconds=0.5))
    assert (check.verdict, check.value) == (Verdict.BLOCKED, None)
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("secure", [False, True])
def test_a_server_that_says_nothing_ends_with_the_deadline(secure: bool) -> None:
    begun = time.monotonic()
    with server(silent) as port:
        check = only(run([http(port=port, scheme="https" if secure else "http")], seconds=0.5))
    assert check.verdict is Verdict.BLOCKED
    assert time.monotonic() - begun < 20


def test_a_body_without_end_is_not_read() -> None:
    with server(endless) as port:
        assert only(run([http(port=port)])).verdict is Verdict.OK


def test_the_checks_of_many_servers_run_side_by_side_and_stand_in_order() -> None:
    """One after the other they could never meet: each waits until all of them are there."""
    meeting = threading.Barrier(40)

    def answer(connection: Any) -> None:
        meeting.wait(30)
        Site()(connection)

    with server(answer) as port:
        found = run([http("/{instanceId}", port=port), http("/x{instanceId}", port=port)], servers=20, seconds=30)
    ids = [f"i-{number:017x}" for number in range(20)]
    assert [check.subject.rpartition("/")[2] for check in found.checks] == [
        f"{x}{one}" for one in ids for x in ("", "x")
    ]
    assert {check.verdict for check in found.checks} == {Verdict.OK}


def test_a_round_ends_in_time_and_names_what_was_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_checks, "ROUND_SECONDS", 0.3)
    monkeypatch.setattr(app_checks, "PARALLEL_CHECKS", 2)
    passed = {f"i-{number:017x}/1": "passed" for number in range(30)}
    with server(silent) as port:
        ssm_check = {"type": "ssm", "commands": ["true"]}
        found = run([http(port=port), ssm_check], servers=30, seconds=0.3, sent=passed)
    verdicts = [check.verdict for check in found.checks if check.name == "http"]
    assert len(verdicts) == 30
    assert set(verdicts) == {Verdict.BLOCKED, Verdict.UNKNOWN}
    assert any("no time left" in check.reason for check in found.checks)
    assert {check.verdict for check in found.checks if check.name == "ssm"} == {Verdict.OK}
    assert found.commands == passed


def test_the_longest_round_is_far_below_the_execution_timeout() -> None:
    from migration_ops.operators.defaults import default_args

    longest = app_checks.ROUND_SECONDS + 2 * Settings().check_timeout_seconds
    assert longest < default_args()["execution_timeout"].total_seconds() / 4


def test_an_ssm_command_that_still_runs_is_named() -> None:
    class Ssm:
        def send_command(self, **_: Any) -> Any:
            return {"Command": {"CommandId": "c-1"}}

        def get_paginator(self, _: str) -> Any:
            return SimpleNamespace(paginate=lambda **_: [{"InstanceInformationList": []}])

    found = run([{"type": "ssm", "commands": ["true"]}], ssm=Ssm())
    assert found.is_running
    assert found.running == {f"ssm i-{0:017x}/0": "command c-1 still runs"}
