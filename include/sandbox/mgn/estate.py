"""What an MGN account holds: servers, jobs, applications and waves. Plain data; the rules are in the other modules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from include.sandbox.mgn.replication import Replication

JOB_ACTIVE = frozenset({"PENDING", "STARTED"})
# Lifecycle states in which the agent (or the vCenter appliance) talks to the service.
CONNECTED = frozenset({"STOPPED", "NOT_READY", "READY_FOR_TEST", "TESTING", "READY_FOR_CUTOVER", "CUTTING_OVER"})
ENDED = frozenset({"CUTOVER", "DISCONNECTED"})


@dataclass
class Launched:
    """The instance a server was last launched as. ``boots_at``: simulated instant at which the first boot is over."""

    instance_id: str
    job_id: str
    launched_at: float
    boots_at: float
    is_stopped: bool = False
    boot_fails: bool = False

    def first_boot(self, now: float) -> str:
        if self.is_stopped:
            return "STOPPED"
        if now < self.boots_at:
            return "WAITING"
        return "UNKNOWN" if self.boot_fails else "SUCCEEDED"


@dataclass
class LifecycleMarks:
    """``lastTest`` or ``lastCutover``. ``finalized`` stays empty, as real answers have it."""

    initiated_at: float | None = None
    initiated_job_id: str | None = None
    reverted_at: float | None = None


@dataclass
class Machine:
    """``sourceProperties``: what the agent reported."""

    hostname: str
    fqdn: str
    os: str
    private_ip: str
    mac_address: str
    cores: int
    ram_bytes: int
    recommended_instance_type: str

    @property
    def is_windows(self) -> bool:
        return "windows" in self.os.lower()


@dataclass
class Server:
    """One source server."""

    server_id: str
    arn: str
    machine: Machine
    replication: Replication
    lifecycle_state: str
    added_at: float
    tags: dict[str, str] = field(default_factory=dict)
    is_archived: bool = False
    application_id: str | None = None
    user_provided_id: str | None = None
    replication_type: str = "AGENT_BASED"
    last_test: LifecycleMarks = field(default_factory=LifecycleMarks)
    last_cutover: LifecycleMarks = field(default_factory=LifecycleMarks)
    launched: Launched | None = None
    launch_configuration: dict[str, Any] = field(default_factory=dict)
    replication_configuration: dict[str, Any] = field(default_factory=dict)

    def settle(self, now: float) -> None:
        """NOT_READY becomes READY_FOR_TEST by itself, at the first launchable snapshot."""
        if self.replication.settle(now) and self.lifecycle_state == "NOT_READY":
            self.lifecycle_state = "READY_FOR_TEST"


@dataclass
class Participant:
    """One server of a job."""

    server_id: str
    launch_status: str = "PENDING"
    instance_id: str | None = None
    # Items of postLaunchActionsLaunchStatusList, as MGN writes them.
    actions: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class LogItem:
    at: float
    event: str
    data: dict[str, Any]


@dataclass
class Job:
    job_id: str
    arn: str
    type: str
    initiated_by: str
    created_at: float
    participants: list[Participant]
    tags: dict[str, str] = field(default_factory=dict)
    status: str = "PENDING"
    ended_at: float | None = None
    log: list[LogItem] = field(default_factory=list)

    @property
    def is_active(self) -> bool:
        return self.status in JOB_ACTIVE

    def note(self, at: float, event: str, **data: Any) -> None:
        self.log.append(LogItem(at, event, {key: value for key, value in data.items() if value is not None}))


@dataclass
class Group:
    """A wave or an application: ``parent_id`` is the wave of an application."""

    group_id: str
    arn: str
    name: str
    created_at: float
    modified_at: float
    description: str | None = None
    is_archived: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    parent_id: str | None = None
