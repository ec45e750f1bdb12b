"""The runbook's resources, limits and contacts: ``include/config/*.yaml``, read and validated when a run begins."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic.alias_generators import to_snake

from migration_ops.core.accepted import Accepted
from migration_ops.core.errors import InstallationError
from migration_ops.core.settings import Settings
from migration_ops.core.thresholds import ConfigPart, Thresholds

DIRECTORY = Path(__file__).resolve().parents[3] / "include" / "config"
M = TypeVar("M", bound=BaseModel)
# Kinds of which migration_setup creates at least one: if there is none, something is wrong.
MADE_BY_SETUP = frozenset({"queues", "buses", "buckets", "topics"})
# Patterns as shipped. Any other pattern was written by somebody who expects a resource to match it.
SHIPPED_PATTERNS = frozenset({"*", "migration-*", "migration/*", "alias/migration-*", "default"})
Source = Literal["dependencyScan", "costs", "history"]


class Names(ConfigPart):
    """
    Which resources of a service are ours: shell patterns on their names.

    An empty ``include`` says that there are none here; then that service is not asked.

    :param expect: whether there must be at least one. None: decided by :meth:`Resources.expects`.
    :param warn_only: pattern -> reason. What a check finds CRITICAL in one of these becomes a WARNING with the reason.
    """

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    expect: bool | None = None
    warn_only: dict[str, str] = Field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether this installation has none of the kind."""
        return not self.include

    def matches(self, name: str) -> bool:
        return any(fnmatchcase(name, one) for one in self.include) and not any(
            fnmatchcase(name, one) for one in self.exclude
        )

    def why_warn_only(self, name: str) -> str | None:
        """The reason why findings about this resource are at most a WARNING; None when there is no such rule."""
        return next((why for one, why in self.warn_only.items() if fnmatchcase(name, one)), None)


class Resources(ConfigPart):
    """The installation's AWS resources. What has a ``MIGRATION_OPS_*`` setting is not repeated here."""

    # Of a kind that the file does not name, every resource is checked; the shipped file names ours.
    functions: Names = Names()
    queues: Names = Names()
    state_machines: Names = Names()
    # Where functions log; below "/aws/lambda/" only the groups of our functions are read.
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
    # Sources without a resource name that must not be empty; if not listed here, an empty one is no fault.
    expect: tuple[Source, ...] = ()
    # Where backups are kept; empty = the evidence bucket (MIGRATION_OPS_EVIDENCE_BUCKET).
    backup_bucket: str = ""
    # Its account; empty = not known: then exports name no owner, and DynamoDB assumes the table's account.
    backup_bucket_owner: str = Field(default="", pattern=r"^(\d{12})?$")
    dashboard: str = "migration-orchestration"
    on_call_topic: str = "migration-on-call"
    warnings_topic: str = "migration-warnings"
    # The tag that cost reports are split by.
    cost_tag: str = "wave"

    def has_none_of(self, kind: str) -> bool:
        """Whether ``include`` of this kind is empty; False for a kind without names."""
        names = getattr(self, to_snake(kind), None)
        return isinstance(names, Names) and names.is_empty

    def expects(self, kind: str) -> bool:
        """
        Whether an empty list of this kind is a fault: then it is UNKNOWN, never "none here".

        Without ``expect`` of its own, at least one is expected where ``migration_setup`` creates one, or where
        ``include`` has a pattern that was not shipped.

        :param kind: a key of ``resources.yaml``, or one of its ``expect``.
        """
        names = getattr(self, to_snake(kind), None)
        if not isinstance(names, Names):
            return kind in self.expect
        if names.expect is not None:
            return names.expect
        return not names.is_empty and (kind in MADE_BY_SETUP or not SHIPPED_PATTERNS.issuperset(names.include))

    def with_own(self, settings: Settings) -> Resources:
        """A copy that includes the names from the settings, so that no pattern has to repeat them."""
        changed = {}
        for kind, own in self.own_names(settings).items():
            names: Names = getattr(self, kind)
            if not names.is_empty:
                include = (*names.include, *(one for one in own if one not in names.include))
                changed[kind] = names.model_copy(update={"include": include, "expect": self.expects(kind)})
        return self.model_copy(update=changed)

    def owner_of_backups(self, settings: Settings) -> str | None:
        """The account that owns the bucket of the backups; None when neither file nor settings name it."""
        if self.backup_bucket:
            return self.backup_bucket_owner or None
        return self.backup_bucket_owner or settings.evidence_bucket_owner or None

    def own_names(self, settings: Settings) -> dict[str, tuple[str, ...]]:
        """By kind, the names of resources that ``migration_setup`` creates and that file or settings name."""
        buckets = (settings.evidence_bucket, self.backup_bucket)
        return {
            "buses": (settings.event_bus,),
            "tables": (settings.table_name,),
            "buckets": tuple(one for one in dict.fromkeys(buckets) if one),
            "topics": (self.on_call_topic, self.warnings_topic),
        }


class Contact(ConfigPart):
    """Somebody on the escalation path. Addresses are subscriptions of the topics, not kept here."""

    role: str
    name: str
    channel: str


class Escalation(ConfigPart):
    """
    When the next contact is notified, by priority (P1 to P4), in minutes after an alarm that nobody acknowledged.

    For people to read: nothing escalates automatically.
    """

    role: str
    after_minutes: dict[str, int]


class OnCall(ConfigPart):
    """Who is notified, and after how long again."""

    contacts: tuple[Contact, ...] = ()
    escalation: tuple[Escalation, ...] = ()
    # After this time an unchanged finding is notified again.
    remind_after_hours: int = Field(default=24, ge=1)

    @field_validator("contacts")
    @classmethod
    def _distinct(cls, contacts: tuple[Contact, ...]) -> tuple[Contact, ...]:
        roles = [one.role for one in contacts]
        if len(set(roles)) != len(roles):
            raise ValueError("each role has one contact")
        return contacts


class RunbookConfig(ConfigPart):
    """The contents of all files."""

    resources: Resources = Resources()
    thresholds: Thresholds = Thresholds()
    on_call: OnCall = OnCall()
    accepted: Accepted = Accepted()

    def with_own(self, settings: Settings) -> RunbookConfig:
        """See :meth:`Resources.with_own`."""
        return self.model_copy(update={"resources": self.resources.with_own(settings)})


def read_config(directory: Path | None = None) -> RunbookConfig:
    """
    The configuration of this installation.

    :param directory: default ``include/config`` of the project. Callers pass ``MIGRATION_OPS_CONFIG_DIRECTORY``.
    :raises InstallationError: a file is missing, not YAML, or invalid; the message names all faults of that file.
    """
    where = directory or DIRECTORY
    accepted = where / "accepted.yaml"
    return RunbookConfig(
        resources=_read(where / "resources.yaml", Resources),
        thresholds=_read(where / "thresholds.yaml", Thresholds),
        on_call=_read(where / "on_call.yaml", OnCall),
        # Directories of earlier versions do not have this file: then nothing is accepted.
        accepted=_read(accepted, Accepted) if accepted.exists() else Accepted(),
    )


def _read(path: Path, kind: type[M]) -> M:
    try:
        document = _document_of(path.read_text(encoding="utf-8"))
    except _TwiceError as error:
        raise InstallationError(str(error.problem), path=str(path)) from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        # ValueError: a day that does not exist, or another encoding.
        raise InstallationError(f"cannot be read: {type(error).__name__}: {error}"[:300], path=str(path)) from error
    try:
        return kind.model_validate({} if document is None else document)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise InstallationError("; ".join(faults), path=str(path)) from error


# Parsing these files takes a task longer than judging a check. Forked task processes inherit the cache.
@lru_cache(maxsize=16)
def _document_of(text: str) -> Any:
    """The parsed document. It is cached: callers must not change it."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - both are safe loaders


class _TwiceError(yaml.constructor.ConstructorError):
    """A mapping has a key twice."""


# PyYAML's loader in C, if it was built with it: it is faster.
_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SAFE):
    """Refuses a key that is there twice: YAML's parser would drop the first without a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [str(key.value) for key, _ in node.value]
        twice = next((one for number, one in enumerate(keys) if one in keys[:number]), None)
        if twice is not None:
            raise _TwiceError(problem=f"{twice} is there twice")
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found
