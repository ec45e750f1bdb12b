"""Commands on source servers, recorded in the ledger: sent, found again, followed, cancelled when nobody waits.

The fact ``quiesce`` of a record holds the state. A stop and its undo never run at the same time: an earlier command
that may still run is cancelled, and must have ended, before another is sent to the same server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from migration_ops.aws.mgn.hook import classified
from migration_ops.aws.run_command import (
    SSM_RUNNING,
    SUCCESS,
    CommandRequest,
    cancel_command,
    command_status,
    commands_with,
    send_command,
)
from migration_ops.core.errors import MigrationError, StepFailedError, StepTimedOutError
from migration_ops.ledger.protocol import Record
from migration_ops.wave.command_targets import Target
from migration_ops.wave.records import write
from migration_ops.wave.services import Services

FACT = "quiesce"


@dataclass(frozen=True)
class Course:
    """The states through which one kind of command goes.

    :param unknown: it was cancelled, and whether it ran is not known.
    """

    what: str
    intended: str
    running: str
    over: str
    failed: str
    unknown: str


STOP = Course("quiesce", "INTENDED", "STOPPING", "STOPPED", "STOP_FAILED", "STOP_UNKNOWN")
START = Course("undo of quiesce", "UNDO_INTENDED", "STARTING", "STARTED", "UNDO_FAILED", "UNDO_UNKNOWN")
# What was sent has ended; in every other state it may still begin or run.
_ENDED = frozenset({STOP.over, STOP.failed, START.over, START.failed})
_STARTS = frozenset({START.intended, START.running, START.over, START.failed, START.unknown})
_STARTS_KEPT = 10


def fact_of(record: Record) -> dict[str, Any]:
    return dict(record.facts.get(FACT) or {})


def state_of(record: Record) -> str | None:
    return fact_of(record).get("state")


def intend(services: Services, record: Record, course: Course, **known: Any) -> Record:
    """Writes what is going to be sent, before it is sent, with all earlier commands that may still run."""
    before, token = fact_of(record), uuid4().hex
    starts = _start_tokens(before)
    awaits = _possibly_running(services, before)
    if course is STOP:
        awaits |= dict.fromkeys(_of_starts(services, before), str(before.get("instanceId")))
    fact = {
        **before,
        **known,
        "state": course.intended,
        "commandId": None,
        "token": token,
        "awaits": awaits,
        "startTokens": [*starts, token] if course is START else starts,
        "startCommands": sorted({*before.get("startCommands", []), *awaits}) if course is STOP else [],
    }
    return remember(services, record, fact, f"{course.what} intended")


def send(
    services: Services, record: Record, course: Course, target: Target, commands: Iterable[str], deadline: float
) -> Record:
    """Sends the commands; they neither begin nor run after the deadline (epoch seconds), within SSM's own limits.

    The commands must be safe to repeat: the SDK may send them twice when an answer is lost.
    """
    fact, left = fact_of(record), deadline - services.epoch()
    request = CommandRequest(
        instance_id=target.instance_id,
        commands=tuple(commands),
        document=target.document,
        comment=f"{course.what} {fact.get('token') or ''}".strip(),
        timeout_seconds=left,
        execution_seconds=left if target.is_limited else None,
    )
    with classified(mutating=False):
        command = send_command(services.client("ssm"), request)
    sent = {**fact, "state": course.running, "commandId": command, "documentName": target.document}
    return remember(services, record, sent, f"{course.what} sent")


def adopt(services: Services, record: Record, course: Course) -> Record | None:
    """The record with the command that a task sent before it died; None when SSM shows no such command."""
    fact = fact_of(record)
    found = _found(services, fact)
    if not found:
        return None
    adopted = {**fact, "state": course.running, "commandId": found[0]}
    return remember(services, record, adopted, f"{course.what} found again")


def follow(services: Services, record: Record, course: Course) -> bool:
    """Whether the command succeeded; False while it runs.

    :raises StepFailedError: it ended in another way; the ledger says so.
    """
    fact = fact_of(record)
    with classified(mutating=False):
        status, detail = command_status(services.client("ssm"), fact["commandId"], fact["instanceId"])
    if status in SSM_RUNNING:
        return False
    if status != SUCCESS:
        remember(services, record, {**fact, "state": course.failed}, f"{course.what} failed", status=status)
        raise StepFailedError(f"{course.what} failed on {fact['instanceId']}", status=status, detail=detail)
    remember(services, record, {**fact, "state": course.over}, f"{course.what} succeeded")
    return True


def settled(services: Services, record: Record) -> Record | None:
    """The record when no earlier command runs any more; None while one does, which is cancelled."""
    fact = fact_of(record)
    if not fact.get("awaits"):
        return record
    ended = {}
    for command, instance in fact["awaits"].items():
        with classified(mutating=False):
            status = _cancelled(services, command, instance)
        if status not in SSM_RUNNING:
            ended[command] = status
    left = {command: instance for command, instance in fact["awaits"].items() if command not in ended}
    if ended:
        record = remember(services, record, {**fact, "awaits": left}, "earlier commands ended", ended=ended)
    return None if left else record


def _cancelled(services: Services, command: str, instance: str) -> str:
    """The status of a command; one that has not ended is cancelled first."""
    ssm = services.client("ssm")
    status, _ = command_status(ssm, command, instance)
    if status not in SSM_RUNNING or status == "Cancelling":
        return status
    if not cancel_command(ssm, command, instance):
        return "not known to SSM"
    return command_status(ssm, command, instance)[0]


def give_up(services: Services, records: Iterable[Record], course: Course) -> None:
    """Cancels what still runs at the deadline, and writes the result.

    :raises StepTimedOutError: not all of them turn out to have succeeded.
    """
    outcomes = {record.source_server_id: _given_up(services, record, course) for record in records}
    if set(outcomes.values()) != {SUCCESS}:
        raise StepTimedOutError(f"{course.what} did not end in time", servers=list(outcomes), cancelled=outcomes)


def _given_up(services: Services, record: Record, course: Course) -> str:
    fact = fact_of(record)
    if fact.get("state") != course.running:
        return f"not sent: earlier commands have not ended ({', '.join(fact.get('awaits') or [])})"
    error: MigrationError | None = None
    status = "Unknown"
    try:
        with classified(mutating=False):
            ssm = services.client("ssm")
            cancel_command(ssm, fact["commandId"], fact["instanceId"])
    except MigrationError as caught:
        error = caught
    try:
        with classified(mutating=False):
            status, _ = command_status(services.client("ssm"), fact["commandId"], fact["instanceId"])
    except MigrationError as caught:
        error = error or caught
    states: Mapping[str, str] = {SUCCESS: course.over, "Unknown": course.unknown}
    state = states.get(status, course.unknown if status in SSM_RUNNING else course.failed)
    event = f"{course.what} succeeded" if state == course.over else f"{course.what} cancelled"
    detail = {"status": status} | ({"cancelRefused": str(error)} if error else {})
    remember(services, record, {**fact, "state": state}, event, **detail)
    return f"{status}, cancel was refused: {error}" if error and state != course.over else status


def started_since(services: Services, record: Record) -> list[str]:
    """
    Commands that start the source again and were not there yet when its stop was sent.

    A start whose answer was lost is sent again, and the first one may take effect long after the second.

    :raises MigrationError: SSM could not be asked.
    """
    fact = fact_of(record)
    if fact.get("state") != STOP.over:
        return []
    known = set(fact.get("startCommands") or [])
    return sorted(set(_of_starts(services, fact)) - known)


def remember(services: Services, record: Record, fact: dict[str, Any], event: str, **detail: Any) -> Record:
    """Writes the fact. The history line has all of it except the undo commands."""
    changed = record.to(record.phase, facts={**record.facts, FACT: fact})
    shown = {key: value for key, value in fact.items() if key != "undoCommands"}
    return write(services, [record], [changed], event, {**shown, **detail})[0]


def _possibly_running(services: Services, fact: dict[str, Any]) -> dict[str, str]:
    """Commands of the fact that are not known to have ended: managed instance id by command id."""
    if not fact or fact.get("state") in _ENDED:
        return {}
    sent = [fact.get("commandId"), *_found(services, fact)]
    return {**(fact.get("awaits") or {}), **{str(one): str(fact["instanceId"]) for one in sent if one}}


def _start_tokens(fact: Mapping[str, Any]) -> list[str]:
    """Tokens of the start commands sent to the source; each may have reached SSM more than once."""
    tokens = list(fact.get("startTokens") or [])
    # Written by an earlier version: the fact names its last command only.
    if not tokens and fact.get("token") and fact.get("state") in _STARTS:
        tokens = [str(fact["token"])]
    return tokens[-_STARTS_KEPT:]


def _of_starts(services: Services, fact: Mapping[str, Any]) -> list[str]:
    tokens = _start_tokens(fact)
    if not tokens:
        return []
    with classified(mutating=False):
        ssm = services.client("ssm")
        return [one for token in tokens for one in commands_with(ssm, str(fact["instanceId"]), token)]


def _found(services: Services, fact: dict[str, Any]) -> list[str]:
    """Ids of the commands with the fact's token; a fact of an earlier version has no token."""
    if not fact.get("token"):
        return []
    with classified(mutating=False):
        return commands_with(services.client("ssm"), fact["instanceId"], fact["token"])
