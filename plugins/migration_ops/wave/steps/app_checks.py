"""The conf's own checks of a launched instance: http, tcp and ssm. Each answers OK, BLOCKED or UNKNOWN."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any

import requests

from migration_ops.aws.errors import SDK_ERRORS, to_aws_error
from migration_ops.aws.mgn.hook import classified
from migration_ops.aws.run_command import SSM_RUNNING, CommandRequest, cancel_command, command_status, send_command
from migration_ops.core.errors import MigrationError
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.ledger.protocol import Record
from migration_ops.wave.check_document import document_of_check
from migration_ops.wave.services import Services, StepInput

_NO_ADDRESS = {"privateIp": "", "publicIp": "", "platform": ""}
# In place of a command id: it succeeded, and is not run again while others are still awaited.
_PASSED = "passed"


@dataclass(frozen=True)
class Round:
    """One round of all checks.

    :param checks: one per check and instance that has a result; SSM commands that still run have none.
    :param is_running: SSM commands run.
    :param commands: for the next round: the SSM command that was sent, by instance and number of the check.
    """

    checks: list[GateResult]
    is_running: bool = False
    commands: dict[str, str] = field(default_factory=dict)


def run_all(services: Services, inp: StepInput, records: list[Record], sent: dict[str, str]) -> Round:
    """Runs every check on every instance once; an SSM check that has passed stays passed.

    :param sent: ``commands`` of the round before, none in the first.
    """
    specs = inp.application.checks
    if not specs:
        return Round([])
    addresses = _addresses(services, [str(record.instance_id) for record in records])
    commands = dict(sent)
    checks: list[GateResult] = []
    for record in records:
        about = {"instanceId": str(record.instance_id), **addresses.get(str(record.instance_id), _NO_ADDRESS)}
        for number, spec in enumerate(specs):
            if spec["type"] == "ssm":
                checks += _ssm(services, spec, about, f"{record.instance_id}/{number}", commands)
            else:
                checks.append(_http(services, spec, about) if spec["type"] == "http" else _tcp(services, spec, about))
    kept = {key: value for key, value in commands.items() if value}
    return Round(checks, any(value != _PASSED for value in kept.values()), kept)


def _addresses(services: Services, instance_ids: list[str]) -> dict[str, dict[str, str]]:
    """Private and public address per instance (EC2 DescribeInstances)."""
    found: dict[str, dict[str, str]] = {}
    filters = [{"Name": "instance-id", "Values": instance_ids}]
    with classified(mutating=False):
        for page in services.client("ec2").get_paginator("describe_instances").paginate(Filters=filters):
            for instance in (one for reservation in page["Reservations"] for one in reservation["Instances"]):
                found[instance["InstanceId"]] = {
                    "privateIp": instance.get("PrivateIpAddress") or "",
                    "publicIp": instance.get("PublicIpAddress") or "",
                    # Platform is empty for all but Windows.
                    "platform": instance.get("PlatformDetails") or instance.get("Platform") or "Linux/UNIX",
                }
    return found


def _http(services: Services, spec: dict[str, Any], about: dict[str, str]) -> GateResult:
    expected = spec.get("status", 200)
    missing = [name for name, value in about.items() if not value and f"{{{name}}}" in spec["url"]]
    if missing:
        reason = f"EC2 shows no {' and no '.join(missing)} of the instance"
        return GateResult("http", about["instanceId"], Verdict.UNKNOWN, None, expected, reason)
    url = spec["url"].format(**about)
    session = requests.Session()
    # A proxy from the environment would answer in place of the instance.
    session.trust_env = False
    try:
        answer = session.get(url, timeout=services.settings.check_timeout_seconds, allow_redirects=False, stream=True)
    except requests.RequestException as error:
        return GateResult("http", url, Verdict.BLOCKED, None, expected, f"no answer: {type(error).__name__}")
    finally:
        # The body is not read (stream): one that never ends must not hold the task.
        session.close()
    good = answer.status_code == expected
    reason = "" if good else f"answered {answer.status_code}, expected {expected}"
    return GateResult("http", url, Verdict.OK if good else Verdict.BLOCKED, answer.status_code, expected, reason)


def _tcp(services: Services, spec: dict[str, Any], about: dict[str, str]) -> GateResult:
    address, port = about.get("privateIp", ""), int(spec["port"])
    subject = f"{address}:{port}"
    if not address:
        return GateResult("tcp", about["instanceId"], Verdict.UNKNOWN, None, port, "EC2 shows no private address")
    try:
        socket.create_connection((address, port), timeout=services.settings.check_timeout_seconds).close()
    except OSError as error:
        return GateResult("tcp", subject, Verdict.BLOCKED, None, port, f"{subject} is not reachable: {error}")
    return GateResult("tcp", subject, Verdict.OK, port, port)


def _ssm(
    services: Services, spec: dict[str, Any], about: dict[str, str], key: str, commands: dict[str, str]
) -> list[GateResult]:
    """Sends the commands once, then asks for their result; a failed command is sent anew in the next round."""
    instance_id = about["instanceId"]
    if commands.get(key) == _PASSED:
        return [GateResult("ssm", instance_id, Verdict.OK, "Success", "Success")]
    ssm = services.client("ssm")
    try:
        if not commands.get(key):
            document = document_of_check(services, spec, instance_id, about["platform"])
            seconds = 60 * services.settings.verify_timeout_minutes
            request = CommandRequest(instance_id, tuple(spec["commands"]), document, "migration check", seconds)
            commands[key] = send_command(ssm, request)
            return []
        status, detail = command_status(ssm, commands[key], instance_id)
    except (MigrationError, *SDK_ERRORS) as error:
        commands[key] = ""
        why = error if isinstance(error, MigrationError) else to_aws_error(error, mutating=False)
        return [GateResult("ssm", instance_id, Verdict.UNKNOWN, None, "Success", str(why))]
    if status in SSM_RUNNING:
        return []
    good = status == "Success"
    commands[key] = _PASSED if good else ""
    verdict, reason = (Verdict.OK, "") if good else (Verdict.BLOCKED, detail or status)
    return [GateResult("ssm", instance_id, verdict, status, "Success", reason)]


def cancel_running(services: Services, commands: dict[str, str]) -> None:
    """Cancels the SSM commands that nobody waits for any more; one that cannot be cancelled ends by its own limits.

    :param commands: of the last round.
    """
    for key, command in commands.items():
        if command == _PASSED:
            continue
        try:
            cancel_command(services.client("ssm"), command, key.split("/")[0])
        except SDK_ERRORS as error:
            services.log.warning("command %s is not cancelled: %s", command, to_aws_error(error, mutating=False))
