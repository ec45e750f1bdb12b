"""The source servers and the commands that stop and start what runs on them (SSM Run Command), in memory."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from include.simulation.faults import ReadKind
from include.simulation.table import client_error
from include.simulation.world import World

STOP, START = "systemctl stop app", "systemctl start app"
REACHES_SOURCE_SECONDS = 3.0
ENDS_SECONDS = 20.0


@dataclass
class Source:
    """One source server: whether the application on it writes."""

    server_id: str
    is_running: bool = True
    changes: list[tuple[float, bool]] = field(default_factory=list)


@dataclass
class _Command:
    instance_id: str
    commands: list[str]
    sent_at: float
    fails: bool


class SimulatedSsm:
    """The calls of ``boto3.client("ssm")`` that a wave makes.

    :param sources: by managed instance id.
    :param failure_share: how many of the commands fail on the source, half done.
    """

    def __init__(
        self, world: World, sources: dict[str, Source], dice: random.Random, failure_share: float = 0.0
    ) -> None:
        self._world, self.sources, self._dice, self._failure_share = world, sources, dice, failure_share
        self._commands: dict[str, _Command] = {}
        self.calendar_is_open = True

    def send_command(
        self,
        *,
        InstanceIds: list[str],
        DocumentName: str,
        Comment: str,
        Parameters: dict[str, list[str]],
    ) -> dict[str, Any]:
        [instance_id] = InstanceIds
        source = self.sources.get(instance_id)
        if source is None:
            raise client_error("InvalidInstanceId", "SendCommand")
        commands = list(Parameters["commands"])

        def execute() -> str:
            command_id = f"command-{len(self._commands) + 1}"
            fails = self._failure_share > 0 and self._dice.random() < self._failure_share
            self._commands[command_id] = _Command(instance_id, commands, self._world.clock.now(), fails)
            reaches = self._world.clock.now() + REACHES_SOURCE_SECONDS
            self._world.later(reaches, lambda: self._reach(source, commands))
            return command_id

        return {"Command": {"CommandId": self._world.send("ssm", "SendCommand", [source.server_id], execute)}}

    def _reach(self, source: Source, commands: list[str]) -> None:
        """Also a command that will fail may have stopped what it was to stop."""
        for command in commands:
            if command in (STOP, START):
                source.is_running = command == START
                source.changes.append((self._world.clock.now(), source.is_running))
                self._world.note(f"{source.server_id} {'runs' if source.is_running else 'is stopped'}", "source")

    def get_command_invocation(self, *, CommandId: str, InstanceId: str) -> dict[str, Any]:
        def answer(kind: ReadKind | None) -> dict[str, Any]:
            command = self._commands.get(CommandId)
            if command is None or command.instance_id != InstanceId or kind is ReadKind.ABSENT:
                raise client_error("InvocationDoesNotExist", "GetCommandInvocation")
            age = self._world.clock.now() - command.sent_at
            if age < 1.0:
                raise client_error("InvocationDoesNotExist", "GetCommandInvocation")
            over = "Failed" if command.fails else "Success"
            return {"Status": over if age >= ENDS_SECONDS else "InProgress", "StandardErrorContent": ""}

        found: dict[str, Any] = self._world.read("GetCommandInvocation", answer)
        return found

    def get_calendar_state(self, *, CalendarNames: list[str], **_: Any) -> dict[str, Any]:
        def answer(kind: ReadKind | None) -> dict[str, Any]:
            return {} if kind else {"State": "OPEN" if self.calendar_is_open else "CLOSED"}

        found: dict[str, Any] = self._world.read("GetCalendarState", answer)
        return found
