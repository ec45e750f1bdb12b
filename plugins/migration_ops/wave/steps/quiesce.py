"""Stops the source's services before the final sync, and starts them again when the cutover is undone.

MGN never stops a source server, and what is written there after the final sync is lost. So the conf may name commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from migration_ops.core.errors import StepFailedError
from migration_ops.ledger.protocol import Record
from migration_ops.wave.command_targets import Target, Targets, ask_targets, targets_of_conf
from migration_ops.wave.conf.parts import QuiesceConf
from migration_ops.wave.permission import require_permitted, taken_up
from migration_ops.wave.records import records_of, wait_until
from migration_ops.wave.rules.refusals import TargetNotProvenError
from migration_ops.wave.rules.standing import standing_of
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.source_commands import (
    START,
    STOP,
    Course,
    adopt,
    fact_of,
    follow,
    give_up,
    intend,
    send,
    settled,
    state_of,
)
from migration_ops.wave.waits.carry import document_of, seconds
from migration_ops.wave.waits.outcome import Done, Outcome, Wait

# The source is, or may be, not running as before: a rollback undoes it.
_STOPPED = frozenset({STOP.intended, STOP.running, STOP.over, STOP.failed, STOP.unknown, START.failed, START.unknown})


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

    The ledger is written before a source is stopped, with the commands that undo it. A step that starts afresh stops
    the source again, as somebody may have started it since: the commands must be safe to repeat. A task that was
    killed follows the command that it sent.

    :raises StepFailedError: a command failed; the source may be half stopped, the rollback undoes it.
    :raises StepTimedOutError: a command did not end in time; it was cancelled.
    :raises GateShutError: its cutover may not begin now (``require_permitted``), or a node is not proven to be the
        source server; nothing was stopped.
    :raises ThrottledError, UnreachableError: what must be known of a node could not be read; nothing was sent.
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
    unsent = [] if inp.resumed is not None else [one for one in todo if not _was_sent(services, one)]
    targets = _proven(services, spec, unsent)
    fresh = [one for one in unsent if not _was_intended(services, one)]
    for record in fresh:
        target = targets[record.source_server_id]
        intend(
            services,
            record,
            STOP,
            runId=services.holder.run_id,
            instanceId=target.instance_id,
            documentName=target.document,
            undoCommands=list(spec.commands_for(target.platform)[1]),
        )
    drive = _Drive(services, inp, deadline, STOP, spec, targets, frozenset(one.source_server_id for one in fresh))
    return drive.on() or Done({"appName": app.app_name, "quiesced": [record.source_server_id for record in todo]})


def _is_to_stop(record: Record) -> bool:
    """A launch in progress is followed; its source is left alone."""
    standing = standing_of(record)
    return standing.acts("quiesce") and not standing.launching


def _was_sent(services: Services, record: Record) -> bool:
    fact = fact_of(record)
    return fact.get("state") == STOP.running and fact.get("runId") == services.holder.run_id


def _was_intended(services: Services, record: Record) -> bool:
    """A task of this run died at about the time when it sent the command: the command is looked for."""
    fact = fact_of(record)
    return fact.get("state") == STOP.intended and fact.get("runId") == services.holder.run_id and "token" in fact


def _proven(services: Services, spec: QuiesceConf, records: list[Record]) -> dict[str, Target]:
    """:raises TargetNotProvenError: a node is not known to be its source server, or a document cannot be used."""
    if not records:
        return {}
    asked = targets_of_conf(services, spec, [record.source_server_id for record in records])
    if len(asked.proven) < len(records):
        if asked.unread is not None:
            raise asked.unread
        raise TargetNotProvenError("quiesce may not be sent", reasons=asked.reasons)
    return asked.proven


def undo(services: Services, inp: StepInput, records: list[Record], deadline: float) -> Wait | None:
    """The next wait until the sources run again; None when nothing was stopped or all run again.

    :raises StepFailedError: an undo command failed, or its node is not proven to be the source server: the source is
        not running as before.
    :raises StepTimedOutError: a command did not end in time; it was cancelled.
    """
    stopped = [record for record in records if state_of(record) in _STOPPED]
    for record in stopped:
        intend(services, record, START)
    return _Drive(services, inp, deadline, START, fresh=frozenset(one.source_server_id for one in stopped)).on()


def is_stopped(record: Record) -> bool:
    """The source was stopped for its cutover, or may have been, and was not started again."""
    return state_of(record) in {*_STOPPED, START.intended, START.running}


@dataclass(frozen=True)
class _Drive:
    """One look between two waits: sends what is only intended, follows what runs, and waits while something runs.

    :param spec: None for the undo, whose commands are in the ledger.
    :param targets: those that were proven just now, by source server id.
    :param fresh: servers whose command cannot have been sent before.
    """

    services: Services
    inp: StepInput
    deadline: float
    course: Course
    spec: QuiesceConf | None = None
    targets: Mapping[str, Target] | None = None
    fresh: frozenset[str] = frozenset()

    def on(self) -> Wait | None:
        """:raises StepFailedError, StepTimedOutError: as ``run`` and ``undo`` say."""
        busy, ready = self._observed()
        if ready:
            targets = self._targets(ready)
            for record in ready:
                target = targets[record.source_server_id]
                busy.append(
                    send(self.services, record, self.course, target, self._commands(record, target), self.deadline)
                )
        if not busy:
            return None
        if self.services.epoch() >= self.deadline:
            give_up(self.services, busy, self.course)
            return None
        at = self.services.epoch() + self.services.settings.check_poll_seconds
        why = f"{self.course.what} of {self.inp.application.app_name}: {[one.source_server_id for one in busy]}"
        return wait_until(self.services, at, why, self.deadline, QuiesceCarry(self.deadline))

    def _observed(self) -> tuple[list[Record], list[Record]]:
        """Records that are waited for, and those whose command can be sent now."""
        busy: list[Record] = []
        ready: list[Record] = []
        for record in records_of(self.services, self.inp.application):
            state = state_of(record)
            if state == self.course.intended:
                adopted = None
                if record.source_server_id not in self.fresh:
                    adopted = adopt(self.services, record, self.course)
                free = None if adopted else settled(self.services, record)
                if free is not None:
                    ready.append(free)
                else:
                    busy.append(adopted or self._again(record))
            elif state == self.course.running and not follow(self.services, record, self.course):
                busy.append(record)
        return busy, ready

    def _again(self, record: Record) -> Record:
        """The record as it was just written."""
        found = self.services.ledger.read([record.migration_id])
        return found[record.migration_id]

    def _targets(self, ready: list[Record]) -> Mapping[str, Target]:
        known = self.targets or {}
        if all(record.source_server_id in known for record in ready):
            return known
        asked = self._asked(ready)
        if len(asked.proven) < len(ready):
            if asked.unread is not None:
                raise asked.unread
            raise StepFailedError(f"{self.course.what} may not be sent", reasons=asked.reasons)
        return asked.proven

    def _asked(self, ready: list[Record]) -> Targets:
        servers = {record.source_server_id: fact_of(record) for record in ready}
        if self.spec is not None:
            return targets_of_conf(self.services, self.spec, servers)
        named = {server: str(fact["instanceId"]) for server, fact in servers.items()}
        return ask_targets(self.services, named, lambda server, _: str(servers[server]["documentName"]))

    def _commands(self, record: Record, target: Target) -> list[str]:
        if self.spec is not None:
            return list(self.spec.commands_for(target.platform)[0])
        return list(fact_of(record)["undoCommands"])
