"""The source servers, and the commands that stop and start their application (SSM Run Command), in memory."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from include.simulation.faults import ReadKind
from include.simulation.table import client_error
from include.simulation.world import World

STOP, START = "systemctl stop app", "systemctl start app"
REACHES_SOURCE_SECONDS = 3.0
ENDS_SECONDS = 20.0


@dataclass
class Source:
    """One source server: whether its application runs, and the name and address that its agent reports."""

    server_id: str
    computer_name: str
    ip_address: str
    is_running: bool = True
    changes: list[tuple[float, bool]] = field(default_factory=list)


@dataclass
class _Command:
    instance_id: str
    commands: list[str]
    sent_at: float
    fails: bool
    comment: str = ""
    is_cancelled: bool = False


class SimulatedSsm:
    """The calls of ``boto3.client("ssm")`` that a wave makes.

    :param sources: by managed instance id.
    :param failure_share: share of commands (0 to 1) that fail on the source server, after they took effect.
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
        TimeoutSeconds: int,
    ) -> dict[str, Any]:
        [instance_id] = InstanceIds
        source = self.sources.get(instance_id)
        if source is None:
            raise client_error("InvalidInstanceId", "SendCommand")
        commands = list(Parameters["commands"])

        def execute() -> str:
            command_id = f"command-{len(self._commands) + 1}"
            fails = self._failure_share > 0 and self._dice.random() < self._failure_share
            sent = _Command(instance_id, commands, self._world.clock.now(), fails, Comment)
            self._commands[command_id] = sent
            reaches = self._world.clock.now() + REACHES_SOURCE_SECONDS
            self._world.later(reaches, lambda: self._reach(source, sent))
            return command_id

        return {"Command": {"CommandId": self._world.send("ssm", "SendCommand", [source.server_id], execute)}}

    def _reach(self, source: Source, sent: _Command) -> None:
        """The command takes effect; also one that will fail."""
        for command in () if sent.is_cancelled else sent.commands:
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
            over = "Cancelled" if command.is_cancelled else "Failed" if command.fails else "Success"
            if command.is_cancelled:
                return {"Status": over, "StandardErrorContent": ""}
            return {"Status": over if age >= ENDS_SECONDS else "InProgress", "StandardErrorContent": ""}

        found: dict[str, Any] = self._world.read("GetCommandInvocation", answer)
        return found

    def cancel_command(self, *, CommandId: str, InstanceIds: list[str]) -> dict[str, Any]:
        command = self._commands.get(CommandId)
        if command is None:
            raise client_error("InvalidCommandId", "CancelCommand")
        source = self.sources[command.instance_id]

        def execute() -> None:
            command.is_cancelled = command.is_cancelled or self._world.clock.now() - command.sent_at < ENDS_SECONDS

        self._world.send("ssm", "CancelCommand", [source.server_id], execute)
        return {}

    def get_paginator(self, operation: str) -> Any:
        """Everything is on one page."""
        return SimpleNamespace(paginate=lambda **request: [getattr(self, operation)(**request)])

    def list_commands(self, *, InstanceId: str) -> dict[str, Any]:
        def answer(kind: ReadKind | None) -> dict[str, Any]:
            mine = [(name, one) for name, one in self._commands.items() if one.instance_id == InstanceId]
            return {"Commands": [{"CommandId": name, "Comment": one.comment} for name, one in reversed(mine)]}

        found: dict[str, Any] = self._world.read("ListCommands", answer)
        return found

    def describe_instance_information(self, *, Filters: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        def answer(kind: ReadKind | None) -> dict[str, Any]:
            wanted = {} if kind is ReadKind.ABSENT else {one: self.sources.get(one) for one in Filters[0]["Values"]}
            nodes = [
                {
                    "InstanceId": name,
                    "ComputerName": source.computer_name,
                    "IPAddress": source.ip_address,
                    "PlatformType": "Linux",
                    "PingStatus": "Online",
                }
                for name, source in wanted.items()
                if source is not None
            ]
            return {"InstanceInformationList": nodes}

        found: dict[str, Any] = self._world.read("DescribeInstanceInformation", answer)
        return found

    def describe_document(self, *, Name: str) -> dict[str, Any]:
        def answer(kind: ReadKind | None) -> dict[str, Any]:
            parameters = [{"Name": "commands"}, {"Name": "executionTimeout"}]
            document = {"Name": Name, "DocumentType": "Command", "Status": "Active", "PlatformTypes": ["Linux"]}
            return {} if kind is ReadKind.ABSENT else {"Document": {**document, "Parameters": parameters}}

        found: dict[str, Any] = self._world.read("DescribeDocument", answer)
        return found

    def get_calendar_state(self, *, CalendarNames: list[str], **_: Any) -> dict[str, Any]:
        def answer(kind: ReadKind | None) -> dict[str, Any]:
            return {} if kind else {"State": "OPEN" if self.calendar_is_open else "CLOSED"}

        found: dict[str, Any] = self._world.read("GetCalendarState", answer)
        return found
