"""The scratch tables of a drill: how they are named, recovered to a point in time, and removed again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from migration_ops.aws.errors import SDK_ERRORS, BotoCoreError, ClientError, to_aws_error
from migration_ops.aws.inventory.dynamodb_scratch import RUN_TAG, name_of
from migration_ops.core.field_text import tag_value
from migration_ops.runbook.backup.create import CLOCKS_DIFFER_BY
from migration_ops.runbook.backup.table import ask, raw_description
from migration_ops.runbook.backup.target import ACTIVE, TableExistsError, run_tag_of

_NAME = "-drill-"
# The table is being created or changed: the next call of clean_up deletes it.
_BUSY = frozenset({"ResourceInUseException"})
_ABSENT = frozenset({"ResourceNotFoundException"})


@dataclass(frozen=True)
class Scratch:
    """
    One drill's tables.

    :param live: name of the live table.
    :param source_arn: ARN of the live table.
    :param began: a time before any of them was made.
    """

    run_id: str
    live: str
    source_arn: str
    began: datetime

    @property
    def from_backup(self) -> str:
        return f"{self._base}-backup"

    @property
    def from_point_in_time(self) -> str:
        return f"{self._base}-pitr"

    @property
    def names(self) -> tuple[str, str]:
        return self.from_backup, self.from_point_in_time

    @property
    def _base(self) -> str:
        return f"{self.live}{_NAME}{sha256(self.run_id.encode()).hexdigest()[:10]}"


def require_free_names(client: Any, scratch: Scratch) -> None:
    """:raises TableExistsError: a table of one of these names exists already, so it is not this drill's."""
    there = [name for name in scratch.names if raw_description(client, name) is not None]
    if there:
        raise TableExistsError("tables of this drill's names exist; clear its task clean_up first", tables=there)


def start_recovery(client: Any, scratch: Scratch) -> datetime | None:
    """
    Starts RestoreTableToPointInTime, unless this run did before. Returns the point in time; None when AWS does not say.

    :raises TableExistsError: somebody else's table has the name.
    :raises MigrationError: DynamoDB refused it, or nobody knows.
    """
    name = scratch.from_point_in_time
    found = raw_description(client, name)
    if found is None:
        found = _recover(client, scratch)
    elif not is_ours(client, found, scratch):
        raise TableExistsError("the target exists", table=name)
    moment: datetime | None = (found.get("RestoreSummary") or {}).get("RestoreDateTime")
    return moment


def _recover(client: Any, scratch: Scratch) -> dict[str, Any]:
    try:
        answer = client.restore_table_to_point_in_time(
            SourceTableName=scratch.live, TargetTableName=scratch.from_point_in_time, UseLatestRestorableTime=True
        )
    except SDK_ERRORS as error:
        # A lost answer: the next try finds the table.
        raise to_aws_error(error, mutating=True) from error
    found: dict[str, Any] = answer["TableDescription"]
    return found


def tag(client: Any, scratch: Scratch) -> None:
    """Tags the recovered table once it is ACTIVE: it has no tags, and takes none before."""
    found = raw_description(client, scratch.from_point_in_time)
    if found is not None and found["TableStatus"] == ACTIVE and is_ours(client, found, scratch):
        tags = [{"Key": RUN_TAG, "Value": tag_value(scratch.run_id)}]
        ask(lambda: client.tag_resource(ResourceArn=found["TableArn"], Tags=tags))


def is_ours(client: Any, found: dict[str, Any], scratch: Scratch) -> bool:
    """Whether the table is this drill's: by name and run tag; without a tag (under recovery) by its source table."""
    if found["TableName"] not in scratch.names:
        return False
    tagged = run_tag_of(client, found["TableArn"])
    if tagged is not None:
        return tagged == tag_value(scratch.run_id)
    summary = found.get("RestoreSummary") or {}
    return (
        summary.get("SourceTableArn") == scratch.source_arn
        and found["CreationDateTime"] >= scratch.began - CLOCKS_DIFFER_BY
    )


@dataclass(frozen=True)
class Cleaned:
    """:param pending: still there, to be looked at again. :param foreign: of the same name, but not this drill's."""

    pending: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


def clean_up(client: Any, scratch: Scratch, in_use: str = "") -> Cleaned:
    """
    Asks DynamoDB to delete this drill's tables, and no others; to be called until nothing is pending.

    :param in_use: name or ARN of the table in the settings, as of now: it is never deleted.
    :raises MigrationError: DynamoDB cannot say whether they are there.
    """
    pending, foreign = [], []
    for name in scratch.names:
        found = raw_description(client, name)
        if found is None:
            continue
        if name_of(in_use) == name or not is_ours(client, found, scratch):
            foreign.append(name)
            continue
        pending.append(name)
        if found["TableStatus"] == ACTIVE:
            _delete(client, name)
    return Cleaned(tuple(pending), tuple(foreign))


def _delete(client: Any, name: str) -> None:
    try:
        client.delete_table(TableName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _BUSY | _ABSENT:
            raise to_aws_error(error, mutating=False) from error
    except BotoCoreError as error:
        raise to_aws_error(error, mutating=False) from error


def left_over(client: Any, scratch: Scratch) -> list[str]:
    """Tables with names of other drills. A person must judge them."""
    pages = ask(lambda: list(client.get_paginator("list_tables").paginate()))
    names = [name for page in pages for name in page["TableNames"]]
    return [name for name in names if name.startswith(f"{scratch.live}{_NAME}") and name not in scratch.names]
