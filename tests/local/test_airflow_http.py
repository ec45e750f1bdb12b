"""The client against a server that misbehaves on order: what is repeated, what is not, and what a refusal says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from include.local import airflow_http, triggering
from include.local.airflow_api import AirflowApi, AirflowApiError
from include.local.triggering import trigger


class Server:
    """Gives the ordered statuses to ``/api/v2`` one after the other, then 200 for ever."""

    def __init__(self) -> None:
        self.orders: list[int] = []
        self.seen: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.path == "/auth/token":
                    outer.seen.append("token")
                    self.reply(201, {"access_token": "t"})
                    return
                outer.seen.append(self.command)
                status = outer.orders.pop(0) if outer.orders else 200
                self.reply(status, {"detail": "as ordered", "dag_run_id": "r"})

            def reply(self, status: int, document: dict[str, str]) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = answer

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(airflow_http, "REPEAT_SECONDS", 0.01)
    monkeypatch.setattr(triggering, "RETRY_SECONDS", 0.01)
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


def test_an_expired_token_is_renewed_once(server: Server) -> None:
    server.orders = [401]
    assert AirflowApi(server.url).call("GET", "/dags") == {"detail": "as ordered", "dag_run_id": "r"}
    assert server.seen == ["token", "GET", "token", "GET"]


def test_a_read_is_repeated_after_a_server_error(server: Server) -> None:
    server.orders = [500, 503]
    AirflowApi(server.url).call("GET", "/dags")
    assert server.seen.count("GET") == 3


def test_a_read_is_not_repeated_for_ever(server: Server) -> None:
    server.orders = [500] * 100
    with pytest.raises(AirflowApiError) as refusal:
        AirflowApi(server.url).call("GET", "/dags")
    assert refusal.value.status == 500
    assert server.seen.count("GET") == 1 + airflow_http.READ_REPEATS


@pytest.mark.parametrize(
    ("method", "status"), [("POST", 500), ("PATCH", 503), ("POST", 409), ("GET", 404)], ids=lambda one: str(one)
)
def test_changes_and_refusals_are_not_repeated_and_say_why(server: Server, method: str, status: int) -> None:
    server.orders = [status]
    with pytest.raises(AirflowApiError, match=rf"{method} /dags: HTTP {status}: .*as ordered"):
        AirflowApi(server.url).call(method, "/dags")
    assert server.seen.count(method) == 1


@pytest.mark.parametrize("orders", [[], [500], [500, 409]], ids=["at once", "second time", "executed after all"])
def test_the_demo_triggers_once_whatever_the_database_does(server: Server, orders: list[int]) -> None:
    server.orders = list(orders)
    trigger(AirflowApi(server.url), "migration_wave", {}, "r")
    assert server.seen.count("POST") == max(len(orders), 1) + (orders == [500])


@pytest.mark.parametrize("status", [400, 404, 409])
def test_the_demo_takes_a_refusal_for_one(server: Server, status: int) -> None:
    server.orders = [status]
    with pytest.raises(AirflowApiError):
        trigger(AirflowApi(server.url), "migration_wave", {}, "r")
    assert server.seen.count("POST") == 1


def test_waiting_gives_up_with_what_was_seen() -> None:
    look: Callable[[], str | None] = lambda: None  # noqa: E731
    with pytest.raises(airflow_http.Timeout, match="it stayed queued"):
        airflow_http.wait_until(look, 0, lambda: "it stayed queued")
