"""Every call the sandbox received, counted: tests read here what was really sent and what really took effect."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from include.sandbox.naming import CallName, is_internal

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
NameOfCall = Callable[[Environ], CallName]
# Set by the fault middleware, read here: which fault answered, and whether the call reached the application.
FAULT_KEY = "sandbox.fault"
EXECUTED_KEY = "sandbox.executed"
KEPT_CALLS = 50_000


@dataclass(frozen=True)
class Call:
    """One received call. ``executed`` is False when a fault answered before it took effect."""

    service: str
    operation: str
    server_ids: tuple[str, ...]
    at: str
    user_agent: str
    status: int | None
    fault: str | None
    executed: bool

    def as_document(self) -> dict[str, Any]:
        raw = asdict(self)
        return {
            "service": raw["service"],
            "operation": raw["operation"],
            "serverIds": list(self.server_ids),
            "at": raw["at"],
            "userAgent": raw["user_agent"],
            "status": raw["status"],
            "fault": raw["fault"],
            "executed": raw["executed"],
        }


class CallLog:
    """Thread-safe list of calls; the oldest are dropped beyond ``KEPT_CALLS``, the counts are not."""

    def __init__(self, now: Callable[[], str] = lambda: "") -> None:
        self._now = now
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._counts: Counter[tuple[str, str]] = Counter()

    def record(
        self,
        name: CallName,
        *,
        user_agent: str = "",
        status: int | None = None,
        fault: str | None = None,
        executed: bool = True,
    ) -> None:
        call = Call(name.service, name.operation, name.server_ids, self._now(), user_agent, status, fault, executed)
        with self._lock:
            self._calls.append(call)
            self._counts[(name.service, name.operation)] += 1
            if len(self._calls) > KEPT_CALLS:
                del self._calls[: KEPT_CALLS // 10]

    def counts(self) -> list[dict[str, Any]]:
        """``[{service, operation, count}]``, sorted."""
        with self._lock:
            pairs = sorted(self._counts.items())
        return [{"service": key[0], "operation": key[1], "count": count} for key, count in pairs]

    def details(self) -> list[dict[str, Any]]:
        with self._lock:
            calls = list(self._calls)
        return [call.as_document() for call in calls]

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()
            self._counts.clear()


def with_calls(app: WsgiApp, calls: CallLog, name_of_call: NameOfCall) -> WsgiApp:
    """Wraps ``app`` (outside of ``with_faults``) so that each call is recorded, faulted ones too."""

    def counted(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if is_internal(environ):
            return app(environ, start_response)
        name = name_of_call(environ)
        seen: list[int] = []

        def noting(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            seen.append(int(status.split(" ", 1)[0]))
            return start_response(status, headers, *rest)

        try:
            return app(environ, noting)
        finally:
            calls.record(
                name,
                user_agent=environ.get("HTTP_USER_AGENT", ""),
                status=seen[-1] if seen else None,
                fault=environ.get(FAULT_KEY),
                executed=bool(environ.get(EXECUTED_KEY, True)),
            )

    return counted
