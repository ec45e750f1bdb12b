"""The job engine: launch and terminate jobs as they go on simulated time.

The events of a job's log are those of the API Reference (data type JobLog); their order and duration are as observed.

Each server of a job is a generator that yields either simulated seconds to wait or a function to call outside of the
account's lock (EC2), whose result or error it gets back. ``run_due`` runs what is due; one ticker thread calls it.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Generator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.sandbox.faults import FaultBook
from include.sandbox.mgn import lifecycle
from include.sandbox.mgn.account import Account
from include.sandbox.mgn.ec2_target import Ec2Target, LaunchRefused, boot_seconds_range
from include.sandbox.mgn.errors import ConflictError, MgnError, QuotaError, ValidationError, refused
from include.sandbox.mgn.estate import Job, Launched, LifecycleMarks, Participant, Server

Flow = Generator[float | Callable[[], Any], Any, None]
_STATE_ON_START = {"START_TEST": "TESTING", "START_CUTOVER": "CUTTING_OVER"}
_STATE_BEFORE = {"START_TEST": "READY_FOR_TEST", "START_CUTOVER": "READY_FOR_CUTOVER"}
_OPERATION = {"START_TEST": "StartTest", "START_CUTOVER": "StartCutover", "TERMINATE": "TerminateTargetInstances"}


class Launches:
    """Starts jobs and carries them out for one account."""

    def __init__(self, account: Account, ec2: Ec2Target, book: FaultBook) -> None:
        self._account, self._ec2, self._book = account, ec2, book
        self._due: list[tuple[float, int, Flow]] = []
        self._order = itertools.count()
        self._running = threading.Lock()
        self._at = 0.0
        self._open: dict[str, int] = {}

    def start(self, initiated_by: str, server_ids: list[str], tags: dict[str, str]) -> Job:
        """StartTest, StartCutover or TerminateTargetInstances: all servers or none; the state changes at once.

        :raises ValidationError: an unknown or repeated id (these operations have no ResourceNotFoundException).
        :raises ConflictError: a server in a wrong state or with an active job.
        :raises QuotaError: 20 active jobs, or 200 servers in all of them.
        """
        account, what = self._account, _OPERATION[initiated_by]
        servers = self._known(server_ids, what)
        refusals = {one.server_id: reason for one in servers if (reason := self._refusal(initiated_by, one))}
        if refusals:
            raise refused("SourceServer", refusals, what)
        self._check_quotas(len(servers))
        now, job_id = account.clock.now(), account.new_id("mgnjob")
        kind = "TERMINATE" if initiated_by == "TERMINATE" else "LAUNCH"
        participants = [Participant(one.server_id) for one in servers]
        job = Job(job_id, account.arn("job", job_id), kind, initiated_by, now, participants, dict(tags))
        account.jobs[job_id] = job
        for server in servers:
            if initiated_by in _STATE_ON_START:
                server.lifecycle_state = _STATE_ON_START[initiated_by]
                marks = LifecycleMarks(initiated_at=now, initiated_job_id=job_id)
                setattr(server, "last_test" if initiated_by == "START_TEST" else "last_cutover", marks)
        self._schedule(now, self._job_flow(job))
        return job

    def _known(self, server_ids: list[str], what: str) -> list[Server]:
        unknown = [one for one in server_ids if one not in self._account.servers]
        if unknown or len(set(server_ids)) != len(server_ids):
            named = ", ".join(unknown) or "an id is repeated"
            raise ValidationError(
                f"{what}: source servers do not exist: {named}" if unknown else f"{what}: {named}",
                reason="fieldValidationFailed",
                fields=[("sourceServerIDs", named)],
            )
        return [self._account.server(one) for one in server_ids]

    def _refusal(self, initiated_by: str, server: Server) -> str | None:
        if initiated_by == "TERMINATE":
            return lifecycle.terminate_refusal(self._account, server)
        allowed = lifecycle.START_TEST_FROM if initiated_by == "START_TEST" else lifecycle.START_CUTOVER_FROM
        return lifecycle.start_refusal(self._account, server, allowed)

    def _check_quotas(self, more_servers: int) -> None:
        quotas, active = self._account.quotas, self._account.active_jobs()
        if len(active) >= quotas.active_jobs:
            raise self._quota_error("Concurrent jobs in progress", "ConcurrentJobs", quotas.active_jobs)
        busy = sum(len(job.participants) for job in active)
        if busy + more_servers > quotas.servers_in_active_jobs:
            raise self._quota_error(
                "Source servers in all active jobs", "ServersInActiveJobs", quotas.servers_in_active_jobs
            )

    def _quota_error(self, what: str, code: str, value: int) -> MgnError:
        message = f"Quota exceeded: {what} ({value})"
        if self._account.quotas.job_quota_error == "ConflictException":
            return ConflictError(message)
        return QuotaError(message, code, value)

    # Running

    def _schedule(self, at: float, flow: Flow) -> None:
        with self._account.lock:
            heapq.heappush(self._due, (at, next(self._order), flow))

    def next_due(self) -> float | None:
        """When the next thing of a running job happens (simulated seconds); None when no job runs."""
        with self._account.lock:
            return self._due[0][0] if self._due else None

    def run_due(self) -> None:
        """Carries out everything that is due by the clock."""
        with self._running:
            while True:
                with self._account.lock:
                    if not self._due or self._due[0][0] > self._account.clock.now():
                        return
                    at, _, flow = heapq.heappop(self._due)
                self._advance(at, flow)

    def _advance(self, at: float, flow: Flow) -> None:
        """Resumes one flow until it waits or ends. What it does is dated ``at``, however late the ticker is."""
        result: Any = None
        while True:
            with self._account.lock:
                self._at = at
                try:
                    wanted = flow.send(result)
                except StopIteration:
                    return
                if isinstance(wanted, (int, float)):
                    self._schedule(at + wanted, flow)
                    return
            try:
                result = wanted()
            except (ClientError, BotoCoreError, LaunchRefused) as error:
                result = error

    def _seconds(self, shortest: float, longest: float) -> float:
        return self._account.seconds_between(shortest, longest)

    def _job_flow(self, job: Job) -> Flow:
        yield self._seconds(5, 15)
        job.status = "STARTED"
        job.note(self._at, "JOB_START")
        self._open[job.job_id] = len(job.participants)
        for one in job.participants:
            one.launch_status = "IN_PROGRESS"
            self._schedule(self._at, self._server_flow(job, one))

    def _server_flow(self, job: Job, participant: Participant) -> Flow:
        server = self._account.servers[participant.server_id]
        if job.type == "TERMINATE":
            yield from self._terminate_flow(job, participant, server)
        else:
            yield from self._launch_flow(job, participant, server)
        self._open[job.job_id] -= 1
        if self._open[job.job_id] == 0:
            del self._open[job.job_id]
            yield self._seconds(3, 8)
            job.note(self._at, "JOB_END")
            job.status, job.ended_at = "COMPLETED", self._at

    def _terminate_flow(self, job: Job, participant: Participant, server: Server) -> Flow:
        cleaned = yield from self._cleanup_flow(job, server)
        participant.launch_status = "TERMINATED" if cleaned else "FAILED"

    def _cleanup_flow(self, job: Job, server: Server) -> Generator[Any, Any, bool]:
        """Terminates the server's instance; termination protection leaves it running and MGN's record of it too."""
        launched = server.launched
        if launched is None:
            return True
        about = {"sourceServerID": server.server_id, "targetInstanceID": launched.instance_id}
        yield self._seconds(2, 5)
        job.note(self._at, "CLEANUP_START", **about)
        yield self._seconds(10, 25)
        error = yield lambda: self._ec2.terminate(launched.instance_id)
        if error is not None:
            job.note(self._at, "CLEANUP_FAIL", rawError=str(error), **about)
            return False
        job.note(self._at, "CLEANUP_END", **about)
        server.launched = None
        return True

    def _launch_flow(self, job: Job, participant: Participant, server: Server) -> Flow:
        one = {"sourceServerID": server.server_id}
        fault = self._book.take_for_server("launchFailure", server.server_id)
        fails_at = fault.options.get("at", "launch") if fault else None
        if fault and fails_at == "skip":
            job.note(self._at, "SERVER_SKIPPED", rawError="The server was skipped", **one)
            participant.launch_status = "PENDING"
            self._maybe_back(job, server, fault.options)
            return
        yield from self._cleanup_flow(job, server)
        yield from self._snapshot_flow(job, server)
        job.note(self._at, "CONVERSION_START", conversionServerID=self._account.new_id("i"), **one)
        yield self._seconds(60, 150)
        if fault and fails_at == "conversion":
            text = fault.options.get(
                "message", "Conversion failed: the conversion server has no outbound access to port 443"
            )
            job.note(self._at, "CONVERSION_FAIL", rawError=text, **one)
            self._fail(job, participant, server, fault.options)
            return
        job.note(self._at, "CONVERSION_END", **one)
        job.note(self._at, "LAUNCH_START", **one)
        yield self._seconds(20, 40)
        result: Any = LaunchRefused(fault.options.get("message", "InsufficientInstanceCapacity")) if fault else None
        if result is None:
            result = yield lambda: self._ec2.launch(server, job)
        if isinstance(result, Exception):
            job.note(self._at, "LAUNCH_FAILED", rawError=str(result), **one)
            self._fail(job, participant, server, fault.options if fault else {})
            return
        self._launched(job, participant, server, result)

    def _snapshot_flow(self, job: Job, server: Server) -> Flow:
        one = {"sourceServerID": server.server_id}
        job.note(self._at, "SNAPSHOT_START", **one)
        server.settle(self._at)
        stale = self._book.take_for_server("staleSnapshot", server.server_id)
        behind = bool(stale) or not server.replication.is_up_to_date(self._at)
        yield self._seconds(30, 75)
        if not behind:
            job.note(self._at, "SNAPSHOT_END", **one)
            server.replication.forced_snapshot_at = self._at
            return
        taken = server.replication.last_snapshot_at(self._at)
        when = self._account.clock.stamp(taken, False) if taken is not None else "an unknown date"
        text = f"Could not take up-to-date snapshot. Launching from snapshot taken on {when}"
        job.note(self._at, "SNAPSHOT_FAIL", rawError="The snapshot could not be completed", **one)
        job.note(self._at, "USING_PREVIOUS_SNAPSHOT", rawError=text, **one)

    def _fail(self, job: Job, participant: Participant, server: Server, options: dict[str, Any]) -> None:
        participant.launch_status = "FAILED"
        self._maybe_back(job, server, options)

    @staticmethod
    def _maybe_back(job: Job, server: Server, options: dict[str, Any]) -> None:
        # What a failed launch does to the lifecycle state is not documented: both happen here, on request.
        if options.get("state") == "back":
            server.lifecycle_state = _STATE_BEFORE[job.initiated_by]

    def _launched(self, job: Job, participant: Participant, server: Server, instance_id: str) -> None:
        boots_at = self._at + self._seconds(*boot_seconds_range(server.machine))
        fails = self._book.take_for_server("bootFailure", server.server_id) is not None
        stopped = server.launch_configuration.get("launchDisposition") == "STOPPED"
        self._ec2.follow_boot(instance_id, self._account.clock.now, boots_at, fails)
        server.launched = Launched(instance_id, job.job_id, self._at, boots_at, stopped, fails)
        participant.launch_status, participant.instance_id = "LAUNCHED", instance_id
