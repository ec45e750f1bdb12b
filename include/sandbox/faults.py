"""Faults on request: the book of what shall go wrong, for HTTP calls and for servers.

HTTP faults act on a call (``fault_middleware.with_faults``); domain faults act on a source server (launch engine and
replication read them). Each has a count (``times``) or a probability, and may be limited to some server ids.
"""

from __future__ import annotations

import itertools
import random
import threading
from dataclasses import dataclass, field
from typing import Any

from include.sandbox.naming import CallName

__all__ = ["DOMAIN_KINDS", "HTTP_KINDS", "BadFault", "CallName", "Fault", "FaultBook"]

HTTP_KINDS = frozenset(
    {
        "throttle",
        "error500",
        "error503",
        "error500After",
        "delay",
        "timeout",
        "timeoutAfter",
        "dropBefore",
        "dropAfter",
        "conflict",
        "accessDenied",
        "notJson",
    }
)
DOMAIN_KINDS = frozenset({"launchFailure", "staleSnapshot", "stall", "lag", "bootFailure"})
_MEMBERS = frozenset({"kind", "service", "operation", "times", "probability", "serverIds", "options"})


class BadFault(ValueError):
    """The requested fault is not one of ours."""


@dataclass
class Fault:
    """One fault. ``times`` None = until removed; ``options`` depend on the kind (see README)."""

    fault_id: str
    kind: str
    service: str = "*"
    operation: str = "*"
    times: int | None = None
    probability: float = 1.0
    server_ids: frozenset[str] = frozenset()
    options: dict[str, Any] = field(default_factory=dict)
    fired: int = 0

    def concerns(self, name: CallName) -> bool:
        return (
            self.service in ("*", name.service)
            and self.operation in ("*", name.operation)
            and (not self.server_ids or bool(self.server_ids.intersection(name.server_ids)))
        )

    @property
    def is_spent(self) -> bool:
        return self.times is not None and self.fired >= self.times

    def as_document(self) -> dict[str, Any]:
        return {
            "id": self.fault_id,
            "kind": self.kind,
            "service": self.service,
            "operation": self.operation,
            "times": self.times,
            "probability": self.probability,
            "serverIds": sorted(self.server_ids),
            "options": self.options,
            "fired": self.fired,
        }


class FaultBook:
    """The thread-safe book of faults. The first fault added that matches and fires wins; one call gets one fault."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._numbers = itertools.count(1)
        self._random = random.Random(seed)

    def add(
        self,
        kind: str,
        *,
        service: str = "*",
        operation: str = "*",
        times: int | None = None,
        probability: float = 1.0,
        server_ids: list[str] | None = None,
        **options: Any,
    ) -> Fault:
        """:raises BadFault: unknown kind, or a count or probability out of range."""
        if kind not in HTTP_KINDS | DOMAIN_KINDS:
            raise BadFault(f"unknown kind {kind!r}; known: {sorted(HTTP_KINDS | DOMAIN_KINDS)}")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise BadFault(f"times must be a positive integer, not {times!r}")
        if not 0 < probability <= 1:
            raise BadFault(f"probability must be in (0, 1], not {probability!r}")
        with self._lock:
            fault = Fault(
                f"fault-{next(self._numbers)}",
                kind,
                service,
                operation,
                times,
                probability,
                frozenset(server_ids or ()),
                options,
            )
            self._faults.append(fault)
        return fault

    def add_document(self, document: dict[str, Any]) -> Fault:
        """A fault as the control API gets it; members besides the known ones are options of the kind."""
        options = {key: value for key, value in document.items() if key not in _MEMBERS}
        return self.add(
            str(document.get("kind")),
            service=document.get("service", "*"),
            operation=document.get("operation", "*"),
            times=document.get("times"),
            probability=document.get("probability", 1.0),
            server_ids=document.get("serverIds"),
            **options,
            **document.get("options", {}),
        )

    def take(self, name: CallName) -> Fault | None:
        """The HTTP fault that hits this call, counted as fired, or None."""
        return self._take(HTTP_KINDS, name)

    def take_for_server(self, kind: str, server_id: str) -> Fault | None:
        """The domain fault of ``kind`` that hits this server now, counted as fired, or None."""
        return self._take(frozenset({kind}), CallName("mgn", "", (server_id,)), any_operation=True)

    def _take(self, kinds: frozenset[str], name: CallName, any_operation: bool = False) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.kind not in kinds or fault.is_spent:
                    continue
                operation = fault.operation if any_operation else name.operation
                if not fault.concerns(CallName(name.service, operation, name.server_ids)):
                    continue
                if self._random.random() >= fault.probability:
                    continue
                fault.fired += 1
                return fault
        return None

    def remove(self, fault_id: str | None = None) -> list[Fault]:
        """Removes one fault or all; returns the removed ones."""
        with self._lock:
            removed = [one for one in self._faults if fault_id in (None, one.fault_id)]
            self._faults = [one for one in self._faults if one not in removed]
        return removed

    def as_documents(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.as_document() for fault in self._faults]
