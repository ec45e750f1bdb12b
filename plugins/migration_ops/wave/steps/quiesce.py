"""Stops the source's services before the final sync, and starts them again when the cutover is undone.

MGN never stops a source server, and what is written there after the cutover is lost; so the conf may name commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from migration_ops.aws.mgn.hook import classified
from migration_ops.aws.run_command import SSM_RUNNING, command_status, send_command
from migration_ops.core.errors import StepFailedError, StepTimedOutError
from migration_ops.ledger.protocol import Record
from migration_ops.wave.permission import require_permitted, taken_up
from migration_ops.wave.records import records_of, wait_until, write
from migration_ops.wave.rules.standing import standing_of
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.waits.carry import document_of, seconds
from migration_ops.wave.waits.outcome import Done, Outcome, Wait

# The source is, or may be, not running as before: a rollback undoes it.
_STOPPED = frozenset({"INTENDED", "STOPPING", "STOPPED", "STOP_FAILED", "UNDO_FAILED"})
_DO = ("INTENDED", "STOPPING", "STOPPED", "STOP_FAILED")
_UNDO = ("UNDO_INTENDED", "STARTING", "STARTED", "UNDO_FAILED")


@dataclass(frozen=True)
class QuiesceCarry:
    """:param deadline: epoch seconds until which every command must have ended."""

    deadline: float | None = None

    def as_document(self) -> dict[str, Any]:
        return document_of(deadline=self.deadline)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """:raises InvalidInputError: a key of another type; see ``wave/waits/carry.py``."""
        return cls(seconds(document, "deadline"))


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when the commands succeeded on every source server of the application.

    What was stopped is written to the ledger before it is stopped, with the commands that undo it. A step that starts
    afresh stops it again: somebody may have started the source since, and the commands must bear repetition.

    :raises StepFailedError: a command failed; the source may be half stopped, the rollback undoes it.
    :raises GateShut: its cutover may not begin now (``require_permitted``); nothing was stopped.
    """
    app, spec = inp.application, inp.conf.quiesce
    if spec is None:
        return Done({"appName": app.app_name, "passed": "no quiesce in the conf"})
    todo = [record for record in taken_up(services, inp, "quiesce") if _is_to_stop(record)]
    deadline = inp.carried(QuiesceCarry).deadline or services.epoch() + 60 * spec.timeout_minutes
    missing = [r.source_server_id for r in todo if r.source_server_id not in spec.instance_ids]
    if missing:
        raise StepFailedError("quiesce names no managed instance for these servers", servers=missing)
    if todo and inp.resumed is None:
        require_permitted(services, inp, "quiesce")
    for record in todo:
        fact = record.facts.get("quiesce") or {}
        if inp.resumed is not None or (fact.get("state") == "STOPPING" and fact.get("runId") == services.holder.run_id):
            continue
        instance = spec.instance_ids[record.source_server_id]
        fact = {
            "state": "INTENDED",
            "runId": services.holder.run_id,
            "instanceId": instance,
            "documentName": spec.document_name,
            "undoCommands": list(spec.undo_commands),
        }
        _remember(services, record, fact, "quiesce intended")
    return _drive(services, inp, deadline, "quiesce", list(spec.commands), _DO) or Done(
        {"appName": app.app_name, "quiesced": [record.source_server_id for record in todo]}
    )


def _is_to_stop(record: Record) -> bool:
    """A launch that is on its way is followed, its source is left alone."""
    standing = standing_of(record)
    return standing.acts("quiesce") and not standing.launching


def undo(services: Services, inp: StepInput, records: list[Record], deadline: float) -> Wait | None:
    """The next wait on the way to a running source; None when nothing was stopped or all runs again.

    :raises StepFailedError: an undo command failed: the source is not running as before.
    """
    stopped = [r for r in records if (r.facts.get("quiesce") or {}).get("state") in _STOPPED]
    for record in stopped:
        fact = {**record.facts["quiesce"], "state": "UNDO_INTENDED", "commandId": None}
        _remember(services, record, fact, "undo of quiesce intended")
    return _drive(services, inp, deadline, "undo of quiesce", None, _UNDO)


def _drive(
    services: Services,
    inp: StepInput,
    deadline: float,
    what: str,
    commands: list[str] | None,
    states: tuple[str, str, str, str],
) -> Wait | None:
    """Sends what is only intended, looks at what runs, and waits while something does."""
    intended, running, over, failed = states
    busy: list[str] = []
    for record in records_of(services, inp.application):
        fact = record.facts.get("quiesce") or {}
        if fact.get("state") == intended:
            _send(services, record, fact, commands or fact["undoCommands"], running, what)
            busy.append(record.source_server_id)
        elif fact.get("state") == running and not _is_over(services, record, fact, over, failed, what):
            busy.append(record.source_server_id)
    if not busy:
        return None
    if services.epoch() >= deadline:
        raise StepTimedOutError(f"{what} did not end in time", servers=busy)
    at = services.epoch() + services.settings.check_poll_seconds
    why = f"{what} of {inp.application.app_name}: {busy}"
    return wait_until(services, at, why, deadline, QuiesceCarry(deadline))


def _send(services: Services, record: Record, fact: dict[str, Any], commands: list[str], state: str, what: str) -> None:
    """Commands of this kind must bear repetition: a lost answer sends them again, unlike a launch."""
    with classified(mutating=False):
        command = send_command(services.client("ssm"), fact["instanceId"], commands, what, fact["documentName"])
    _remember(services, record, {**fact, "state": state, "commandId": command}, f"{what} sent")


def is_stopped(record: Record) -> bool:
    """The source was stopped for its cutover, or may have been, and was not started again."""
    return (record.facts.get("quiesce") or {}).get("state") in {*_STOPPED, "UNDO_INTENDED", "STARTING"}


def _is_over(services: Services, record: Record, fact: dict[str, Any], over: str, failed: str, what: str) -> bool:
    with classified(mutating=False):
        status, detail = command_status(services.client("ssm"), fact["commandId"], fact["instanceId"])
    if status in SSM_RUNNING:
        return False
    if status != "Success":
        _remember(services, record, {**fact, "state": failed}, f"{what} failed")
        raise StepFailedError(f"{what} failed on {fact['instanceId']}", status=status, detail=detail)
    _remember(services, record, {**fact, "state": over}, f"{what} succeeded")
    return True


def _remember(services: Services, record: Record, fact: dict[str, Any], event: str) -> None:
    changed = record.to(record.phase, facts={**record.facts, "quiesce": fact})
    write(services, [record], [changed], event, {key: value for key, value in fact.items() if key != "undoCommands"})
