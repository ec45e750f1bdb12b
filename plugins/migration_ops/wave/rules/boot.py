"""Is the launched instance up? MGN's first boot and EC2's status checks, of the instance of our job only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.verdict import Fact, GateResult, blocked, combine, unknown

INSTANCE_GONE = frozenset({"shutting-down", "terminated"})
INSTANCE_STOPPED = frozenset({"stopping", "stopped"})
FIRST_BOOT_OK = "SUCCEEDED"
FIRST_BOOT_STOPPED = "STOPPED"
STATUS_OK = "ok"
STATUS_BAD = "impaired"
_STATUS_CHECKS = {"SystemStatus": "system status", "InstanceStatus": "instance status"}


def judge_boot(
    view: ServerView | None,
    instance_status: dict[str, Any] | None,
    expected_instance_id: str | None,
    *,
    launch_disposition: str = "STARTED",
) -> GateResult:
    """Is the server's new instance up (or, with disposition ``STOPPED``, stopped as the launch configuration wants)?

    :param instance_status: an item of EC2 DescribeInstanceStatus, or ``{"state": …}``.
    :param expected_instance_id: the instance that our job launched; any other one is a left-over.
    :return: value and limit are the seen and the expected instance id.
    """
    if launch_disposition == "STOPPED" and instance_state(instance_status) in INSTANCE_STOPPED:
        facts = _stopped(view, instance_status, expected_instance_id)
        ok = "launched and left stopped, as its launch configuration says"
    else:
        facts = _started(view, instance_status, expected_instance_id)
        ok = "first boot succeeded, EC2 status checks are ok"
    return combine(
        "boot",
        view.source_server_id if view else "?",
        facts,
        value=view.launched_instance_id if view else None,
        limit=expected_instance_id,
        ok=ok,
    )


def judge_only_instance(server_id: str, expected_instance_id: str | None, states: Mapping[str, str]) -> GateResult:
    """Is the record's instance the only one of this server? A second one could answer, and write, instead of it.

    :param states: state by id of every instance with the server's tag that is not terminated or shutting down.
    :return: value is the ids seen, limit the expected one.
    """
    others = {one: state for one, state in sorted(states.items()) if one != expected_instance_id}
    facts: list[Fact] = []
    if others:
        named = ", ".join(f"{one} ({state})" for one, state in others.items())
        facts.append(
            blocked(f"EC2 also has {named} of this server: find out which is in use, terminate the other by hand")
        )
    if expected_instance_id not in states:
        facts.append(unknown(f"EC2 does not show {expected_instance_id} under the server's tag"))
    ok = f"EC2 shows no instance of this server beside {expected_instance_id}"
    return combine("only instance", server_id, facts, value=sorted(states), limit=expected_instance_id, ok=ok)


def instance_state(status: dict[str, Any] | None) -> str | None:
    """``running``, ``stopped``, … of a DescribeInstanceStatus item or of ``{"state": …}``."""
    if not status:
        return None
    return (status.get("InstanceState") or {}).get("Name") or status.get("state")


def boot_is_lost(
    view: ServerView | None,
    instance_status: dict[str, Any] | None,
    expected_instance_id: str | None,
    *,
    launch_disposition: str = "STARTED",
) -> bool:
    """True when waiting cannot help: our instance is gone, or stopped although it was to be started."""
    state = instance_state(instance_status) if _is_ours(instance_status, expected_instance_id) else None
    if state in INSTANCE_GONE:
        return True
    if launch_disposition == "STOPPED":
        return False
    if state in INSTANCE_STOPPED:
        return True
    if view is None or not expected_instance_id or view.launched_instance_id != expected_instance_id:
        return False
    return view.first_boot == FIRST_BOOT_STOPPED


def _is_ours(status: dict[str, Any] | None, expected: str | None) -> bool:
    return bool(status) and expected is not None and (status or {}).get("InstanceId", expected) == expected


def _identity(view: ServerView | None, status: dict[str, Any] | None, expected: str | None) -> Iterator[Fact]:
    if not expected:
        yield unknown("which instance the job launched is not known")
    elif view is None:
        yield unknown("MGN does not list this server")
    elif not view.launched_instance_id:
        yield unknown("MGN names no launched instance")
    elif view.launched_instance_id != expected:
        yield blocked(f"MGN names {view.launched_instance_id}, which our job did not launch")
    if expected and status and status.get("InstanceId", expected) != expected:
        yield blocked(f"the status is of {status['InstanceId']}, not of {expected}")


def _started(view: ServerView | None, status: dict[str, Any] | None, expected: str | None) -> Iterator[Fact]:
    yield from _identity(view, status, expected)
    if view is not None:
        if view.first_boot == FIRST_BOOT_STOPPED:
            yield blocked("MGN reports the first boot as STOPPED")
        elif view.first_boot != FIRST_BOOT_OK:
            yield unknown(f"first boot is {view.first_boot or 'not reported'}")
        if view.failed_checks:
            yield blocked(f"MGN's own checks failed: {view.failed_checks}")
    state = instance_state(status)
    if state in INSTANCE_GONE | INSTANCE_STOPPED:
        yield blocked(f"the instance is {state}")
    elif state != "running":
        yield unknown(f"the instance is {state or 'not listed by EC2'}")
    else:
        yield from _status_checks(status or {})


def _status_checks(status: dict[str, Any]) -> Iterator[Fact]:
    checks = dict(_STATUS_CHECKS)
    if status.get("AttachedEbsStatus"):  # Only given where EC2 has this check.
        checks["AttachedEbsStatus"] = "attached EBS status"
    for member, name in checks.items():
        found = (status.get(member) or {}).get("Status")
        if found == STATUS_BAD:
            yield blocked(f"{name} is impaired")
        elif found != STATUS_OK:
            yield unknown(f"{name} is {found or 'not given'}")
    if not status.get("InstanceId"):
        yield unknown("the status names no instance")


def _stopped(view: ServerView | None, status: dict[str, Any] | None, expected: str | None) -> Iterator[Fact]:
    yield from _identity(view, status, expected)
    if instance_state(status) == "stopping":
        yield unknown("the instance is stopping")
    # STOPPED is what MGN reports for such a launch; SUCCEEDED when it booted once and was stopped again.
    if view is not None and view.first_boot not in {FIRST_BOOT_STOPPED, FIRST_BOOT_OK}:
        yield unknown(f"first boot is {view.first_boot or 'not reported'}")
