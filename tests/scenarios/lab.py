"""What a story works with: Airflow and the sandbox, its own servers, and the truth behind what Airflow says."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import Any

import requests

from include.local import resources
from include.local.airflow_http import AirflowApiError
from migration_ops.integrations.cmdb import cmf
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import HistoryEntry, Record
from tests.scenarios.airflow_api import Document, Run, ScenarioAirflow

WAVE = "migration_wave"
ROLLBACK = "migration_rollback"
# One busy machine carries all stories: this is a limit against hanging, not an expectation.
PATIENCE_SECONDS = 1_200.0
NOTE_PATIENCE_SECONDS = 180.0
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
CHANGE_ATTEMPTS = 8
_NUMBERS = itertools.count(1)
FAST: Document = {
    "dryRun": False,
    "replication": {"maxLagSeconds": 600, "samples": 1, "pollSeconds": 2, "timeoutMinutes": 20},
    "finalSync": {"maxLagSeconds": 60, "maxBackloggedBytes": 0, "timeoutMinutes": 10},
    "approvals": {"cutover": False, "finalize": False, "timeoutMinutes": 60},
    "cmdb": {"enabled": False},
}


class Lab:
    """One per session, shared by all stories; it keeps no state of theirs."""

    def __init__(self, airflow: ScenarioAirflow, say: Callable[[str], None] = lambda line: None) -> None:
        self.airflow = airflow
        self.api = airflow.api
        self.sandbox = airflow.sandbox
        self.say = say
        self._one_change = threading.Lock()
        self._servers_of_wave: dict[str, set[str]] = {}

    # -- the estate

    def seed(self, *applications: Document) -> list[Document]:
        """Applications with their servers in MGN, in the form of a wave conf."""
        found: list[Document] = self.sandbox.add_estate({"applications": list(applications)})["applications"]
        return found

    def seed_cmdb(self, first_id: int, applications: list[Document]) -> None:
        """Makes the CMDB know these servers, and gives them their ``cmdbId``."""
        servers, apps, number = [], [], first_id
        for app_id, app in enumerate(applications, start=first_id):
            of_app = {"app_id": str(app_id), "app_name": app["appName"], "wave_id": str(first_id)}
            apps.append({**of_app, "aws_accountid": "123456789012", "aws_region": "us-east-1"})
            for server in app["servers"]:
                server["cmdbId"] = str(number)
                name = self.sandbox.server(server["sourceServerId"])["sourceProperties"]["identificationHints"][
                    "hostname"
                ]
                servers.append(
                    {
                        "server_id": str(number),
                        "app_id": str(app_id),
                        "server_name": name,
                        "server_fqdn": f"{name}.corp.example.com",
                        "server_os_family": "linux",
                        "server_os_version": "Ubuntu 22.04",
                        "r_type": "Rehost",
                        "replication_status": "Healthy",
                    }
                )
                number += 1
        wave = {"wave_id": str(first_id), "wave_name": f"wave {first_id}", "wave_status": "In progress"}
        self._post(self.airflow.cmf_url + "/_sandbox/cmf/seed", {"waves": [wave], "apps": apps, "servers": servers})

    def cmdb_server(self, cmdb_id: str) -> Document:
        """What the CMDB holds of a server."""
        extra = self.airflow.stack.environment["AIRFLOW_CONN_CMF_API"]
        connection = json.loads(extra)
        client = cmf.from_connection(
            connection["host"],
            None,
            None,
            connection["extra"],
            client_factory=lambda service: resources.client(service, self.airflow.stack.endpoints),
        )
        return client.item("server", cmdb_id)

    def order_answer(self, **order: Any) -> None:
        """Makes the callback receiver answer otherwise, see ``include/sandbox/callback``."""
        self._post(self.airflow.callback_url + "/_sandbox/callback/answers", order)

    def deliveries(self, path: str) -> list[Document]:
        """The callbacks that came to a path."""
        session = requests.Session()
        session.trust_env = False
        found = session.get(self.airflow.callback_url + "/_sandbox/deliveries", timeout=30).json()
        return [one for one in found if one["path"] == path]

    def _post(self, url: str, document: Document) -> None:
        session = requests.Session()
        session.trust_env = False
        answer = session.post(url, json=document, timeout=30)
        answer.raise_for_status()

    # -- runs

    def wave(self, name: str, applications: list[Document], **conf: Any) -> Run:
        """Triggers a wave with the stories' fast settings.

        Two stories with one wave name would read each other's records; a second run of a wave shares servers with it.
        """
        servers = set(servers_of(applications))
        known = self._servers_of_wave.setdefault(name, servers)
        if servers and known.isdisjoint(servers):
            raise ValueError(f"two stories have a wave called {name!r}")
        return self.start(WAVE, FAST | {"wave": name, "applications": applications} | conf)

    def start(self, dag_id: str, conf: Document) -> Run:
        """Triggers a run as a script does."""
        run_id = f"{conf.get('wave') or 'run'}-{next(_NUMBERS)}"
        self._change(lambda: self.airflow.start(dag_id, conf, run_id))
        return Run(dag_id, run_id)

    def _change(self, call: Callable[[], Any]) -> None:
        """Sends a request that changes something, again when SQLite was locked: Airflow answers that with a 500.

        A 409 to a repeated request says that the first one was executed after all.
        """
        for attempt in range(1, CHANGE_ATTEMPTS + 1):
            try:
                with self._one_change:
                    call()
                return
            except AirflowApiError as error:
                if error.status == 409 and attempt > 1:
                    return
                if error.status < 500 or attempt == CHANGE_ATTEMPTS:
                    raise
            except requests.Timeout:
                if attempt == CHANGE_ATTEMPTS:
                    raise
            time.sleep(2)

    def rollback(self, reason: str = "a test", **conf: Any) -> Run:
        """Triggers a rollback on request."""
        return self.start(ROLLBACK, {"reason": reason} | conf)

    def end(self, run: Run) -> str:
        """Waits for the run's end; its state."""
        return self.airflow.wait(run, PATIENCE_SECONDS)

    def task(self, run: Run, task_id: str, index: int = -1, *states: str) -> str:
        """Waits for a task instance to end, or to be in one of ``states``; its state."""
        return self.airflow.wait_for_task(run, task_id, *states, map_index=index, timeout_seconds=PATIENCE_SECONDS)

    def answer(self, run: Run, task_id: str, option: str, index: int = -1, comment: str = "") -> Document:
        """Answers a question as a person does, and again if Airflow lost the answer; the question."""
        question = self.api.wait_for_question(*run, task_id, index, PATIENCE_SECONDS)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            self._change(lambda: self._respond(run, task_id, option, index, comment))
            state = self._after_answer(run, task_id, index, deadline)
            if state in ENDED:
                return question
            time.sleep(3)

    def _respond(self, run: Run, task_id: str, option: str, index: int, comment: str) -> None:
        try:
            self.api.respond(*run, task_id, [option], {"comment": comment}, map_index=index)
        except AirflowApiError as error:
            if error.status not in (404, 409):  # being asked again; answered before, and that is being worked on
                raise

    def _after_answer(self, run: Run, task_id: str, index: int, deadline: float) -> str | None:
        """The task's state once it ended, or asks again: a lost answer (Airflow's own race) parks it again."""
        while time.monotonic() < deadline:
            state: str | None = self.api.task(*run, task_id, index)["state"]
            if state in ENDED:
                return state
            if state == "awaiting_input" and not self.api.question(*run, task_id, index)["response_received"]:
                return state
            time.sleep(1)
        raise TimeoutError(f"{task_id}[{index}] of {run} did not take its answer")

    def clear(self, run: Run, task_id: str, index: int = -1, downstream: bool = True) -> None:
        """Clears one task as a person does."""
        which: str | tuple[str, int] = (task_id, index) if index >= 0 else task_id
        self._change(lambda: self.api.clear(*run, [which], downstream=downstream))

    def states(self, run: Run) -> dict[str, str | None]:
        """State by task and map index: ``{"plan": "success", "test.test_launch[0]": "failed"}``."""
        return {
            one["task_id"] + (f"[{one['map_index']}]" if one["map_index"] >= 0 else ""): one["state"]
            for one in self.api.tasks(*run)
        }

    def log(self, run: Run, task_id: str, index: int = -1) -> str:
        """The log of a task's last try."""
        last = self.api.task(*run, task_id, index)["try_number"]
        return self.api.log(*run, task_id, last, index)

    def note(self, run: Run) -> str:
        """The run's note as the UI shows it, waiting a little: the listener writes it when the run ends."""
        deadline = time.monotonic() + NOTE_PATIENCE_SECONDS
        while not (note := self.api.note(*run)) and time.monotonic() < deadline:
            time.sleep(1)
        return re.sub(r"\\(?=[^\w\s])|\u200b", "", note or "")

    # -- the truth

    @cached_property
    def ledger(self) -> DynamoDbLedger:
        table = self.airflow.stack.environment["MIGRATION_OPS_TABLE_NAME"]
        return DynamoDbLedger(resources.client("dynamodb", self.airflow.stack.endpoints), table)

    def records(self, wave: str) -> dict[str, Record]:
        """The ledger's records of a wave by source server id."""
        return {record.source_server_id: record for record in self.ledger.by_wave(wave)}

    def phases(self, wave: str) -> dict[str, set[str]]:
        """The ledger's phases of a wave by application."""
        found: dict[str, set[str]] = {}
        for record in self.ledger.by_wave(wave):
            found.setdefault(record.app_name, set()).add(record.phase.value)
        return found

    def history(self, wave: str) -> list[HistoryEntry]:
        """Everything that was written about a wave's migrations."""
        return [one for record in self.ledger.by_wave(wave) for one in self.ledger.history(record.migration_id)]

    def locked(self, applications: list[Document]) -> list[str]:
        """The servers that a run still holds."""
        return sorted(self.ledger.locks(servers_of(applications)))

    def lifecycle(self, applications: list[Document]) -> set[str]:
        """The lifecycle states that MGN shows."""
        return {self.sandbox.server(one)["lifeCycle"]["state"] for one in servers_of(applications)}

    def jobs(self, applications: list[Document], initiated_by: str) -> dict[str, int]:
        """Number of MGN jobs by server: what really happened, whatever was answered."""
        mgn = resources.client("mgn", self.airflow.stack.endpoints)
        wanted = servers_of(applications)
        counted: Counter[str] = Counter({server: 0 for server in wanted})
        for page in mgn.get_paginator("describe_jobs").paginate():
            for job in page["items"]:
                if job["initiatedBy"] == initiated_by:
                    named = {one["sourceServerID"] for one in job["participatingServers"]}
                    counted.update(named & set(wanted))
        return dict(counted)

    def instances(self, applications: list[Document]) -> dict[str, list[str]]:
        """Instances by server that EC2 shows alive."""
        ec2 = resources.client("ec2", self.airflow.stack.endpoints)
        alive = ["pending", "running", "stopping", "stopped"]
        found: dict[str, list[str]] = {server: [] for server in servers_of(applications)}
        for page in ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-state-name", "Values": alive}]
        ):
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
                    server = tags.get("AWSApplicationMigrationServiceSourceServerID", "")
                    if server in found:
                        found[server].append(instance["InstanceId"])
        return found

    def mutations(self, applications: list[Document]) -> list[Document]:
        """The calls that changed MGN for these servers."""
        wanted = set(servers_of(applications))
        reading = ("Describe", "List", "Get")
        return [
            one
            for one in self.sandbox.call_details("mgn")
            if wanted & set(one["serverIds"]) and not one["operation"].startswith(reading)
        ]


def servers_of(applications: list[Document]) -> list[str]:
    """The source server ids of applications."""
    return [server["sourceServerId"] for app in applications for server in app["servers"]]
