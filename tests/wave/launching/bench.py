"""The real ledger on a table in memory, and an MGN that answers what a test gives it: no sandbox, no server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from include.simulation.table import MemoryTable, TableClient
from migration_ops.aws.mgn.jobs import INTENT_TAG, JobView
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.settings import Settings
from migration_ops.core.states import Phase
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import HistoryEntry, Holder, Intent, Record
from migration_ops.wave.launching.job_lookup import Action
from migration_ops.wave.launching.terminate import SERVER_TAG
from migration_ops.wave.services import Services

START = datetime(2040, 1, 1, 12, 0, tzinfo=UTC)
HOLDER = Holder("migration_wave", "run-1", "wave-1", nonce="n-1", airflow="https://airflow")
SETTINGS = Settings(settle_seconds=60.0, first_poll_seconds=15.0, launch_batch_size=2)


def server_id(number: int) -> str:
    return f"s-{number:017d}"


def a_job(number: int, action: Action = Action.TEST, *servers: int, **changes: Any) -> JobView:
    """Active, of server 1 unless told, and without tags."""
    values: dict[str, Any] = {
        "job_id": f"mgnjob-{number}",
        "type": "TERMINATE" if action is Action.TERMINATE else "LAUNCH",
        "initiated_by": action.value,
        "status": "STARTED",
        "created_at": START.isoformat(),
        "launch_status": {server_id(one): "PENDING" for one in servers or (1,)},
    }
    return JobView(**(values | changes))


@dataclass
class ScriptedMgn:
    """``answers``: an error or a function for each call to come; when there is none left, the call starts a job."""

    now: Callable[[], datetime]
    jobs: list[JobView] = field(default_factory=list)
    views: dict[str, ServerView] = field(default_factory=dict)
    answers: list[Any] = field(default_factory=list)
    sent: list[tuple[Action, list[str], dict[str, str]]] = field(default_factory=list)
    looked_since: list[datetime] = field(default_factory=list)
    servers_asked: list[list[str]] = field(default_factory=list)
    jobs_asked: list[list[str]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    logs_asked: list[str] = field(default_factory=list)
    changes: list[tuple[str, str]] = field(default_factory=list)

    def jobs_since(self, moment: datetime) -> list[JobView]:
        self.looked_since.append(moment)
        return list(self.jobs)

    def describe_jobs(self, ids: list[str]) -> dict[str, JobView]:
        self.jobs_asked.append(ids)
        return {job.job_id: job for job in self.jobs if job.job_id in ids}

    def job_log(self, job_id: str) -> list[dict[str, Any]]:
        self.logs_asked.append(job_id)
        return self.log

    def launch_configuration(self, server_id: str) -> dict[str, Any]:
        return {"launchDisposition": "STARTED"}

    def change_lifecycle(self, server_id: str, state: str) -> ServerView:
        """Takes the next answer, an error; without one the state is changed."""
        self.changes.append((server_id, state))
        if self.answers and (answer := self.answers.pop(0)) is not None:
            raise answer
        return ServerView(server_id, lifecycle_state=state)

    def describe_servers(self, ids: list[str]) -> dict[str, ServerView]:
        self.servers_asked.append(ids)
        return {one: self.views[one] for one in ids if one in self.views}

    def start_test(self, ids: list[str], tags: dict[str, str]) -> JobView:
        return self._send(Action.TEST, ids, tags)

    def start_cutover(self, ids: list[str], tags: dict[str, str]) -> JobView:
        return self._send(Action.CUTOVER, ids, tags)

    def terminate_instances(self, ids: list[str], tags: dict[str, str]) -> JobView:
        return self._send(Action.TERMINATE, ids, tags)

    def starts(self, action: Action, ids: list[str], tags: dict[str, str]) -> JobView:
        """The job of a call that took effect."""
        number = 100 + len(self.jobs)
        job = a_job(number, action, created_at=self.now().isoformat(), tags=tags)
        job = replace(job, launch_status=dict.fromkeys(ids, "PENDING"))
        self.jobs.append(job)
        return job

    def _send(self, action: Action, ids: list[str], tags: dict[str, str]) -> JobView:
        self.sent.append((action, ids, tags))
        answer = self.answers.pop(0) if self.answers else self.starts
        if isinstance(answer, Exception):
            raise answer
        job: JobView = answer(action, ids, tags)
        return job


class ScriptedEc2:
    """:ivar instances: state by instance id; ``tags``: its source server, where it has the tag."""

    def __init__(self) -> None:
        self.instances: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.asked: list[dict[str, Any]] = []

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate={"describe_instance_status": self._statuses}.get(operation, self._described))

    def _statuses(self, *, InstanceIds: list[str], IncludeAllInstances: bool) -> Iterator[dict[str, Any]]:
        self.asked.append({"InstanceIds": InstanceIds})
        ok = {"Status": "ok"}
        found = [
            {"InstanceId": one, "InstanceState": {"Name": state}, "InstanceStatus": ok, "SystemStatus": ok}
            for one in InstanceIds
            if (state := self.instances.get(one)) and IncludeAllInstances
        ]
        yield {"InstanceStatuses": found}

    def _described(self, *, Filters: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        self.asked.append({one["Name"]: one["Values"] for one in Filters})
        for one, state in self.instances.items():
            if state in self.asked[-1]["instance-state-name"]:
                tags = [{"Key": SERVER_TAG, "Value": self.tags[one]}] if one in self.tags else None
                shown = {"InstanceId": one, "Tags": tags, "State": {"Name": state}}
                yield {"Reservations": [{"Instances": [shown]}]}


class Bench:
    """A wave of servers, a clock that a test moves, and what was sent and written."""

    def __init__(self, **settings: Any) -> None:
        self.moment = START
        self.table = MemoryTable(lambda: self.moment.timestamp())
        self.mgn = ScriptedMgn(self.now)
        self.ec2 = ScriptedEc2()
        self.emitted: list[str] = []
        self.said: list[str] = []
        log = logging.Logger("bench", logging.INFO)
        log.addHandler(_Into(self.said))
        self.services = Services(
            settings=replace(SETTINGS, **settings),
            mgn=self.mgn,  # type: ignore[arg-type]
            ledger=DynamoDbLedger(TableClient(self.table), "migration-state", self.now),
            holder=HOLDER,
            client={"ec2": self.ec2}.__getitem__,
            cmdb=_none,
            callback=_none,
            check_callback_url=_none,
            run_ended=lambda holder: None,
            emit=lambda **facts: self.emitted.append(facts["event"]),
            now=self.now,
            log=log,
        )

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def records(self, count: int = 1, phase: Phase = Phase.PLANNED, **changes: Any) -> list[Record]:
        """Registered servers 1 to ``count``, in this phase."""
        new = [
            Record(f"mig-{one}", "wave-1", "app", server_id(one), Phase.PLANNED, **changes)
            for one in range(1, count + 1)
        ]
        stored = self.services.ledger.write(new, new, "registered", holder=HOLDER)
        for step in _way_to(phase):
            stored = self.services.ledger.write(stored, [one.to(step) for one in stored], step.value, holder=HOLDER)
        return stored

    def with_intent(self, records: list[Record], action: Action = Action.TEST, **changes: Any) -> list[Record]:
        """The records with an intent in the ledger, of which nothing is known unless ``changes`` says it."""
        values: dict[str, Any] = {"action": action.value, "intent_id": "intent-1", "attempt": 1}
        intent = Intent(**(values | {"written_at": self.moment.isoformat()} | changes))
        new = [replace(one, intents={**one.intents, action.value: intent}) for one in records]
        return self.services.ledger.write(records, new, "intended", holder=HOLDER)

    def stored(self) -> list[Record]:
        return sorted(self.services.ledger.by_wave("wave-1"), key=lambda one: one.migration_id)

    def intent(self, number: int = 1, action: Action = Action.TEST) -> Intent:
        return self.stored()[number - 1].intents[action.value]

    def history(self, number: int = 1) -> list[HistoryEntry]:
        return self.services.ledger.history(f"mig-{number}")


def tagged(intent_id: str, number: int = 1, action: Action = Action.TEST, *servers: int, **changes: Any) -> JobView:
    return a_job(number, action, *servers, tags={INTENT_TAG: intent_id}, **changes)


class _Into(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self.said = said

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def _way_to(phase: Phase) -> list[Phase]:
    cutover = [Phase.READY, Phase.CUTTING_OVER, Phase.CUTOVER_LAUNCHED, Phase.CUTOVER_VERIFIED]
    if phase in cutover:
        return cutover[: cutover.index(phase) + 1]
    return [] if phase is Phase.PLANNED else [phase]


def _none(*_: Any) -> Any:
    raise AssertionError("nothing else is called here")
