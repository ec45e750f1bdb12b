"""EC2 in memory: the instances that MGN launches, and the reads that the package makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from include.sandbox.mgn.ec2_target import Ec2Target, Network
from include.sandbox.mgn.estate import Job, Machine, Server
from include.simulation.faults import ReadKind
from include.simulation.table import client_error
from include.simulation.world import World

NETWORK = Network("vpc-1", "subnet-1", "sg-1", "subnet-2")
SERVER_TAG = "AWSApplicationMigrationServiceSourceServerID"
GOING_DOWN_SECONDS = 40.0
# EC2 shows a terminated instance for about an hour.
GONE_AFTER_SECONDS = 3_600.0


@dataclass
class Instance:
    """One instance. ``stopped`` and ``terminated_at`` say what was requested; the state follows from the time."""

    instance_id: str
    server_id: str
    job_id: str
    boots_at: float = float("inf")
    boot_fails: bool = False
    stopped: bool = False
    terminated_at: float | None = None

    def state(self, now: float) -> str:
        if self.terminated_at is not None:
            return "terminated" if now >= self.terminated_at + GOING_DOWN_SECONDS else "shutting-down"
        return "stopped" if self.stopped else "running"

    def check(self, now: float) -> str:
        """The result of the instance status check."""
        if self.state(now) != "running":
            return "not-applicable"
        if now < self.boots_at:
            return "initializing"
        return "impaired" if self.boot_fails else "ok"


class SimulatedEc2(Ec2Target):
    """The EC2 in which MGN's jobs launch and terminate instances, without HTTP."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.instances: dict[str, Instance] = {}

    def create_launch_template(self, server_id: str, machine: Machine, network: Network) -> str:
        return f"lt-{server_id[2:]}"

    def register_node(self, server_id: str, machine: Machine, account_id: str, clock: Callable[[], float]) -> None:
        """Nothing to do: SimulatedSsm has the managed nodes."""

    def launch(self, server: Server, job: Job) -> str:
        instance_id = f"i-{len(self.instances) + 1:017x}"
        instance = Instance(instance_id, server.server_id, job.job_id)
        self.instances[instance_id] = instance
        self._world.note(f"EC2 runs {instance_id} of {server.server_id}", "mgn")
        return instance_id

    def terminate(self, instance_id: str) -> None:
        """Terminating twice is no error."""
        instance = self.instances[instance_id]
        if instance.terminated_at is None:
            instance.terminated_at = self._world.clock.now()
            self._world.note(f"EC2 terminates {instance_id}", "mgn")

    def follow_boot(self, instance_id: str, now: Callable[[], float], boots_at: float, fails: bool) -> None:
        self.instances[instance_id].boots_at, self.instances[instance_id].boot_fails = boots_at, fails

    def staying_of(self, server_id: str) -> list[Instance]:
        """Instances of the server that were not terminated."""
        return [one for one in self.instances.values() if one.server_id == server_id and one.terminated_at is None]


class Ec2Client:
    """The calls of ``boto3.client("ec2")`` that a wave makes; none of them changes anything."""

    def __init__(self, world: World, ec2: SimulatedEc2) -> None:
        self._world, self._ec2 = world, ec2

    def get_paginator(self, operation: str) -> Any:
        pages = {"describe_instance_status": self._statuses, "describe_instances": self._instances}
        return SimpleNamespace(paginate=pages[operation])

    def _shown(self, instance: Instance) -> bool:
        gone = instance.terminated_at
        return gone is None or self._world.clock.now() < gone + GONE_AFTER_SECONDS

    def _statuses(self, *, InstanceIds: list[str], IncludeAllInstances: bool) -> Iterator[dict[str, Any]]:
        """As EC2: one unknown id makes the whole request fail."""

        def answer(kind: ReadKind | None) -> list[dict[str, Any]]:
            found = [self._ec2.instances.get(one) for one in InstanceIds]
            if any(one is None or not self._shown(one) for one in found):
                raise client_error("InvalidInstanceID.NotFound", "DescribeInstanceStatus")
            return [self._status(one, kind) for one in found if one is not None and self._known(one, kind)]

        yield {"InstanceStatuses": self._world.read("DescribeInstanceStatus", answer)}

    def _known(self, instance: Instance, kind: ReadKind | None) -> bool:
        """Notes for the watcher whether the answer allows a verdict; False when it leaves the instance out."""
        actor = self._world.actor
        if actor is not None:
            (actor.unknown.add if kind else actor.unknown.discard)(instance.instance_id)
            actor.seen_at[instance.server_id] = self._world.events
        return kind is not ReadKind.ABSENT

    def _status(self, instance: Instance, kind: ReadKind | None) -> dict[str, Any]:
        now = self._world.clock.now()
        document: dict[str, Any] = {
            "InstanceId": instance.instance_id,
            "InstanceState": {"Name": instance.state(now)},
        }
        if kind is not ReadKind.BLANK:
            check = instance.check(now)
            system = "ok" if check == "impaired" else check
            document |= {"InstanceStatus": {"Status": check}, "SystemStatus": {"Status": system}}
        return document

    def _instances(self, *, Filters: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        def answer(kind: ReadKind | None) -> list[dict[str, Any]]:
            if kind is not None:
                # EC2 refuses or answers; a list that leaves out existing instances could not be used for anything.
                raise client_error("RequestLimitExceeded", "DescribeInstances")
            return [self._document(one) for one in self._ec2.instances.values() if self._passes(one, Filters)]

        yield {"Reservations": [{"Instances": self._world.read("DescribeInstances", answer)}]}

    def _passes(self, instance: Instance, filters: list[dict[str, Any]]) -> bool:
        of_filter = {
            "instance-id": instance.instance_id,
            f"tag:{SERVER_TAG}": instance.server_id,
            "instance-state-name": instance.state(self._world.clock.now()),
        }
        return self._shown(instance) and all(of_filter[one["Name"]] in one["Values"] for one in filters)

    def _document(self, instance: Instance) -> dict[str, Any]:
        return {"InstanceId": instance.instance_id, "Tags": [{"Key": SERVER_TAG, "Value": instance.server_id}]}
