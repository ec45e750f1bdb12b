"""Drives the steps of a wave against the sandbox without Airflow: waits are polled in place."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import boto3
from tenacity import wait_none

from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.core.errors import MigrationError
from migration_ops.core.settings import Settings
from migration_ops.core.states import Phase
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.integrations.callback import client as callback
from migration_ops.integrations.cmdb import cmf
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Holder, Record
from migration_ops.wave.conf.model import parse_conf, restore_conf
from migration_ops.wave.plan.plan import WavePlan, build_plan
from migration_ops.wave.preflight import preflight, register
from migration_ops.wave.records import note_failure
from migration_ops.wave.services import Services, StepInput, StepSkipped
from migration_ops.wave.steps.registry import STEPS
from migration_ops.wave.waits.conditions import ApiError, condition_for
from migration_ops.wave.waits.feeds import calendar_states, instance_statuses
from migration_ops.wave.waits.outcome import Done, Outcome, Reason, Resumed, Topic, Wait
from migration_ops.wave.waits.subscriptions import merge, needs_of

TEST = ("replication_ready", "test_launch", "test_verify", "mark_ready")
CUTOVER = ("wait_for_dependencies", "quiesce", "cutover", "cutover_verify")
FINISH = ("finalize", "update_cmdb", "send_callback", "close")
# As in the DAG: whose sheet and approval a step is given.
_CUTOVER_STEPS = ("wait_for_dependencies", "quiesce", "cutover", "cutover_verify")
_SHEETS = dict.fromkeys(_CUTOVER_STEPS, "go_no_go") | {"finalize": "soak"}
_APPROVALS = dict.fromkeys(_SHEETS, "cutover") | {"finalize": "finalize"}
_ASKED_ABOUT = {"go_no_go": "cutover", "soak": "finalize"}
# As in operators/wave/step.py: their failures say nothing about the migration itself.
AFTER_THE_WORK = frozenset({"update_cmdb", "send_callback", "close"})
ROLL_BACK = {"decision": "rollback", "reason": "a test"}
HOLD = {"decision": "hold", "reason": "a test"}

# Of every wait, in skipped time.
POLL_SECONDS = 0.02
FAST = Settings(
    first_poll_seconds=0.02,
    settle_seconds=0.25,
    job_poll_seconds=0.02,
    boot_poll_seconds=0.02,
    ledger_poll_seconds=0.02,
    check_poll_seconds=0.02,
    check_timeout_seconds=2.0,
    verify_timeout_minutes=0.5,
    job_timeout_minutes=0.5,
)


@dataclass
class Driver:
    """One run of a wave: the plan, the services, and what each step answered."""

    services: Services
    plan: WavePlan
    box: Any = None
    results: dict[str, Any] = field(default_factory=dict)
    waits: list[Wait] = field(default_factory=list)
    answers: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    noted: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    # Steps

    def step(self, name: str, app: str | None = None, **inputs: Any) -> Any:
        """Runs one step to its end, as its task would; failures are noted and raised."""
        resumed: Resumed | None = None
        while True:
            outcome = self.advance(name, app, resumed, **inputs)
            if isinstance(outcome, Done):
                self.results[f"{name}:{app}" if app else name] = outcome.result
                # A ledger that stands in for a worker's death is no person's.
                if name in _ASKED_ABOUT and isinstance(self.services.ledger, DynamoDbLedger):
                    self.approve(outcome.result, _ASKED_ABOUT[name])
                return outcome.result
            self.waits.append(outcome)
            resumed = self.wait(outcome)

    def advance(self, name: str, app: str | None, resumed: Resumed | None = None, **inputs: Any) -> Outcome:
        """One stint of a step: up to its next wait, or its end."""
        application = self.plan.application(app) if app else None
        inputs = (self._inputs(name) if app else {}) | inputs
        if app and resumed is None:
            self._answer(name, app, inputs)
        try:
            return STEPS[name](self.services, StepInput(self.plan, application, resumed, inputs))
        except StepSkipped:
            raise
        except MigrationError as error:
            if application is not None and not error.retryable and name not in AFTER_THE_WORK:
                note_failure(self.services, application, error)
            raise

    def wait(self, wait: Wait) -> Resumed:
        return wait_for(self.services, wait, self.box)

    def retried(self, name: str, app: str, **inputs: Any) -> Any:
        """As Airflow does: what is retryable is tried again, from the start."""
        for _ in range(3):
            try:
                return self.step(name, app, **inputs)
            except MigrationError as error:
                if not error.retryable:
                    raise
        return self.step(name, app, **inputs)

    def _inputs(self, name: str) -> dict[str, Any]:
        kind = _SHEETS.get(name)
        sheet = self.results.get(kind or "")
        if not sheet:
            return {}
        answer = self.approve(sheet, _APPROVALS[name])
        return {"sheet": sheet, "approval": answer, "window": self.results.get("cutover_window")}

    # What people say; a step believes only what the ledger holds of it

    def approve(self, sheet: dict[str, Any], which: str = "cutover") -> dict[str, Any]:
        """A person's yes to a sheet, once; it is noted for all that stand there."""
        key = (which, str(sheet.get("digest")), str(sheet.get("madeAt")))
        if key not in self.answers:
            self.answers[key] = {
                "approved": True,
                "planHash": self.plan.plan_hash,
                "sheetDigest": sheet["digest"],
                "sheetMadeAt": sheet.get("madeAt"),
                "runId": self.services.holder.run_id,
                "at": self.services.now().isoformat(),
            }
            self.note(which, self.answers[key])
        return self.answers[key]

    def note(self, which: str, answer: dict[str, Any], app: str | None = None) -> None:
        """Writes an answer to the ledger, as it stood there before another run came."""
        apps = [one for one in self.plan.applications if app in (None, one.app_name)]
        self.noted |= {(which, one.app_name): answer for one in apps}
        found = list(self.services.ledger.read([one for each in apps for one in each.migration_ids]).values())
        if which == "decide":
            found = [one for one in found if one.phase is not Phase.ROLLED_BACK]
        if found:
            old = [record.facts.get("approvals", {}) for record in found]
            facts = [{**one.facts, "approvals": {**was, which: answer}} for one, was in zip(found, old, strict=True)]
            new = [replace(one, facts=fact) for one, fact in zip(found, facts, strict=True)]
            self.services.ledger.write(found, new, f"{which} answered", answer)

    def _answer(self, name: str, app: str, inputs: dict[str, Any]) -> None:
        """What a test gives as an answer stands in the ledger, as its task would have written it."""
        decision, approval = inputs.get("decision"), inputs.get("approval") or {"approved": False}
        if name == "rollback":
            # Nothing is asked about what cannot go back, or is back already.
            phases = {record.phase for record in self.records(app)}
            is_over = Phase.FINALIZED in phases or phases == {Phase.ROLLED_BACK}
            if decision and decision.get("decision") == "rollback" and not is_over:
                about = {"planHash": self.plan.plan_hash, "runId": self.services.holder.run_id, "approved": True}
                self.note("decide", about | {"at": self.services.now().isoformat()} | decision, app)
        elif name in _APPROVALS and "approval" in inputs and approval != self.noted.get((_APPROVALS[name], app)):
            self.note(_APPROVALS[name], approval, app)

    # Parts of a wave

    def change_conf(self, **changes: Any) -> None:
        """Another conf under the same plan and hash, whatever the rules say of it."""
        conf = restore_conf(self.plan.conf.as_document() | changes)
        self.plan = replace(self.plan, conf=conf)

    def start(self) -> list[GateResult]:
        checks = preflight(self.services, self.plan)
        bad = [check for check in checks if check.verdict is not Verdict.OK]
        assert not bad, bad
        register(self.services, self.plan)
        return checks

    def register(self) -> None:
        """As after a preflight that is not the subject of the test."""
        register(self.services, self.plan)

    def test(self, app: str) -> None:
        for name in TEST:
            self.step(name, app)

    def ready(self, *apps: str) -> None:
        """To before the cutover: registered, tested, on the sheet."""
        self.register()
        for app in apps or [one.app_name for one in self.plan.applications]:
            self.test(app)
        self.step("go_no_go")

    def pass_go_no_go(self) -> None:
        """A sheet with everything on it, where the sheet is not the subject of the test."""
        names = [one.app_name for one in self.plan.applications]
        self.results["go_no_go"] = {
            "ready": names,
            "excluded": {},
            "digest": "sheet",
            "madeAt": self.services.now().isoformat(),
        }
        self.approve(self.results["go_no_go"])

    def cutover(self, app: str) -> None:
        for name in CUTOVER:
            self.step(name, app)

    def finish(self, app: str) -> None:
        for name in FINISH:
            self.step(name, app)

    def roll_back(self, app: str, decision: dict[str, Any] | None = None) -> Any:
        return self.step("rollback", app, decision=decision or ROLL_BACK)

    def whole(self) -> None:
        self.start()
        names = [one.app_name for one in self.plan.applications]
        for name in names:
            self.test(name)
        self.step("go_no_go")
        for name in names:
            self.cutover(name)
        self.step("soak")
        for name in names:
            self.finish(name)

    # What is so afterwards

    def records(self, app: str) -> list[Record]:
        found = self.services.ledger.read(list(self.plan.application(app).migration_ids))
        return [found[one] for one in self.plan.application(app).migration_ids]

    def phases(self, app: str) -> set[str]:
        return {record.phase.value for record in self.records(app)}

    def states(self, app: str) -> set[str]:
        """Lifecycle states as MGN shows them."""
        return {self.state(one) for one in self.plan.application(app).server_ids}

    def state(self, server: str) -> str:
        return str(self.box.client.server(server)["lifeCycle"]["state"])

    def servers(self, app: str) -> list[str]:
        return list(self.plan.application(app).server_ids)

    def jobs(self, action: str, app: str | None = None) -> dict[str, int]:
        """How many jobs of this kind MGN really has, by server."""
        servers = self.servers(app) if app else list(self.plan.server_ids)
        return {server: len(jobs_of(self.box, action, server)) for server in servers}

    def assert_jobs(self, action: str, app: str, count: int = 1) -> None:
        assert self.jobs(action, app) == dict.fromkeys(self.servers(app), count)

    def instances(self, app: str) -> dict[str, list[str]]:
        """Instances of the application's servers that EC2 shows in a state other than terminated."""
        answer = self.box.boto("ec2").describe_instances(
            Filters=[
                {"Name": "tag:AWSApplicationMigrationServiceSourceServerID", "Values": self.servers(app)},
                {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
            ]
        )
        found: dict[str, list[str]] = {}
        for one in (one for reservation in answer["Reservations"] for one in reservation["Instances"]):
            tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
            found.setdefault(tags["AWSApplicationMigrationServiceSourceServerID"], []).append(one["InstanceId"])
        return found


def jobs_of(box: Any, action: str, server: str) -> list[Any]:
    """The sandbox's own jobs, which no fault hides: what took effect. Not those of a server's seeded past."""
    account = box.mgn.own.account
    with account.lock:
        return [
            job
            for job in account.jobs.values()
            if job.initiated_by == action
            and server in {one.server_id for one in job.participants}
            and [item.event for item in job.log] != ["JOB_START", "JOB_END"]
        ]


def wait_for(services: Services, wait: Wait, box: Any) -> Resumed:
    """Polls the wait's condition in place, with the very conditions the trigger uses.

    Nothing sleeps: the sandbox's clock, which the services read too, skips the pauses.
    """
    clock = box.clock
    if wait.topic is Topic.CLOCK:
        clock.skip(max(0.0, min(wait.until["at"], wait.deadline) - clock.real()))
        late = wait.until["at"] > wait.deadline
        return Resumed(Reason.TIMED_OUT if late else Reason.MET, {}, wait.carry)
    condition = condition_for(wait.topic, wait.until, list(wait.subjects), clock=clock.real)
    wants = needs_of(wait.topic, list(wait.subjects), wait.until)
    readers = _readers(services)
    while True:
        # What is due happens now, so that fewer polls find nothing new.
        box.run_due()
        seen = {feed: _read(readers[feed.value], sorted(ids)) for feed, ids in wants.items()}
        judged = condition.observe(merge(wait.topic, list(wait.subjects), wait.until, seen))
        if judged.reason is not None:
            return Resumed(judged.reason, judged.observed, wait.carry)
        if clock.real() > wait.deadline:
            return Resumed(Reason.TIMED_OUT, judged.observed, wait.carry)
        clock.skip(POLL_SECONDS)


def _read(reader: Callable[[list[str]], dict[str, Any]], ids: list[str]) -> dict[str, Any]:
    """An error is an observation, as in the shared poll."""
    try:
        return reader(ids)
    except MigrationError as error:
        return dict.fromkeys(ids, ApiError(str(error)))


def _readers(services: Services) -> dict[str, Callable[[list[str]], dict[str, Any]]]:
    return {
        "servers": services.mgn.describe_servers,
        "jobs": services.mgn.describe_jobs,
        "instances": lambda ids: instance_statuses(services.client("ec2"), ids),
        "ledger": services.ledger.read,
        "calendars": lambda ids: calendar_states(services.client("ssm"), ids),
    }


# Clients by sandbox: making them costs more than most tests.
_clients: dict[int, dict[str, Any]] = {}


def client_factory(box: Any) -> Callable[[str], Any]:
    made = _clients.setdefault(id(box), {})

    def client(name: str) -> Any:
        if name not in made:
            made[name] = box.boto(name, retries={"mode": "standard", "total_max_attempts": 2})
        return made[name]

    return client


def mgn_hook(box: Any) -> MgnHook:
    made = _clients.setdefault(id(box), {})
    if "hook" not in made:
        made["hook"] = hook_with_clock(now_of(box), box.region)
    return made["hook"]


def hook_with_clock(clock: Callable[[], datetime], region: str) -> MgnHook:
    """The hook, which counts ages from the sandbox's clock: that one may be ahead, because waits skip time."""
    hook = MgnHook(aws_conn_id=None, region_name=region)
    hook.__dict__["_clock"] = clock
    return hook


def now_of(box: Any) -> Callable[[], datetime]:
    """The real time as the sandbox's clock has it."""
    return lambda: datetime.fromtimestamp(box.clock.real(), UTC)


def make_services(box: Any, run_id: str = "run-1", wave: str = "wave-1", **changes: Any) -> Services:
    """Services on the sandbox, as ``operators/services.py`` builds them on Airflow's connections."""
    client = client_factory(box)
    extra = box.cmf.connection_extra
    settings = changes.pop("settings", FAST)
    services = Services(
        settings=settings,
        mgn=mgn_hook(box),
        ledger=DynamoDbLedger(client("dynamodb"), settings.table_name, now_of(box)),
        now=now_of(box),
        holder=Holder("migration_wave", run_id, wave),
        client=client,
        cmdb=lambda: cmf.from_connection(box.endpoints["cmf"], None, None, extra, client_factory=client),
        callback=lambda url: callback.from_connection(
            url, box.callback.secrets[0], {"allowedHosts": ["127.0.0.1"]}, wait=wait_none(), attempts=3
        ),
        check_callback_url=lambda url: None,
        run_ended=lambda holder: False,
        log=logging.getLogger("wave"),
    )
    return replace(services, **changes)


def services_of_environment(holder: Holder, world: Any) -> Services:
    """Services in another process: everything is reached as the SDK's own variables say.

    :param world: whose ``clock`` says what time it is.
    """
    made: dict[str, Any] = {}

    def client(name: str) -> Any:
        if name not in made:
            made[name] = boto3.client(name)
        return made[name]

    def nothing(*_: Any) -> Any:
        raise NotImplementedError

    return Services(
        settings=FAST,
        mgn=hook_with_clock(now_of(world), os.environ["AWS_DEFAULT_REGION"]),
        ledger=DynamoDbLedger(client("dynamodb"), FAST.table_name, now_of(world)),
        now=now_of(world),
        holder=holder,
        client=client,
        cmdb=nothing,
        callback=nothing,
        check_callback_url=nothing,
        run_ended=lambda _: False,
    )


def make_plan(applications: list[dict[str, Any]], **conf: Any) -> WavePlan:
    document = {
        "wave": "wave-1",
        "dryRun": False,
        "applications": applications,
        "replication": {"samples": 1, "pollSeconds": 1, "timeoutMinutes": 1},
        "finalSync": {"timeoutMinutes": 0.2},
        "cmdb": {"enabled": False},
    } | conf
    return build_plan(parse_conf(document, now=datetime.now(UTC)))


class MgnProxy:
    """The hook, with single methods replaced: ``MgnProxy(hook, start_test=...)``."""

    def __init__(self, hook: Any, **replaced: Callable[..., Any]) -> None:
        self._hook = hook
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hook, name)


class WorkerKilled(BaseException):
    """The worker died here: no handler of ours may run (as with SIGKILL)."""


@contextmanager
def killed() -> Iterator[None]:
    """Expects that the step dies inside."""
    try:
        yield
    except WorkerKilled:
        return
    raise AssertionError("the worker was not killed")


def kill_before(driver: Driver, method: str) -> Driver:
    """The same run, whose worker dies right before this call to MGN is sent."""

    def die(*_: Any) -> Any:
        raise WorkerKilled

    return replace(driver, services=replace(driver.services, mgn=MgnProxy(driver.services.mgn, **{method: die})))


def kill_after(driver: Driver, method: str) -> Driver:
    """The same run, whose worker dies when this call to MGN was answered, before anything is recorded."""

    def send_and_die(*arguments: Any) -> Any:
        getattr(driver.services.mgn, method)(*arguments)
        raise WorkerKilled

    mgn = MgnProxy(driver.services.mgn, **{method: send_and_die})
    return replace(driver, services=replace(driver.services, mgn=mgn))


def without_job_tags(driver: Driver) -> Driver:
    """MGN's answers do not show the tags of jobs."""
    hook = driver.services.mgn

    def stripped(jobs: Any) -> Any:
        if isinstance(jobs, dict):
            return {key: replace(job, tags={}) for key, job in jobs.items()}
        return [replace(job, tags={}) for job in jobs]

    mgn = MgnProxy(
        hook,
        jobs_since=lambda moment: stripped(hook.jobs_since(moment)),
        active_jobs=lambda: stripped(hook.active_jobs()),
        describe_jobs=lambda ids: stripped(hook.describe_jobs(ids)),
    )
    return replace(driver, services=replace(driver.services, mgn=mgn))
