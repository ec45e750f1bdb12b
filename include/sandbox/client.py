"""The control API as Python calls, for tests and the demo."""

from __future__ import annotations

from typing import Any

import requests

TIMEOUT_SECONDS = 30


class SandboxError(RuntimeError):
    """The control API refused."""


class SandboxClient:
    """:param control_url: ``SANDBOX_CONTROL_URL``."""

    def __init__(self, control_url: str) -> None:
        self._url = control_url.rstrip("/") + "/_sandbox"
        self._session = requests.Session()
        # A proxy of the environment must not see loopback.
        self._session.trust_env = False

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._session.request(method, self._url + path, timeout=TIMEOUT_SECONDS, **arguments)
        if not answer.ok:
            raise SandboxError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def health(self) -> dict[str, Any]:
        return self._call("GET", "/health")

    def add_fault(self, kind: str, **members: Any) -> dict[str, Any]:
        """``service``, ``operation``, ``times``, ``probability``, ``serverIds``, and the options of the kind."""
        return self._call("POST", "/faults", json={"kind": kind, **members})

    def faults(self) -> list[dict[str, Any]]:
        return self._call("GET", "/faults")

    def clear_faults(self, fault_id: str | None = None) -> list[dict[str, Any]]:
        return self._call("DELETE", "/faults", params={"id": fault_id} if fault_id else None)

    def calls(self) -> list[dict[str, Any]]:
        """``[{service, operation, count}]``."""
        return self._call("GET", "/calls")

    def call_details(self, service: str | None = None, operation: str | None = None) -> list[dict[str, Any]]:
        """Each call with server ids, time, user agent, status, fault, and whether it took effect."""
        found = self._call("GET", "/calls", params={"detail": 1})
        return [one for one in found if service in (None, one["service"]) and operation in (None, one["operation"])]

    def count(self, service: str, operation: str) -> int:
        matching = (one["count"] for one in self.calls() if (one["service"], one["operation"]) == (service, operation))
        return sum(matching)

    def reset_calls(self) -> None:
        self._call("DELETE", "/calls")

    def server(self, server_id: str) -> dict[str, Any]:
        """The server as DescribeSourceServers shows it, without counting a call."""
        return self._call("GET", f"/servers/{server_id}")

    def patch_server(self, server_id: str, **members: Any) -> dict[str, Any]:
        return self._call("PATCH", f"/servers/{server_id}", json=members)

    def patch_execution(self, execution_arn: str, **members: Any) -> dict[str, Any]:
        """Gives a Step Functions execution a past; see ``stepfunctions_executions.py``."""
        return self._call("PATCH", "/executions", json={"executionArn": execution_arn, **members})

    def add_estate(self, document: dict[str, Any]) -> dict[str, Any]:
        """Seeds more; see ``seeding.py``."""
        return self._call("POST", "/estate", json=document)

    def estate(self) -> dict[str, Any]:
        """What the start seeded."""
        return self._call("GET", "/estate")

    def write_history(self, **document: Any) -> None:
        """What only time or AWS itself brings about; see ``history.py``."""
        self._call("POST", "/history", json=document)

    def set_quotas(self, **quotas: Any) -> dict[str, Any]:
        return self._call("PATCH", "/quotas", json=quotas)

    def clock(self) -> dict[str, Any]:
        return self._call("GET", "/clock")

    def set_speed(self, speed: float) -> dict[str, Any]:
        return self._call("POST", "/clock", json={"speed": speed})

    def advance(self, seconds: float) -> dict[str, Any]:
        """Jumps forward by simulated seconds; everything due by then has happened when it returns."""
        return self._call("POST", "/clock", json={"advanceSeconds": seconds})

    def reset(self) -> None:
        self._call("POST", "/reset")
