"""Changes servers from outside: domain faults that act on replication at once, and ``PATCH /_sandbox/servers/{id}``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.sandbox.controlled import Controlled
from include.sandbox.faults import Fault
from include.sandbox.mgn.account import Account
from include.sandbox.mgn.estate import Server
from include.sandbox.mgn.replication import LagFault
from include.sandbox.moto import ec2_status


def _concerned(account: Account, fault: Fault) -> list[Server]:
    return [one for one in account.all_servers() if not fault.server_ids or one.server_id in fault.server_ids]


def apply_fault(account: Account, fault: Fault) -> None:
    """``stall`` and ``lag`` change replication now; the other domain faults wait for the next launch."""
    now = account.clock.now()
    seconds = fault.options.get("forSeconds")
    until = None if seconds is None else now + float(seconds)
    with account.lock:
        for server in _concerned(account, fault):
            if fault.kind == "stall" and server.replication.mode == "running":
                server.replication.stall(fault.options.get("error", "AGENT_NOT_SEEN"), now, until)
            elif fault.kind == "lag":
                backlog = fault.options.get("backloggedBytes")
                server.replication.lag_fault = LagFault(float(fault.options["seconds"]), until, backlog)


def lift_fault(account: Account, fault: Fault) -> None:
    """Undoes ``stall`` and ``lag`` of a removed fault."""
    with account.lock:
        for server in _concerned(account, fault):
            if fault.kind == "stall" and server.replication.mode == "stalled":
                server.replication.recover(account.clock.now())
            elif fault.kind == "lag":
                server.replication.lag_fault = None


def adjust_server(box: Controlled, server: Server, wanted: dict[str, Any]) -> None:
    """Sets members of a server, bypassing every rule. The caller holds the account's lock.

    :raises ValueError: a member that cannot be set; nothing is changed then.
    """
    unknown = set(wanted) - set(_SETTERS) - {"error", "forSeconds", "backloggedBytes"}
    if unknown:
        raise ValueError(f"cannot set {sorted(unknown)}; known: {sorted(_SETTERS)}")
    for member, value in wanted.items():
        if member in _SETTERS:
            _SETTERS[member](box, server, value, wanted)


def _set_lag(box: Controlled, server: Server, value: Any, wanted: dict[str, Any]) -> None:
    if value is None:
        server.replication.lag_fault = None
        return
    seconds = wanted.get("forSeconds")
    until = None if seconds is None else box.clock.now() + float(seconds)
    server.replication.lag_fault = LagFault(float(value), until, wanted.get("backloggedBytes"))


def _set_replication_state(box: Controlled, server: Server, value: Any, wanted: dict[str, Any]) -> None:
    now = box.clock.now()
    if value == "STALLED":
        server.replication.stall(wanted.get("error", "AGENT_NOT_SEEN"), now)
    elif value == "PAUSED":
        server.replication.pause(now)
    elif value == "STOPPED":
        server.replication.stop(now)
    elif value == "DISCONNECTED":
        server.replication.disconnect(now)
    else:
        server.replication.show_as(value, now)


def _set_launch_failures(box: Controlled, server: Server, value: Any, wanted: dict[str, Any]) -> None:
    box.faults.add("launchFailure", times=int(value), server_ids=[server.server_id])


def _set_boot_failure(box: Controlled, server: Server, value: Any, wanted: dict[str, Any]) -> None:
    """Of the running instance; for the next launches use the fault ``bootFailure``."""
    if server.launched is None:
        raise ValueError(f"{server.server_id} has no launched instance")
    server.launched.boot_fails = bool(value)
    ec2_status.set_failing(server.launched.instance_id, bool(value))


def _plain(attribute: str) -> Callable[[Controlled, Server, Any, dict[str, Any]], None]:
    return lambda box, server, value, wanted: setattr(server, attribute, value)


_SETTERS: dict[str, Callable[[Any, Server, Any, dict[str, Any]], None]] = {
    "lagSeconds": _set_lag,
    "replicationState": _set_replication_state,
    "lifecycleState": _plain("lifecycle_state"),
    "isArchived": _plain("is_archived"),
    "applicationId": _plain("application_id"),
    "tags": _plain("tags"),
    "launchFailures": _set_launch_failures,
    "bootFailure": _set_boot_failure,
}
