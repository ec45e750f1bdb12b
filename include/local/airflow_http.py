"""HTTP to Airflow's public REST API (v2): token, requests, pages, refusals as errors."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests

from include.local.errors import LocalError

Document = dict[str, Any]
PAGE = 100
READ_REPEATS = 5
REPEAT_SECONDS = 1.0
LOOK_SECONDS, LOOK_SECONDS_LATER = 1.0, 3.0


class AirflowApiError(LocalError):
    """Airflow refused a request. ``status`` is the HTTP status, ``body`` its answer."""

    def __init__(self, method: str, path: str, status: int, body: str) -> None:
        super().__init__(f"{method} {path}: HTTP {status}: {body[:2000]}")
        self.status = status
        self.body = body


class Timeout(LocalError):
    """Something did not happen in time; the message says what was seen last."""


class AirflowHttp:
    """The REST API of one Airflow.

    :param base_url: address of the API server, ``http://127.0.0.1:8080``.
    :param username: with ``password``, for an auth manager that asks for them; without, the simple auth manager's
        all-admins mode is expected.
    :param timeout_seconds: per request.
    """

    def __init__(
        self, base_url: str, username: str | None = None, password: str | None = None, timeout_seconds: float = 60.0
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._credentials = {"username": username, "password": password} if username else None
        self.timeout_seconds = timeout_seconds
        self.http = requests.Session()
        self.http.trust_env = False  # no proxy between us and the loopback interface

    def authenticate(self) -> None:
        """Fetches a token. :meth:`call` does this at first use and after a 401.

        :raises AirflowApiError: the credentials are refused.
        """
        method = "POST" if self._credentials else "GET"
        answer = self.http.request(
            method, f"{self.base_url}/auth/token", json=self._credentials, timeout=self.timeout_seconds
        )
        if not answer.ok:
            raise AirflowApiError(method, "/auth/token", answer.status_code, answer.text)
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, body: Document | None = None, **query: Any) -> Any:
        """One request to ``/api/v2`` + path; returns the parsed answer, None when it is empty.

        Reads are repeated after a 5xx (on SQLite, a locked database); changes are not.

        :raises AirflowApiError: any status but 2xx.
        :raises requests.RequestException: no answer.
        """
        if "Authorization" not in self.http.headers:
            self.authenticate()
        answer = self._send(method, path, body, query)
        if answer.status_code == 401:
            self.authenticate()
            answer = self._send(method, path, body, query)
        for _ in range(READ_REPEATS if method == "GET" else 0):
            if answer.status_code < 500:
                break
            time.sleep(REPEAT_SECONDS)
            answer = self._send(method, path, body, query)
        if not answer.ok:
            raise AirflowApiError(method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def _send(self, method: str, path: str, body: Document | None, query: Document) -> requests.Response:
        return self.http.request(
            method,
            f"{self.base_url}/api/v2{path}",
            json=body,
            params=query,
            headers={"Accept": "application/json"},
            timeout=self.timeout_seconds,
        )

    def pages(self, path: str, key: str, **query: Any) -> list[Document]:
        """All entries of a collection, page after page."""
        found: list[Document] = []
        while True:
            page = self.call("GET", path, limit=PAGE, offset=len(found), **query)
            found += page[key]
            if not page[key] or len(found) >= page["total_entries"]:
                return found


def wait_until(look: Callable[[], str | None], timeout_seconds: float, explain: Callable[[], str]) -> str:
    """Calls ``look`` until it returns something; returns that. Each second at first, each three seconds after half a
    minute: what takes minutes is not noticed late by that, and many who wait do not keep the API server busy.

    :raises Timeout: with the text of ``explain``.
    """
    began = time.monotonic()
    deadline = began + timeout_seconds
    while True:
        seen = look()
        if seen is not None:
            return seen
        if time.monotonic() > deadline:
            raise Timeout(f"after {timeout_seconds:.0f} s: {explain()}")
        time.sleep(min(max(LOOK_SECONDS, (time.monotonic() - began) / 10), LOOK_SECONDS_LATER))
