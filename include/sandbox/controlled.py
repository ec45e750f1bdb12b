"""What the control API may use of a sandbox. The sandbox serves that API, so neither module names the other's class."""

from __future__ import annotations

from typing import Any, Protocol

from include.sandbox.call_log import CallLog
from include.sandbox.clock import Clock
from include.sandbox.faults import FaultBook
from include.sandbox.mgn.service import Mgn


class Controlled(Protocol):
    """One sandbox account, as it is changed from outside."""

    clock: Clock
    region: str
    account_id: str
    faults: FaultBook
    calls: CallLog
    estate: dict[str, Any]
    mgn: Mgn

    @property
    def endpoints(self) -> dict[str, str]:
        """Base URLs by service."""
        ...

    def run_due(self) -> None:
        """What the clock has made due happens now."""

    def reset(self) -> None:
        """An empty account again."""
