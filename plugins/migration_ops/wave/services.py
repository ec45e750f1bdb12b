"""What a step may use from outside, behind plain names, so that no step imports Airflow."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from migration_ops.aws.mgn.jobs import JobView
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import MigrationError
from migration_ops.core.field_text import s3_key_part
from migration_ops.core.settings import Settings
from migration_ops.integrations.callback.client import CallbackClient
from migration_ops.integrations.cmdb.protocol import Cmdb
from migration_ops.integrations.instance_http import address_refusal
from migration_ops.ledger.protocol import Holder, Ledger
from migration_ops.wave.conf.model import WaveConf
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan
from migration_ops.wave.waits.carry import Carry
from migration_ops.wave.waits.outcome import Resumed

C = TypeVar("C", bound=Carry)


class Mgn(Protocol):
    """The MGN calls of a wave; ``migration_ops.aws.mgn.hook.MgnHook`` is the implementation."""

    def describe_servers(self, ids: list[str]) -> dict[str, ServerView]: ...
    def applications_of_wave(self, wave_id: str, *, archived: bool = False) -> dict[str, str]: ...
    def servers_of_applications(self, application_ids: list[str], *, archived: bool = False) -> list[ServerView]: ...
    def describe_jobs(self, ids: list[str]) -> dict[str, JobView]: ...
    def jobs_since(self, moment: datetime) -> list[JobView]: ...
    def active_jobs(self) -> list[JobView]: ...
    def job_log(self, job_id: str) -> list[dict[str, Any]]: ...
    def launch_configuration(self, server_id: str) -> dict[str, Any]: ...
    def start_test(self, ids: list[str], tags: dict[str, str]) -> JobView: ...
    def start_cutover(self, ids: list[str], tags: dict[str, str]) -> JobView: ...
    def terminate_instances(self, ids: list[str], tags: dict[str, str]) -> JobView: ...
    def change_lifecycle(self, server_id: str, state: str) -> ServerView: ...
    def finalize_cutover(self, server_id: str) -> ServerView: ...


@dataclass(frozen=True)
class Services:
    """Everything outside, built once per task by ``operators/services.py`` and by hand in tests.

    :param client: a boto3 client by service name (``ec2``, ``ssm``, ``sts``, …).
    :param cmdb: builds the CMDB client, on first use: a wave without CMDB needs no connection for it.
    :param callback: builds the callback client for a URL.
    :param check_callback_url: raises ``ForbiddenUrlError`` when the URL may not be called, ``NameNotResolvedError``
        when its host has no address, ``InvalidInputError`` when it cannot be signed.
    :param address_refusal: why no check of an instance may go to an address, None when it may. Only tests, whose
        instances are on loopback, replace it.
    :param run_ended: whether the run of another lock holder is over; None when Airflow cannot say.
    :param store_evidence: stores a document under a key; returns the key, None when it is not stored.
    :param anchor: anchors the history of a wave's migrations; returns the key, None when they are not anchored.
    """

    settings: Settings
    mgn: Mgn
    ledger: Ledger
    holder: Holder
    client: Callable[[str], Any]
    cmdb: Callable[[], Cmdb]
    callback: Callable[[str], CallbackClient]
    check_callback_url: Callable[[str], Any]
    run_ended: Callable[[Holder], bool | None]
    address_refusal: Callable[[str], str | None] = address_refusal
    store_evidence: Callable[[str, dict[str, Any]], str | None] = lambda key, document: None
    anchor: Callable[[str, list[str]], str | None] = lambda wave, migration_ids: None
    emit: Callable[..., None] = lambda **facts: None
    flush: Callable[[], None] = lambda: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("migration_ops"))

    def epoch(self) -> float:
        return self.now().timestamp()

    def evidence_key(self, name: str) -> str:
        """The S3 key of a document of this run; the names of wave and run are made safe for it."""
        return f"waves/{s3_key_part(self.holder.wave)}/{s3_key_part(self.holder.run_id)}/{name}"


@dataclass(frozen=True)
class StepInput:
    """What one run of a step works on.

    :param app: the application, None for a wave-level step.
    :param resumed: how the step's last wait ended, None on a fresh start.
    :param inputs: results of earlier steps by name (``sheet``, ``approval``, ``decision``).
    :param is_retry: Airflow runs it again by itself; False when a person cleared the task, or in its first try.
    """

    plan: WavePlan
    app: PlannedApplication | None = None
    resumed: Resumed | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    is_retry: bool = False

    @property
    def application(self) -> PlannedApplication:
        """The application of a step that works on one."""
        if self.app is None:
            raise ValueError("this step works on one application")
        return self.app

    @property
    def conf(self) -> WaveConf:
        return self.plan.conf

    def carried(self, kind: type[C]) -> C:
        """What the step handed to itself across its last wait; an empty carry on a fresh start.

        :raises InvalidInputError: it is malformed.
        """
        return kind.from_document(self.resumed.carry if self.resumed else {})


class StepSkipped(MigrationError):
    """The step has nothing to do for this application or wave; its task is skipped, not failed."""

    code = "NOT_CONCERNED"
