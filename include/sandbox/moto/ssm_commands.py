"""SSM's answers about managed nodes, documents and Run Command, with its refusals; see ``ssm_nodes``."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult
from moto.ssm.exceptions import InvalidDocument, ValidationException
from moto.ssm.responses import SimpleSystemManagerResponse

from include.sandbox.moto.ssm_nodes import Node, Sent, kept, nodes_of

PAGE = 50
_RUN = ("commands", "workingDirectory", "executionTimeout")
# AWS's own documents, with the platforms that they run on.
_PUBLIC = {
    "AWS-RunShellScript": ["Linux", "MacOS"],
    "AWS-RunPowerShellScript": ["Windows", "Linux", "MacOS"],
}
_DEFAULT_EXECUTION_SECONDS = 3_600


class InvalidInstanceId(ServiceException):
    code = "InvalidInstanceId"


class UnsupportedPlatformType(ServiceException):
    code = "UnsupportedPlatformType"


class InvalidParameters(ServiceException):
    code = "InvalidParameters"


class InvalidCommandId(ServiceException):
    code = "InvalidCommandId"


class InvocationDoesNotExist(ServiceException):
    code = "InvocationDoesNotExist"


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    for name, answer in _ANSWERS.items():
        setattr(SimpleSystemManagerResponse, name, answer)


_moto_describe_document = SimpleSystemManagerResponse.describe_document


def _nodes(self: Any) -> dict[str, Node]:
    return nodes_of(self.current_account, self.region)


def _sent(self: Any) -> dict[str, Sent]:
    found = kept(self.current_account, self.region)[1]
    for one in found.values():
        one.settle()
    return found


def _describe_instance_information(self: Any) -> ActionResult:
    found = list(_nodes(self).values())
    given = [(one["Key"], one["Values"]) for one in self._get_param("Filters") or []]
    given += [(one["key"], one["valueSet"]) for one in self._get_param("InstanceInformationFilterList") or []]
    for key, values in given:
        if key == "InstanceIds":
            found = [node for node in found if node.instance_id in values]
        elif key in ("PlatformTypes", "PingStatus"):
            member = {"PlatformTypes": "platform", "PingStatus": "ping_status"}[key]
            found = [node for node in found if getattr(node, member) in values]
        else:
            raise ValidationException(f"the sandbox does not know the filter {key}")
    first = int(self._get_param("NextToken") or 0)
    last = first + int(self._get_param("MaxResults") or PAGE)
    more = {"NextToken": str(last)} if last < len(found) else {}
    return ActionResult({"InstanceInformationList": [one.as_answer() for one in found[first:last]], **more})


def _describe_document(self: Any) -> ActionResult:
    name = self._get_param("Name")
    if name not in _PUBLIC:
        return _moto_describe_document(self)
    parameters = [{"Name": one, "Type": "StringList" if one == "commands" else "String"} for one in _RUN]
    document = {
        "Name": name,
        "Owner": "Amazon",
        "Status": "Active",
        "DocumentVersion": "1",
        "DefaultVersion": "1",
        "DocumentType": "Command",
        "DocumentFormat": "JSON",
        "SchemaVersion": "1.2",
        "PlatformTypes": _PUBLIC[name],
        "Parameters": parameters,
    }
    return ActionResult({"Document": document})


def _document(self: Any, name: str) -> tuple[list[str], set[str]]:
    """Platforms and parameters. :raises InvalidDocument: there is none."""
    if name in _PUBLIC:
        return _PUBLIC[name], set(_RUN)
    found = self.ssm_backend.describe_document(name, "$DEFAULT", "")
    if found.get("DocumentType") != "Command":
        raise InvalidDocument(f"{name} is of type {found.get('DocumentType')}")
    return list(found.get("PlatformTypes") or []), {one["Name"] for one in found.get("Parameters") or []}


def _send_command(self: Any) -> ActionResult:
    name, ids = self._get_param("DocumentName"), self._get_param("InstanceIds") or []
    comment, parameters = self._get_param("Comment") or "", self._get_param("Parameters") or {}
    seconds = int(self._get_param("TimeoutSeconds") or _DEFAULT_EXECUTION_SECONDS)
    if not 30 <= seconds <= 2_592_000 or len(comment) > 100 or len(ids) != 1:
        raise ValidationException("TimeoutSeconds is 30 to 2592000, a comment has up to 100 characters, one instance")
    platforms, takes = _document(self, name)
    node = _nodes(self).get(ids[0])
    if node is None:
        raise InvalidInstanceId(f"Instances [[{ids[0]}]] not in a valid state for account {self.current_account}")
    if node.platform not in platforms:
        raise UnsupportedPlatformType(f"{name} does not run on {node.platform}")
    if set(parameters) - takes or "commands" not in parameters:
        raise InvalidParameters(f"document {name} takes {sorted(takes)}")
    limit = float((parameters.get("executionTimeout") or [_DEFAULT_EXECUTION_SECONDS])[0])
    if not 1 <= limit <= 172_800:
        raise InvalidParameters("executionTimeout is 1 to 172800")
    one = Sent(node, list(parameters["commands"]), name, comment, node.now(), seconds, limit)
    kept(self.current_account, self.region)[1][one.command_id] = one
    return ActionResult({"Command": _command(one)})


def _command(one: Sent) -> dict[str, Any]:
    return {
        "CommandId": one.command_id,
        "DocumentName": one.document,
        "Comment": one.comment,
        "InstanceIds": [one.node.instance_id],
        "Status": one.status,
        "RequestedDateTime": one.sent_at,
        "TimeoutSeconds": int(one.delivery_seconds),
        "Parameters": {"commands": one.commands},
    }


def _get_command_invocation(self: Any) -> ActionResult:
    one = _sent(self).get(self._get_param("CommandId"))
    if one is None or one.node.instance_id != self._get_param("InstanceId"):
        raise InvocationDoesNotExist("")
    is_over = one.status == one.node.ends_as
    return ActionResult(
        {
            "CommandId": one.command_id,
            "InstanceId": one.node.instance_id,
            "Comment": one.comment,
            "DocumentName": one.document,
            "Status": one.status,
            "StatusDetails": one.status,
            "StandardOutputContent": one.node.output if is_over else "",
            "StandardErrorContent": one.node.error_output if is_over else "",
        }
    )


def _cancel_command(self: Any) -> EmptyResult:
    one = _sent(self).get(self._get_param("CommandId"))
    if one is None:
        raise InvalidCommandId("")
    one.cancel()
    return EmptyResult()


def _list_commands(self: Any) -> ActionResult:
    wanted, instance = self._get_param("CommandId"), self._get_param("InstanceId")
    found = [one for one in _sent(self).values() if instance in (None, one.node.instance_id)]
    listed = [one for one in found if wanted in (None, one.command_id)]
    return ActionResult({"Commands": [_command(one) for one in reversed(listed)]})


_ANSWERS = {
    "describe_instance_information": _describe_instance_information,
    "describe_document": _describe_document,
    "send_command": _send_command,
    "get_command_invocation": _get_command_invocation,
    "cancel_command": _cancel_command,
    "list_commands": _list_commands,
}
