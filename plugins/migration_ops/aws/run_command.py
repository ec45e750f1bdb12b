"""Run Command on managed instances: send, and read the result (SSM SendCommand, GetCommandInvocation)."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

SSM_RUNNING = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})


def send_command(
    ssm: Any, instance_id: str, commands: list[str], comment: str, document: str = "AWS-RunShellScript"
) -> str:
    """Sends the commands to one instance; returns the command id."""
    answer = ssm.send_command(
        InstanceIds=[instance_id], DocumentName=document, Comment=comment[:100], Parameters={"commands": commands}
    )
    return str(answer["Command"]["CommandId"])


def command_status(ssm: Any, command_id: str, instance_id: str) -> tuple[str, str]:
    """Status and the first 300 characters of the error output.

    Right after SendCommand the invocation may not exist yet; that reads as Pending, not as an error.
    """
    try:
        answer = ssm.get_command_invocation(CommandId=command_id, InstanceId=instance_id)
    except ClientError as error:
        if error.response["Error"]["Code"] == "InvocationDoesNotExist":
            return "Pending", ""
        raise
    return str(answer["Status"]), str(answer.get("StandardErrorContent") or "")[:300]
