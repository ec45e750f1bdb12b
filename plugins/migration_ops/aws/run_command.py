"""Run Command on managed instances: send, read the result, find again and cancel (SSM).

The functions raise what boto3 raises.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from migration_ops.core.redaction import redacted_text

SSM_RUNNING = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})
SUCCESS = "Success"
# SendCommand's own limits of TimeoutSeconds, and the documents' of executionTimeout.
_MIN_DELIVERY_SECONDS, _MAX_DELIVERY_SECONDS = 30, 2_592_000
_MAX_EXECUTION_SECONDS = 172_800
_SHOWN_CHARACTERS = 300
_UNKNOWN_COMMAND = "InvalidCommandId"
# Right after SendCommand there may be no invocation yet.
_NOT_YET = frozenset({"InvocationDoesNotExist", _UNKNOWN_COMMAND})


@dataclass(frozen=True)
class CommandRequest:
    """What is sent to one node.

    :param comment: cut at 100 characters; the command is found again by a token in it.
    :param timeout_seconds: how long it may wait for the agent; later it does not start any more.
    :param execution_seconds: how long it may run; None where the document takes no ``executionTimeout``.
    """

    instance_id: str
    commands: tuple[str, ...]
    document: str
    comment: str
    timeout_seconds: float
    execution_seconds: float | None = None


def send_command(ssm: Any, request: CommandRequest) -> str:
    """Sends the commands to one node; returns the command id. Times are rounded up and brought within SSM's limits."""
    parameters = {"commands": list(request.commands)}
    if request.execution_seconds is not None:
        seconds = min(max(1, math.ceil(request.execution_seconds)), _MAX_EXECUTION_SECONDS)
        parameters["executionTimeout"] = [str(seconds)]
    answer = ssm.send_command(
        InstanceIds=[request.instance_id],
        DocumentName=request.document,
        Comment=request.comment[:100],
        TimeoutSeconds=min(max(_MIN_DELIVERY_SECONDS, math.ceil(request.timeout_seconds)), _MAX_DELIVERY_SECONDS),
        Parameters=parameters,
    )
    return str(answer["Command"]["CommandId"])


def command_status(ssm: Any, command_id: str, instance_id: str) -> tuple[str, str]:
    """Status and the beginning of the error output (of the output when there is none), without secrets.

    Right after SendCommand the invocation may not exist yet; that reads as Pending, not as an error.
    """
    try:
        answer = ssm.get_command_invocation(CommandId=command_id, InstanceId=instance_id)
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_YET:
            return "Pending", ""
        raise
    output = str(answer.get("StandardErrorContent") or "").strip() or str(answer.get("StandardOutputContent") or "")
    return str(answer["Status"]), redacted_text(output.strip())[:_SHOWN_CHARACTERS]


def cancel_command(ssm: Any, command_id: str, instance_id: str) -> bool:
    """Asks SSM to cancel the command on the node. It may still run to its end: read its status afterwards.

    :return: False when SSM does not know the command: it keeps commands for 30 days.
    """
    try:
        ssm.cancel_command(CommandId=command_id, InstanceIds=[instance_id])
    except ClientError as error:
        if error.response["Error"]["Code"] == _UNKNOWN_COMMAND:
            return False
        raise
    return True


def commands_with(ssm: Any, instance_id: str, token: str) -> list[str]:
    """Ids of the node's commands whose comment contains the token (ListCommands), newest first as SSM lists them."""
    return [str(one["CommandId"]) for one in _listed(ssm, instance_id) if token in str(one.get("Comment") or "")]


def _listed(ssm: Any, instance_id: str) -> Iterator[dict[str, Any]]:
    for page in ssm.get_paginator("list_commands").paginate(InstanceId=instance_id):
        yield from page.get("Commands") or []
