"""The conf's own checks of a launched instance: http, tcp and ssm. Each answers OK, BLOCKED or UNKNOWN."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from migration_ops.aws.errors import SDK_ERRORS, to_aws_error
from migration_ops.aws.mgn.hook import chunks, classified
from migration_ops.aws.run_command import SSM_RUNNING, CommandRequest, cancel_command, command_status, send_command
from migration_ops.core.batches import side_by_side
from migration_ops.core.errors import BlockedError, InvalidInputError, MigrationError, StepFailedError
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.integrations.instance_http import HttpQuestion, NoAnswerError, status_of
from migration_ops.ledger.protocol import Record
from migration_ops.wave.check_document import document_of_check
from migration_ops.wave.conf.http_target import HttpTarget, target_of
from migration_ops.wave.plan.plan import PlannedApplication
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.waits.feeds import MAX_FILTER_VALUES

_NO_ADDRESS = {"privateIp": "", "publicIp": "", "platform": ""}
# In place of a command id: the command succeeded and is not run again in later rounds.
_PASSED = "passed"
# Threads: most of the time they only wait, for example for a firewall that drops packets.
PARALLEL_CHECKS = 64
# A check that was not begun by then is UNKNOWN in this round. Far below the execution timeout of the task.
ROUND_SECONDS = 600.0

Spec = dict[str, Any]


class CheckRefusedError(StepFailedError):
    """A check of the conf may not be run at all; waiting does not change that."""

    code = "CHECK_REFUSED"
    hint = (
        "A check that would not ask the new instance: trigger a new run whose conf has it in parts (docs/conf.md). A "
        "document that is not allowed: have it allowed (MIGRATION_OPS_SSM_DOCUMENTS), then clear this task with "
        "downstream."
    )


class _NotAskedError(Exception):
    """:param result: says why it is not asked."""

    def __init__(self, result: GateResult) -> None:
        super().__init__(result.reason)
        self.result = result


@dataclass(frozen=True)
class Round:
    """One round of all checks.

    :param checks: one per check and instance that has a result; SSM commands that still run have none.
    :param commands: for the next round: the SSM command that was sent, by instance and number of the check.
    :param running: the SSM commands without a result yet, with the reason, by the check's name and instance.
    :param refused: the checks that may not be run, with the reason, by name and subject.
    """

    checks: list[GateResult]
    commands: dict[str, str] = field(default_factory=dict)
    running: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        """SSM commands run."""
        return bool(self.running)


@dataclass(frozen=True)
class _Answer:
    """The answer of one check of one instance; ``result`` is None while its SSM command runs."""

    result: GateResult | None
    key: str
    command: str = ""
    is_refused: bool = False


def require_askable(app: PlannedApplication) -> None:
    """
    Asks nothing: it is called before an instance is waited for.

    :raises CheckRefusedError: an http check would not ask the new instance; a plan of an earlier version may hold one.
    """
    refused: dict[str, str] = {}
    for number, spec in enumerate(app.checks):
        try:
            if spec["type"] == "http":
                _target_of(spec, GateResult("http", f"check {number + 1}", Verdict.BLOCKED))
        except _NotAskedError as error:
            refused[f"http {error.result.subject}"] = error.result.reason
    require_none_refused(refused, app.app_name)


def require_none_refused(refused: dict[str, str], app_name: str) -> None:
    """:raises CheckRefusedError: some are; its ``reasons`` say why."""
    if refused:
        raise CheckRefusedError(f"checks of {app_name} may not be asked", appName=app_name, reasons=refused)


def run_all(services: Services, inp: StepInput, records: list[Record], sent: dict[str, str]) -> Round:
    """Runs every check on every instance once, side by side; an SSM check that has passed stays passed.

    The results are in the order of the records and their checks.

    :param sent: ``commands`` of the round before; empty in the first.
    """
    specs = inp.application.checks
    if not specs:
        return Round([])
    ends_at = time.monotonic() + ROUND_SECONDS
    addresses = _addresses(services, [str(record.instance_id) for record in records])
    if any(spec["type"] == "ssm" for spec in specs):
        # Clients are built lazily and building is not thread-safe: it is built before the others share it.
        services.client("ssm")
    groups: list[list[tuple[str, Spec, dict[str, str]]]] = []
    for record in records:
        instance = str(record.instance_id)
        about = {"instanceId": instance, **addresses.get(instance, _NO_ADDRESS)}
        numbered = [(f"{instance}/{number}", spec, about) for number, spec in enumerate(specs)]
        groups += [[one] for one in numbered if one[1]["type"] != "ssm"]
        # The SSM checks of an instance run one after the other: SSM throttles per account.
        groups.append([one for one in numbered if one[1]["type"] == "ssm"])
    groups = [one for one in groups if one]

    def run_group(group: list[tuple[str, Spec, dict[str, str]]]) -> list[_Answer]:
        return [_run(services, *one, sent.get(one[0], ""), ends_at) for one in group]

    answers = {one.key: one for found in side_by_side(groups, run_group, PARALLEL_CHECKS) for one in found}
    return _round([answers[f"{r.instance_id}/{number}"] for r in records for number in range(len(specs))])


def _round(answers: list[_Answer]) -> Round:
    commands = {one.key: one.command for one in answers if one.command}
    running = {f"ssm {one.key}": f"command {one.command} still runs" for one in answers if one.result is None}
    results = [one.result for one in answers if one.result is not None]
    refused = {f"{one.result.name} {one.key}": one.result.reason for one in answers if one.result and one.is_refused}
    return Round(results, commands, running, refused)


def _run(services: Services, key: str, spec: Spec, about: dict[str, str], command: str, ends_at: float) -> _Answer:
    kind = str(spec["type"])
    if command != _PASSED and time.monotonic() >= ends_at:
        reason = "there was no time left for it in this round of checks"
        return _Answer(GateResult(kind, about["instanceId"], Verdict.UNKNOWN, reason=reason), key, command)
    try:
        if kind == "ssm":
            return _ssm(services, spec, about, key, command)
        check: Callable[[Services, Spec, dict[str, str]], GateResult] = _http if kind == "http" else _tcp
        return _Answer(check(services, spec, about), key)
    except _NotAskedError as error:
        return _Answer(error.result, key, is_refused=True)


def _addresses(services: Services, instance_ids: list[str]) -> dict[str, dict[str, str]]:
    """Private and public address per instance (EC2 DescribeInstances)."""
    found: dict[str, dict[str, str]] = {}
    for chunk in chunks(instance_ids, MAX_FILTER_VALUES):
        filters = [{"Name": "instance-id", "Values": chunk}]
        with classified(mutating=False):
            for page in services.client("ec2").get_paginator("describe_instances").paginate(Filters=filters):
                for instance in (one for reservation in page["Reservations"] for one in reservation["Instances"]):
                    found[instance["InstanceId"]] = {
                        "privateIp": instance.get("PrivateIpAddress") or "",
                        "publicIp": instance.get("PublicIpAddress") or "",
                        # EC2 gives Platform for Windows only.
                        "platform": instance.get("PlatformDetails") or instance.get("Platform") or "Linux/UNIX",
                    }
    return found


def _http(services: Services, spec: Spec, about: dict[str, str]) -> GateResult:
    nothing = GateResult("http", about["instanceId"], Verdict.UNKNOWN, None, spec.get("status", 200))
    target = _target_of(spec, nothing)
    needed = f"{{{target.address}}}{target.path}"
    missing = [name for name, value in about.items() if not value and f"{{{name}}}" in needed]
    if missing:
        return replace(nothing, reason=f"EC2 shows no {' and no '.join(missing)} of the instance")
    address = about[target.address]
    malformed = _malformed(services, nothing, address)
    if malformed is not None:
        return malformed
    question = HttpQuestion(
        target.scheme, address, target.port, target.path.format(**about), target.host, target.verify_tls
    )
    try:
        status = status_of(question, services.settings.check_timeout_seconds)
    except NoAnswerError as error:
        return GateResult("http", question.url, Verdict.BLOCKED, None, target.status, str(error))
    good = status == target.status
    reason = "" if good else f"answered {status}, expected {target.status}"
    return GateResult("http", question.url, Verdict.OK if good else Verdict.BLOCKED, status, target.status, reason)


def _target_of(spec: Spec, nothing: GateResult) -> HttpTarget:
    """:raises _NotAskedError: the check would not ask the new instance."""
    try:
        return target_of(spec)
    except InvalidInputError as error:
        why = f"{error.message}: {error.context['why']}"
        raise _NotAskedError(replace(nothing, verdict=Verdict.BLOCKED, reason=f"not asked: {why}")) from error


def _malformed(services: Services, nothing: GateResult, address: str) -> GateResult | None:
    """An UNKNOWN result when the address is malformed; None when it can be asked.

    :raises _NotAskedError: it is an address that may not be asked.
    """
    try:
        why = services.address_refusal(address)
    except ValueError:
        return replace(nothing, reason=f"EC2 gives an address that is malformed: {address[:64]!r}")
    if why:
        raise _NotAskedError(replace(nothing, verdict=Verdict.BLOCKED, reason=f"not asked: {why}"))
    return None


def _tcp(services: Services, spec: Spec, about: dict[str, str]) -> GateResult:
    address, port = about.get("privateIp", ""), int(spec["port"])
    subject = f"{address}:{port}"
    nothing = GateResult("tcp", about["instanceId"], Verdict.UNKNOWN, None, port)
    if not address:
        return replace(nothing, reason="EC2 shows no private address")
    malformed = _malformed(services, nothing, address)
    if malformed is not None:
        return malformed
    try:
        socket.create_connection((address, port), timeout=services.settings.check_timeout_seconds).close()
    except OSError as error:
        return GateResult("tcp", subject, Verdict.BLOCKED, None, port, f"{subject} is not reachable: {error}")
    return GateResult("tcp", subject, Verdict.OK, port, port)


def _ssm(services: Services, spec: Spec, about: dict[str, str], key: str, command: str) -> _Answer:
    """Sends the commands once, then asks for their result; a failed command is sent again in the next round.

    :raises _NotAskedError: the installation does not allow the document.
    """
    instance_id = about["instanceId"]
    result = GateResult("ssm", instance_id, Verdict.OK, "Success", "Success")
    if command == _PASSED:
        return _Answer(result, key, _PASSED)
    ssm = services.client("ssm")
    try:
        if not command:
            document = document_of_check(services, spec, instance_id, about["platform"])
            seconds = 60 * services.settings.verify_timeout_minutes
            request = CommandRequest(instance_id, tuple(spec["commands"]), document, "migration check", seconds)
            return _Answer(None, key, send_command(ssm, request))
        status, detail = command_status(ssm, command, instance_id)
    except BlockedError as error:
        raise _NotAskedError(replace(result, verdict=Verdict.BLOCKED, value=None, reason=error.message)) from error
    except (MigrationError, *SDK_ERRORS) as error:
        why = error if isinstance(error, MigrationError) else to_aws_error(error, mutating=False)
        return _Answer(replace(result, verdict=Verdict.UNKNOWN, value=None, reason=str(why)), key)
    if status in SSM_RUNNING:
        return _Answer(None, key, command)
    if status == "Success":
        return _Answer(result, key, _PASSED)
    return _Answer(replace(result, verdict=Verdict.BLOCKED, value=status, reason=detail or status), key)


def cancel_running(services: Services, commands: dict[str, str]) -> None:
    """Cancels the SSM commands that nobody waits for any more; one that cannot be cancelled ends by its own time limit.

    :param commands: of the last round.
    """
    for key, command in commands.items():
        if command == _PASSED:
            continue
        try:
            cancel_command(services.client("ssm"), command, key.split("/")[0])
        except SDK_ERRORS as error:
            services.log.warning("command %s is not cancelled: %s", command, to_aws_error(error, mutating=False))
