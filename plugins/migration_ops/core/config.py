"""What the runbook is about, its limits and whom it tells: ``include/config/*.yaml``, judged when a run begins."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic.alias_generators import to_snake

from migration_ops.core.errors import InvalidInput
from migration_ops.core.thresholds import ConfigPart, Thresholds

DIRECTORY = Path(__file__).resolve().parents[3] / "include" / "config"
M = TypeVar("M", bound=BaseModel)


class Names(ConfigPart):
    """
    Which resources of a service are ours: shell patterns on their names.

    An empty list says that there are none here; then nothing of that service is asked for.
    """

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()

    @property
    def are_none(self) -> bool:
        """Whether this installation has none of the kind."""
        return not self.include

    def takes(self, name: str) -> bool:
        return any(fnmatchcase(name, one) for one in self.include) and not any(
            fnmatchcase(name, one) for one in self.exclude
        )


class Resources(ConfigPart):
    """The installation's AWS resources. What has a ``MIGRATION_OPS_*`` setting is not repeated here."""

    functions: Names = Names()
    queues: Names = Names()
    state_machines: Names = Names()
    # Where functions log; of "/aws/lambda/" only the groups of our functions are read.
    log_group_prefixes: tuple[str, ...] = ("/aws/lambda/",)
    buses: Names = Names()
    # DynamoDB tables that the reviews look at; the ledger's own has a setting.
    tables: Names = Names()
    # IAM roles, KMS keys (by alias), secrets, buckets and topics that the audit looks at.
    roles: Names = Names()
    keys: Names = Names()
    secrets: Names = Names()
    buckets: Names = Names()
    topics: Names = Names()
    # CloudWatch alarms whose state the health check reads.
    alarms: Names = Names()
    # Where backups are kept; empty = the evidence bucket (MIGRATION_OPS_EVIDENCE_BUCKET).
    backup_bucket: str = ""
    dashboard: str = "migration-orchestration"
    on_call_topic: str = "migration-on-call"
    warnings_topic: str = "migration-warnings"
    # The tag that cost reports are split by.
    cost_tag: str = "wave"

    def has_none_of(self, kind: str) -> bool:
        """Whether ``include`` of this kind is empty; a kind that has no names is always there."""
        names = getattr(self, to_snake(kind), None)
        return isinstance(names, Names) and names.are_none


class Contact(ConfigPart):
    """Somebody on the escalation path. Addresses are subscriptions of the topics, not kept here."""

    role: str
    name: str
    channel: str


class Escalation(ConfigPart):
    """When the next one is told, by priority (P1 to P4), in minutes after the alarm without acknowledgement."""

    role: str
    after_minutes: dict[str, int]


class OnCall(ConfigPart):
    """Who is told, and how soon again."""

    contacts: tuple[Contact, ...] = ()
    escalation: tuple[Escalation, ...] = ()
    # The same unchanged finding is told again after so long.
    remind_after_hours: int = Field(default=24, ge=1)

    @field_validator("contacts")
    @classmethod
    def _distinct(cls, contacts: tuple[Contact, ...]) -> tuple[Contact, ...]:
        roles = [one.role for one in contacts]
        if len(set(roles)) != len(roles):
            raise ValueError("each role has one contact")
        return contacts


class RunbookConfig(ConfigPart):
    """All three files."""

    resources: Resources = Resources()
    thresholds: Thresholds = Thresholds()
    on_call: OnCall = OnCall()


def read_config(directory: Path | None = None) -> RunbookConfig:
    """
    The configuration of this installation.

    :param directory: default ``include/config`` of the project, or the setting ``MIGRATION_OPS_CONFIG_DIRECTORY``.
    :raises InvalidInput: a file is missing, not YAML, or has what does not belong there; all faults at once.
    """
    where = directory or DIRECTORY
    resources = _read(where / "resources.yaml", Resources)
    return RunbookConfig(
        resources=resources,
        thresholds=_read(where / "thresholds.yaml", Thresholds),
        on_call=_read(where / "on_call.yaml", OnCall),
    )


def _read(path: Path, kind: type[M]) -> M:
    try:
        document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InvalidInput(f"cannot be read: {type(error).__name__}", path=str(path)) from error
    try:
        return kind.model_validate(document or {})
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise InvalidInput("; ".join(faults), path=str(path)) from error
