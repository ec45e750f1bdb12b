"""The conf of ``migration_rollback``: what to roll back, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, ValidationError

from migration_ops.wave.conf import limits, names
from migration_ops.wave.conf.model import InvalidConfError
from migration_ops.wave.conf.parts import (
    AccountId,
    ConfPart,
    ConnectionId,
    MigrationId,
    Minutes,
    Name,
    RegionName,
    UserId,
)
from migration_ops.wave.conf.problems import Finding, path_of


class RollbackConf(ConfPart):
    """One of ``wave``, ``applications`` and ``migrationIds``; ``wave`` may narrow ``applications``."""

    wave: Name | None = None
    """Roll back every migration of this wave, or those of its ``applications`` that are named. May stay empty when
    applications or migration ids are named."""
    applications: tuple[Name, ...] = ()
    """Roll back these applications. May stay empty when a wave or migration ids are named."""
    migration_ids: tuple[MigrationId, ...] = ()
    """Roll back these migrations only. May stay empty when a wave or applications are named."""
    reason: Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"\S")]
    """Why; kept in the ledger and shown to the approver."""
    dry_run: bool = True
    """Show what would be rolled back, change nothing."""
    aws_conn_id: ConnectionId = "aws_default"
    """Airflow connection of the account that the servers are in."""
    region: RegionName | None = None
    """AWS Region; absent: the connection's."""
    account_id: AccountId | None = None
    """Account that the connection must lead to; a different one stops the run before anything is touched."""
    timeout_minutes: Minutes = 1_440
    """How long the approval may stay unanswered."""
    approvers: tuple[UserId, ...] = ()
    """User ids that may approve; the wave and the installation may allow fewer. Empty: all whom they allow."""


def parse_rollback_conf(document: dict[str, Any]) -> RollbackConf:
    """The conf of a rollback run.

    :raises InvalidConfError: with all findings of the first part that fails: types, limits and names, selection.
    """
    import json

    try:
        conf = RollbackConf.model_validate_json(json.dumps(document))
    except ValidationError as error:
        findings = [{"path": path_of(e["loc"]), "code": e["type"], "message": e["msg"]} for e in error.errors()]
        shown = "; ".join(f"{one['path']}: {one['message']}" for one in findings)
        raise InvalidConfError(shown, findings=findings) from None
    found = [*limits.of_rollback(conf.timeout_minutes), *_names(conf)]
    if found:
        shown = "; ".join(f"{one.path}: {one.message}" for one in found)
        raise InvalidConfError(shown, findings=[one.as_document() for one in found])
    chosen = [bool(conf.migration_ids), bool(conf.applications), bool(conf.wave)]
    if not any(chosen) or (conf.migration_ids and any(chosen[1:])):
        message = "name a wave, applications (of a wave) or migrationIds, nothing else beside migrationIds"
        raise InvalidConfError(message, findings=[{"path": "wave", "code": "what", "message": message}])
    return conf


def _names(conf: RollbackConf) -> Iterator[Finding]:
    """Slashes are allowed: earlier versions took names with them, and their migrations must still be found."""
    yield from names.of_text("wave", conf.wave)
    for key, values in (("applications", conf.applications), ("approvers", conf.approvers)):
        for index, one in enumerate(values):
            yield from names.of_text(f"{key}[{index}]", one)
