"""Verifies launched instances: first boot, EC2 status checks, then the conf's own checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import StepFailedError, StepTimedOutError
from migration_ops.core.states import Phase
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.job_lookup import Action
from migration_ops.wave.launching.launch_actions import action_checks, require_none_failed, worth_showing
from migration_ops.wave.launching.only_instance import only_instance_checks, require_no_second
from migration_ops.wave.permission import taken_up
from migration_ops.wave.records import (
    load_and_resume,
    require_met,
    require_reached,
    to_act,
    wait_until,
    with_phase,
    write,
)
from migration_ops.wave.rules import standing
from migration_ops.wave.rules.boot import INSTANCE_STOPPED, boot_is_lost, instance_state, judge_boot
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.steps import app_checks
from migration_ops.wave.waits.carry import document_of, seconds, texts
from migration_ops.wave.waits.feeds import instance_statuses
from migration_ops.wave.waits.outcome import Done, Outcome, Reason, Resumed, Topic, Wait


@dataclass(frozen=True)
class VerifyCarry:
    """
    :param deadline: epoch seconds until which all must be verified.
    :param commands: the SSM commands of the conf's checks, as ``app_checks.run_all`` returned them.
    """

    deadline: float | None = None
    commands: dict[str, str] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        return document_of(deadline=self.deadline, ssm=self.commands or None)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """:raises InvalidInputError: a key of another type; see ``wave/waits/carry.py``."""
        return cls(seconds(document, "deadline"), texts(document, "ssm"))


@dataclass(frozen=True)
class VerifyKind:
    """Which launch is verified, by which step, and the phase that says so."""

    step: str
    verified: Phase
    name: str
    action: Action


CUTOVER = VerifyKind("cutover_verify", Phase.CUTOVER_VERIFIED, "cutover", Action.CUTOVER)
TEST = VerifyKind("test_verify", Phase.TESTED, "test", Action.TEST)


def run_test(services: Services, inp: StepInput) -> Outcome:
    """Verifies the test instances. Done at once when no test launch was asked for."""
    if not inp.conf.test_launch:
        return Done({"appName": inp.application.app_name, "passed": "testLaunch is false"})
    return _run(services, inp, TEST)


def run_cutover(services: Services, inp: StepInput) -> Outcome:
    """Verifies the cutover instances: those that our cutover job launched, never an old test instance.

    :raises SecondInstanceError: EC2 has another instance of a server.
    :raises LaunchActionFailedError: a post-launch action of MGN that must succeed failed.
    :raises CheckRefusedError: a check of the conf may not be run.
    :raises StepFailedError: an instance is lost, or the ledger has no instance id for a server.
    :raises StepTimedOutError: boot or checks were not good in time.
    :raises GateShutError: it is held and nobody asked for it, or its rollback did not end.
    """
    return _run(services, inp, CUTOVER)


def _run(services: Services, inp: StepInput, kind: VerifyKind) -> Outcome:
    app, records = inp.application, _taken_up(services, inp, kind)
    todo = to_act(records, kind.step)
    others = [record for record in records if record not in todo]
    require_reached(others, kind.step, f"verification of the {kind.name} of {app.app_name}")
    if not todo:
        return Done({"appName": app.app_name, "passed": "verified before"})
    app_checks.require_askable(app)
    carry = inp.carried(VerifyCarry)
    deadline = carry.deadline or services.epoch() + 60 * services.settings.verify_timeout_minutes
    boots = _boots(services, inp, todo, kind, VerifyCarry(deadline, carry.commands))
    if isinstance(boots, Wait):
        return boots
    only = only_instance_checks(services, todo) if kind is CUTOVER else {}
    require_no_second(only, app.app_name)
    actions = action_checks(services, todo, kind.action)
    require_none_failed(actions, app.app_name)
    checked = app_checks.run_all(services, inp, todo, carry.commands)
    if checked.refused:
        app_checks.cancel_running(services, checked.commands)
        app_checks.require_none_refused(checked.refused, app.app_name)
    failed = [
        check for check in [*only.values(), *actions.values(), *checked.checks] if check.verdict is not Verdict.OK
    ]
    if failed or checked.is_running:
        if services.epoch() >= deadline:
            app_checks.cancel_running(services, checked.commands)
            what = f"checks of {app.app_name} did not pass in time"
            raise StepTimedOutError(what, appName=app.app_name, reasons=_reasons(failed) | checked.running)
        why = f"{app.app_name}: " + ("; ".join(check.reason for check in failed) or "SSM commands are running")
        at = services.epoch() + services.settings.check_poll_seconds
        return wait_until(services, at, why, deadline, VerifyCarry(deadline, checked.commands))
    passed = [*boots.values(), *only.values(), *worth_showing(actions), *checked.checks]
    evidence = [check.as_document() for check in passed]
    new = [
        with_phase(r, kind.verified, dag_run_id=services.holder.run_id, facts=_facts(services, r, kind)) for r in todo
    ]
    write(services, todo, new, f"{kind.name} verified", {"checks": evidence})
    return Done({"appName": app.app_name, "checks": evidence})


def _taken_up(services: Services, inp: StepInput, kind: VerifyKind) -> list[Record]:
    """What is held after its cutover launch stays held until a person asks for this very application."""
    if kind is CUTOVER:
        return taken_up(services, inp, kind.step)
    return load_and_resume(services, inp, kind.step)


def _reasons(failed: list[GateResult]) -> dict[str, str]:
    """The reasons by check and subject; several checks of one kind on one instance are all named."""
    reasons: dict[str, str] = {}
    for check in failed:
        name = f"{check.name} {check.subject}"
        reasons[name] = f"{reasons[name]}; {check.reason}" if name in reasons else check.reason
    return reasons


def _facts(services: Services, record: Record, kind: VerifyKind) -> dict[str, Any]:
    """The facts with the time of the verification; a verified cutover ends its retry."""
    at = services.now().isoformat()
    if kind is TEST:
        return {**record.facts, standing.TEST: {"testedAt": at, "wave": record.wave}}
    return {**{k: v for k, v in record.facts.items() if k != standing.RETRY}, "verifiedAt": at}


def _boots(
    services: Services, inp: StepInput, todo: list[Record], kind: VerifyKind, carry: VerifyCarry
) -> Wait | dict[str, GateResult]:
    """The boot checks when all are good, else a wait. What the wait saw last is not read a second time.

    :param carry: with its deadline; also its commands go on through the wait.

    :raises StepFailedError, StepTimedOutError: an instance is lost, or did not come up in time.
    """
    resumed = inp.resumed
    if resumed is None:
        # Nothing boots this fast: the first look is the first poll, which all waits share.
        return _wait_for_boot(services, inp, todo, {}, carry)
    if resumed.reason is Reason.MET and resumed.observed:
        seen = {record.source_server_id: _result_of_wait(resumed, record) for record in todo}
        if all(check.verdict is Verdict.OK for check in seen.values()):
            return seen
    found = _read_boots(services, todo, services.mgn.describe_servers([record.source_server_id for record in todo]))
    if all(check.verdict is Verdict.OK for check in found.checks.values()):
        return found.checks
    # An instance that the wait took for lost may be stopped because its launch configuration says so.
    if resumed.observed and (found.lost or resumed.reason is Reason.TIMED_OUT):
        require_met(resumed, f"boot of the {kind.name} instances", inp.application.app_name)
    return _wait_for_boot(services, inp, todo, found.dispositions, carry)


def _result_of_wait(resumed: Resumed, record: Record) -> GateResult:
    """The wait's verdict on a server, made by ``judge_boot``; UNKNOWN when it has none, or of another instance."""
    one = resumed.observed.get(record.source_server_id) or {}
    instance = (one.get("view") or {}).get("launched_instance_id")
    verdict = Verdict(one.get("verdict") or Verdict.UNKNOWN)
    if instance != record.instance_id:
        verdict = Verdict.UNKNOWN
    return GateResult(
        "boot", record.source_server_id, verdict, instance, record.instance_id, str(one.get("reason") or "")
    )


@dataclass(frozen=True)
class _BootResults:
    """``dispositions``: launch disposition by server, if stopped; ``lost``: servers that waiting cannot help."""

    checks: dict[str, GateResult]
    dispositions: dict[str, str]
    lost: list[str]


def boot_checks(services: Services, records: list[Record], views: dict[str, ServerView]) -> dict[str, GateResult]:
    """Each record's own instance, judged by what MGN (``views``) and EC2 say of it now, by source server id.

    :raises StepFailedError: a record in a launched phase has no instance id, which is a defect of the ledger.
    """
    return _read_boots(services, records, views).checks


def _read_boots(services: Services, records: list[Record], views: dict[str, ServerView]) -> _BootResults:
    expected = {record.source_server_id: record.instance_id for record in records}
    unknown = [server for server, instance in expected.items() if not instance]
    if unknown:
        raise StepFailedError("the ledger has no instance id for launched servers", servers=unknown)
    statuses = instance_statuses(services.client("ec2"), [one for one in expected.values() if one])
    dispositions = {
        server: str(services.mgn.launch_configuration(server).get("launchDisposition") or "STARTED")
        for server, instance in expected.items()
        if instance_state(statuses.get(str(instance))) in INSTANCE_STOPPED
    }
    checks: dict[str, GateResult] = {}
    lost: list[str] = []
    for server, instance in expected.items():
        about = (views.get(server), statuses.get(str(instance)), str(instance))
        disposition = dispositions.get(server, "STARTED")
        checks[server] = judge_boot(*about, launch_disposition=disposition)
        if boot_is_lost(*about, launch_disposition=disposition) or server not in views:
            lost.append(server)
    return _BootResults(checks, dispositions, lost)


def _wait_for_boot(
    services: Services, inp: StepInput, todo: list[Record], dispositions: dict[str, str], carry: VerifyCarry
) -> Wait:
    instances: dict[str, Any] = {record.source_server_id: record.instance_id for record in todo}
    return Wait(
        topic=Topic.BOOT,
        subjects=tuple(instances),
        until={"instances": instances, "launchDisposition": dispositions},
        poll_seconds=services.settings.boot_poll_seconds,
        deadline=carry.deadline or services.epoch(),
        why=f"boot of {inp.application.app_name}: {', '.join(map(str, instances.values()))}",
        carry=carry.as_document(),
    )
