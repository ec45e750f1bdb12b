"""EC2 status checks with a boot time: moto says ``ok`` of every running instance, at once.

Patches two properties of moto's instance model; instances nobody registered here stay as moto has them.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.ec2.models.instances import Instance


@dataclass
class BootRecord:
    """``now`` is the clock of the sandbox that launched the instance; ``boots_at`` in its simulated seconds."""

    now: Callable[[], float]
    boots_at: float
    fails: bool = False


_records: dict[str, BootRecord] = {}
_lock = threading.Lock()
# Status and the detail of ``reachability``, by phase.
_INITIALIZING = ("initializing", "initializing")
_IMPAIRED = ("impaired", "failed")


def register(instance_id: str, record: BootRecord) -> None:
    """From now on the instance's checks follow ``record``."""
    with _lock:
        _install()
        _records[instance_id] = record


def forget_all() -> None:
    with _lock:
        _records.clear()


def set_failing(instance_id: str, fails: bool) -> bool:
    """Makes the checks of a registered instance impaired or well; False when it is not registered."""
    record = _records.get(instance_id)
    if record:
        record.fails = fails
    return record is not None


def _judge(instance_id: str) -> tuple[str, str] | None:
    record = _records.get(instance_id)
    if record is None:
        return None
    if record.now() < record.boots_at:
        return _INITIALIZING
    return _IMPAIRED if record.fails else None


@functools.cache
def _install() -> None:
    """The instance check follows the boot; the system check (the host's) is well unless the boot is under way."""

    def patched(name: str, shows_failure: bool) -> None:
        original = vars(Instance)[name].fget

        def status(self: Any) -> dict[str, Any]:
            answer: dict[str, Any] = original(self)
            judged = _judge(self.id)
            if judged is None or answer["Status"] == "not-applicable" or (judged == _IMPAIRED and not shows_failure):
                return answer
            return {"Status": judged[0], "Details": [{"Name": "reachability", "Status": judged[1]}]}

        setattr(Instance, name, property(status))

    patched("instance_status", True)
    patched("system_status", False)
