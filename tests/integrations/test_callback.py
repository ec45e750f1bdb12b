"""Callbacks against the sandbox's receiver, through real HTTP and TLS."""

from __future__ import annotations

import base64
import datetime
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tenacity import wait_none

from include.sandbox.callback.app import create_app as create_receiver
from migration_ops.core.errors import InvalidInputError
from migration_ops.integrations.callback.client import CallbackClient, CallbackEvent, from_connection
from migration_ops.integrations.callback.egress import check_url
from migration_ops.integrations.callback.pinned import pinned_session
from migration_ops.integrations.callback.receivers import read_receivers
from migration_ops.integrations.errors import (
    CallbackFailedError,
    CallbackGoneError,
    CallbackRefusedError,
    ForbiddenUrlError,
)
from tests.integrations.sites import SECRET, CallbackSite, serving

OTHER = "whsec_" + base64.b64encode(b"another secret of 32 bytes ....!").decode()
EVENT = CallbackEvent(
    migration_id="mig-web01",
    wave="wave-3",
    app_name="billing",
    status="COMPLETED",
    phase="FINALIZED",
    correlation_id="c-1",
    instance_id="i-0123456789abcdef0",
    times={"createdAt": "2026-01-01T00:00:00Z"},
    error=None,
    occurrence="run-1",
)


class TestDelivery:
    def test_signed_and_delivered(self, callback_site: CallbackSite) -> None:
        receipt = callback_site.client().send(EVENT)
        [delivery] = callback_site.app.deliveries
        assert (receipt.status, receipt.attempts, receipt.webhook_id) == (204, 1, EVENT.webhook_id)
        assert delivery["signatureValid"]
        assert delivery["webhookId"] == EVENT.webhook_id
        assert delivery["host"] == f"127.0.0.1:{callback_site.port}"
        assert delivery["body"] == {
            "migrationId": "mig-web01",
            "wave": "wave-3",
            "appName": "billing",
            "status": "COMPLETED",
            "phase": "FINALIZED",
            "correlationId": "c-1",
            "instanceId": "i-0123456789abcdef0",
            "times": {"createdAt": "2026-01-01T00:00:00Z"},
            "error": None,
        }

    def test_two_secrets_while_one_is_replaced(self, callback_site: CallbackSite) -> None:
        callback_site.client(secrets=[OTHER, SECRET]).send(EVENT)
        assert callback_site.app.deliveries[0]["signatures"] == 2

    def test_a_wrong_secret_is_refused_and_not_retried(self, callback_site: CallbackSite) -> None:
        with pytest.raises(CallbackRefusedError):
            callback_site.client(secrets=[OTHER]).send(EVENT)
        assert [one["status"] for one in callback_site.app.deliveries] == [401]

    def test_the_id_is_the_same_however_often_it_is_sent(self, callback_site: CallbackSite) -> None:
        callback_site.app.order(status=500, times=2)
        callback_site.client().send(EVENT)
        callback_site.client().send(EVENT)
        deliveries = callback_site.app.deliveries
        assert len({one["webhookId"] for one in deliveries}) == 1
        assert [one["duplicate"] for one in deliveries] == [False, False, False, True]

    @pytest.mark.parametrize(
        "change", [{"status": "FAILED"}, {"phase": "FAILED"}, {"migration_id": "mig-2"}, {"occurrence": "run-2"}]
    )
    def test_other_news_has_another_id(self, change: dict[str, str]) -> None:
        assert CallbackEvent(**{**EVENT.__dict__, **change}).webhook_id != EVENT.webhook_id


class TestRetries:
    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_tried_again_until_accepted(self, callback_site: CallbackSite, status: int) -> None:
        callback_site.app.order(status=status, times=2)
        assert callback_site.client().send(EVENT).attempts == 3

    @pytest.mark.parametrize("kind", ["dropBefore", "dropAfter"])
    def test_a_dropped_connection_is_tried_again(self, callback_site: CallbackSite, kind: str) -> None:
        callback_site.faults.add(kind, service="callback", times=1)
        assert callback_site.client().send(EVENT).attempts == 2

    def test_a_slow_receiver_is_tried_again(self, callback_site: CallbackSite) -> None:
        callback_site.app.order(status=200, delaySeconds=1.5)
        assert callback_site.client(timeouts_seconds=(1.0, 0.3)).send(EVENT).attempts == 2

    def test_bounded(self, callback_site: CallbackSite) -> None:
        callback_site.app.order(status=500, times=None, body="x" * 5000)
        with pytest.raises(CallbackFailedError) as caught:
            callback_site.client(attempts=4).send(EVENT)
        assert len(callback_site.app.deliveries) == 4
        assert caught.value.retryable
        assert (caught.value.context["status"], caught.value.context["attempts"]) == (500, 4)
        assert len(caught.value.context["answer"]) <= 200

    def test_gone_is_the_last_word(self, callback_site: CallbackSite) -> None:
        callback_site.app.order(status=410)
        with pytest.raises(CallbackGoneError):
            callback_site.client().send(EVENT)
        assert len(callback_site.app.deliveries) == 1

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
    def test_other_refusals_are_not_retried(self, callback_site: CallbackSite, status: int) -> None:
        callback_site.app.order(status=status)
        with pytest.raises(CallbackRefusedError) as caught:
            callback_site.client().send(EVENT)
        assert not isinstance(caught.value, CallbackGoneError)
        assert len(callback_site.app.deliveries) == 1

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirects_are_never_followed(self, callback_site: CallbackSite, status: int) -> None:
        callback_site.app.order(status=status, location=f"http://127.0.0.1:{callback_site.port}/elsewhere", times=1)
        with pytest.raises(CallbackRefusedError):
            callback_site.client().send(EVENT)
        assert [one["path"] for one in callback_site.app.deliveries] == ["/hook"]


class TestRetryAfter:
    @pytest.mark.parametrize("status", [429, 503])
    def test_seconds_are_honoured(self, callback_site: CallbackSite, status: int) -> None:
        callback_site.app.order(status=status, retryAfter="1")
        started = time.monotonic()
        assert callback_site.client().send(EVENT).attempts == 2
        assert time.monotonic() - started >= 1

    def test_bounded(self, callback_site: CallbackSite) -> None:
        callback_site.app.order(status=429, retryAfter="86400")
        started = time.monotonic()
        callback_site.client(longest_wait_seconds=0.2).send(EVENT)
        assert 0.2 <= time.monotonic() - started < 2

    @pytest.mark.parametrize(
        ("header", "waits"),
        [("soon", False), ("-5", False), ("Wed, 99 Foo 2026", False), ("{past}", False), ("{future}", True)],
    )
    def test_dates_and_nonsense(self, callback_site: CallbackSite, header: str, waits: bool) -> None:
        now = datetime.datetime.now(datetime.UTC)
        past, future = (format_datetime(now + datetime.timedelta(hours=hours), usegmt=True) for hours in (-1, 1))
        callback_site.app.order(status=429, retryAfter=header.format(past=past, future=future))
        started = time.monotonic()
        callback_site.client(longest_wait_seconds=0.4).send(EVENT)
        assert (time.monotonic() - started >= 0.4) is waits


class TestEgress:
    def test_a_forbidden_url_is_not_called(self, callback_site: CallbackSite) -> None:
        with pytest.raises(ForbiddenUrlError):
            callback_site.client(allowed_hosts=[]).send(EVENT)
        assert callback_site.app.deliveries == []

    def test_rebinding_between_check_and_connection_changes_nothing(self, callback_site: CallbackSite) -> None:
        """The name is judged once per attempt, and that very answer is what is connected to."""
        asked: list[str] = []

        def rebinding(host: str, port: int) -> Sequence[str]:
            asked.append(host)
            return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

        client = callback_site.client(
            url=f"http://rebind.example.com:{callback_site.port}/hook",
            allowed_hosts=["127.0.0.1"],
            resolver=rebinding,
        )
        client.send(EVENT)
        assert asked == ["rebind.example.com"]
        assert callback_site.app.deliveries[0]["host"] == f"rebind.example.com:{callback_site.port}"
        with pytest.raises(ForbiddenUrlError):
            client.send(EVENT)

    def test_a_retry_uses_the_next_address(self, callback_site: CallbackSite) -> None:
        client = callback_site.client(
            url=f"http://two.example.com:{callback_site.port}/hook",
            allowed_hosts=["127.0.0.1", "127.0.0.2"],
            # Nothing listens on the first.
            resolver=lambda host, port: ["127.0.0.2", "127.0.0.1"],
        )
        assert client.send(EVENT).attempts == 2

    def test_proxies_and_netrc_of_the_environment_are_ignored(
        self, callback_site: CallbackSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "")
        assert callback_site.client().send(EVENT).attempts == 1
        assert "authorization" not in callback_site.app.deliveries[0]["headers"]

    def test_a_pinned_session_calls_nothing_else(self, callback_site: CallbackSite) -> None:
        approved = check_url(f"http://127.0.0.1:{callback_site.port}/hook", ["127.0.0.1"])
        with pinned_session(approved) as session:
            for url in ("http://127.0.0.1:9/hook", f"http://localhost:{callback_site.port}/hook"):
                with pytest.raises(ForbiddenUrlError):
                    session.post(url, timeout=1)
            with pytest.raises(requests.exceptions.InvalidSchema):
                session.post("https://hooks.example.com/", timeout=1)

    def test_the_error_does_not_show_the_url(self, callback_site: CallbackSite) -> None:
        callback_site.faults.add("dropBefore", service="callback")
        url = f"http://127.0.0.1:{callback_site.port}/hook?token=hidden"
        with pytest.raises(CallbackFailedError) as caught:
            callback_site.client(url=url).send(EVENT)
        shown = f"{caught.value} {caught.value.context} {caught.value.__cause__}"
        assert "hidden" not in shown


class TestTls:
    """A pinned connection still checks the certificate of the name."""

    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.example.com")])
        now = datetime.datetime.now(datetime.UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example.com")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        path = tmp_path / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
        (tmp_path / "ca.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
        return path

    def deliver(self, certificate: Path, host: str, verify: str | None) -> tuple[Any, list[str | None]]:
        app = create_receiver(None, None, {"callback_secret": SECRET})
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        names: list[str | None] = []
        context.sni_callback = lambda socket, name, _: names.append(name)
        with serving(app, ssl_context=context) as port:
            client = CallbackClient(
                f"https://{host}:{port}/hook",
                [SECRET],
                ["127.0.0.1"],
                wait=wait_none(),
                verify=verify,
                resolver=lambda *_: ["127.0.0.1"],
            )
            try:
                return client.send(EVENT), names
            finally:
                assert all(one["host"] == f"{host}:{port}" for one in app.deliveries)

    def test_the_name_is_sent_and_checked(self, certificate: Path) -> None:
        receipt, names = self.deliver(certificate, "hooks.example.com", str(certificate.parent / "ca.pem"))
        assert receipt.status == 204
        assert names == ["hooks.example.com"]

    def test_another_name_does_not_fit(self, certificate: Path) -> None:
        with pytest.raises(CallbackRefusedError):
            self.deliver(certificate, "other.example.com", str(certificate.parent / "ca.pem"))

    def test_an_unknown_authority_does_not_fit(self, certificate: Path) -> None:
        with pytest.raises(CallbackRefusedError):
            self.deliver(certificate, "hooks.example.com", None)


class TestConnection:
    def test_fields(self, callback_site: CallbackSite) -> None:
        extra = {"allowedHosts": [f"127.0.0.1:{callback_site.port}"], "previousSecret": OTHER}
        from_connection(f"http://127.0.0.1:{callback_site.port}/x", SECRET, extra).send(EVENT)
        assert callback_site.app.deliveries[0]["signatures"] == 2

    @pytest.mark.parametrize(
        ("password", "extra"),
        [(None, {}), ("", {}), ("plain", {}), (SECRET, {"allowedHosts": "a.b"}), (SECRET, {"allowedHosts": [1]})]
        + [
            (SECRET, {"receivers": one})
            for one in ("x", [1], [{"host": "a.b"}], [{"host": "a.b", "secret": SECRET, "x": 1}])
        ],
    )
    def test_refused(self, password: str | None, extra: dict[str, Any]) -> None:
        with pytest.raises(InvalidInputError) as caught:
            from_connection("https://hooks.example.com/", password, extra)
        assert "Correct the conf" not in caught.value.hint


class TestReceivers:
    """Only who is listed is sent anything, and what is signed for one is worth nothing at another."""

    def listed(self, site: CallbackSite, **more: Any) -> dict[str, Any]:
        return {"receivers": [{"host": f"127.0.0.1:{site.port}", "secret": SECRET, **more}]}

    def send(self, site: CallbackSite, extra: dict[str, Any], password: str | None = None, path: str = "/hook") -> Any:
        client = from_connection(f"http://127.0.0.1:{site.port}{path}", password, extra, wait=wait_none(), attempts=1)
        return client.send(EVENT)

    def test_a_receiver_has_a_secret_of_its_own(self, callback_site: CallbackSite) -> None:
        self.send(callback_site, self.listed(callback_site), password=OTHER)
        [delivery] = callback_site.app.deliveries
        assert (delivery["status"], delivery["signatures"]) == (204, 1)
        assert delivery["body"]["receiver"] == "127.0.0.1"

    def test_the_secret_of_the_connection_is_not_used_for_it(self, callback_site: CallbackSite) -> None:
        extra = {"receivers": [{"host": f"127.0.0.1:{callback_site.port}", "secret": OTHER}]}
        with pytest.raises(CallbackRefusedError):
            self.send(callback_site, extra, password=SECRET)

    def test_its_old_secret_counts_while_a_rotation_lasts(self, callback_site: CallbackSite) -> None:
        self.send(callback_site, self.listed(callback_site, previousSecret=OTHER))
        assert callback_site.app.deliveries[0]["signatures"] == 2

    @pytest.mark.parametrize("url", ["https://attacker.example/collect", "https://93.184.216.34/", "https://a.b.test/"])
    def test_who_is_not_listed_is_sent_nothing_however_public(self, url: str) -> None:
        resolver = lambda *_: ["93.184.216.34"]  # noqa: E731
        extra = {"receivers": [{"host": "hooks.example.com", "secret": SECRET}], "allowedHosts": ["b.test"]}
        with pytest.raises(ForbiddenUrlError, match="does not list"):
            from_connection(url, SECRET, extra, resolver=resolver)
        assert from_connection("https://hooks.example.com/x", SECRET, extra, resolver=resolver).check()

    def test_a_token_comes_from_the_connection_and_is_shown_nowhere(self, callback_site: CallbackSite) -> None:
        extra = self.listed(callback_site, query="token=CANARY")
        self.send(callback_site, extra, path="/hook?a=1")
        assert callback_site.app.deliveries[0]["path"].endswith("/hook")
        callback_site.app.order(status=400)
        with pytest.raises(CallbackRefusedError) as caught:
            self.send(callback_site, extra)
        assert "CANARY" not in f"{caught.value!r} {caught.value.context} {read_receivers(None, extra)!r}"

    def test_a_malformed_connection_shows_no_secret(self) -> None:
        with pytest.raises(InvalidInputError) as caught:
            read_receivers(None, {"receivers": [{"host": 1, "secret": SECRET}]})
        assert caught.value.context["path"] == "migration_callback.extra.receivers[0].host"
        assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r}"


class TestDeadline:
    @pytest.mark.parametrize("begin", [b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 100 Continue\r\n\r\nHTTP"])
    def test_a_receiver_that_sends_a_byte_now_and_then_ends_in_time(self, begin: bytes) -> None:
        with trickling(begin) as port:
            client = CallbackClient(
                f"http://127.0.0.1:{port}/",
                [SECRET],
                ["127.0.0.1"],
                attempts=1,
                wait=wait_none(),
                deadline_seconds=0.6,
                timeouts_seconds=(5.0, 5.0),
            )
            started = time.monotonic()
            with pytest.raises(CallbackFailedError):
                client.send(EVENT)
            # It would go on for as long as a byte comes within the time-out of a read.
            assert time.monotonic() - started < 4.0


@contextmanager
def trickling(begin: bytes) -> Iterator[int]:
    """A server that begins to answer and then sends a byte every 50 ms, for as long as somebody listens."""
    stop = threading.Event()

    def answer(listener: socket.socket) -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(begin)
                while not stop.wait(0.05):
                    connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=[listener], daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
    thread.join(5)


def test_the_receivers_control_routes(callback_site: CallbackSite) -> None:
    base = f"http://127.0.0.1:{callback_site.port}/_sandbox"
    requests.post(f"{base}/callback/answers", json={"status": 410, "path": "/hook", "times": None}, timeout=5)
    with pytest.raises(CallbackGoneError):
        callback_site.client().send(EVENT)
    assert [one["status"] for one in requests.get(f"{base}/deliveries", timeout=5).json()] == [410]
    requests.delete(f"{base}/callback/answers", timeout=5)
    requests.delete(f"{base}/deliveries", timeout=5)
    callback_site.client().send(EVENT)
    assert [one["status"] for one in requests.get(f"{base}/deliveries", timeout=5).json()] == [204]
