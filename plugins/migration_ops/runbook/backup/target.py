"""The table that a backup is restored into: made for it, tagged with its run, never an existing one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from migration_ops.aws.errors import SDK_ERRORS, NotFoundError, to_aws_error
from migration_ops.aws.inventory.dynamodb_scratch import HANDED_OVER_TAG, RUN_TAG, name_of
from migration_ops.core.errors import BlockedError
from migration_ops.core.field_text import tag_value
from migration_ops.runbook.backup.index_keys import leaving_out
from migration_ops.runbook.backup.manifest import Manifest
from migration_ops.runbook.backup.table import ask, raw_description

LOADED_TAG = "migration-ops:loaded-at"
ACTIVE = "ACTIVE"


class TableExistsError(BlockedError):
    """The target is there already, and this run did not make it. Nothing was touched."""

    code = "TABLE_EXISTS"
    hint = "Choose a name that no table has; this package never writes into a table that exists."


def require_not_in_use(target: str, *in_use: str) -> None:
    """
    :param in_use: names or ARNs of tables in use: the table in the settings, as of now.
    :raises TableExistsError: the target is one of them; names that differ only in case count as the same.
    """
    if name_of(target).casefold() in {name_of(one).casefold() for one in in_use}:
        raise TableExistsError("the target is the live table", table=target)


def create_target(
    client: Any, target: str, manifest: Manifest, live_table: str, run_id: str, without: Collection[str] = ()
) -> str:
    """
    Creates the table, or finds the one that this run created; returns its status.

    No time to live, no deletion protection, no stream: restored items must neither expire nor trigger anything before
    somebody has looked at them.

    :param live_table: name or ARN of the table in use.
    :param without: names of global indexes that are made after the load, see ``index_keys``.
    :raises TableExistsError: the table is the live one, or somebody else's.
    :raises MigrationError: DynamoDB refused it, or its outcome is unknown.
    """
    require_not_in_use(target, live_table)
    status = _own_status(client, target, run_id)
    if status is not None:
        return status
    tags = [{"Key": RUN_TAG, "Value": tag_value(run_id)}]
    try:
        made = client.create_table(TableName=target, **leaving_out(manifest.create_table, without), Tags=tags)
    except client.exceptions.ResourceInUseException as error:
        # The SDK repeats a call that got no answer: the table in the way may be from its first try.
        status = _own_status(client, target, run_id)
        if status is None:
            raise TableExistsError("the target was created in between", table=target) from error
        return status
    except SDK_ERRORS as error:
        # If the answer was lost, the next try finds the table with this run's tag.
        raise to_aws_error(error, mutating=True) from error
    return str(made["TableDescription"]["TableStatus"])


def _own_status(client: Any, target: str, run_id: str) -> str | None:
    """The status of the table that this run created; None when there is no table of this name.

    :raises TableExistsError: somebody else made it.
    """
    found = raw_description(client, target)
    if found is None:
        return None
    if run_tag_of(client, found["TableArn"]) != tag_value(run_id):
        raise TableExistsError("the target exists", table=target)
    return str(found["TableStatus"])


def tags_of(client: Any, arn: str) -> dict[str, str]:
    """A table's tags; none while the table is too new to have any."""
    try:
        pages = ask(lambda: list(client.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)))
    except NotFoundError:
        return {}
    return {one["Key"]: one["Value"] for page in pages for one in page["Tags"]}


def run_tag_of(client: Any, arn: str) -> str | None:
    """The run that made the table, as its tag says; None when it has no such tag."""
    return tags_of(client, arn).get(RUN_TAG)


def require_loadable(client: Any, target: str, run_id: str, *in_use: str) -> str:
    """
    The ARN of the target, if it may be written: this run made it, no load of it has ended, and it is not in use.

    :param in_use: names or ARNs of tables in use, as of now.
    :raises TableExistsError: it is in use, somebody else's, loaded already, or handed over.
    :raises NotFoundError: there is no such table.
    """
    require_not_in_use(target, *in_use)
    found = raw_description(client, target)
    if found is None:
        raise NotFoundError("the new table is not there: clear the task create with downstream", table=target)
    require_not_in_use(found["TableArn"], *in_use)
    tags = tags_of(client, found["TableArn"])
    if tags.get(RUN_TAG) != tag_value(run_id):
        raise TableExistsError("the target was made by somebody else", table=target)
    for name, what in ((HANDED_OVER_TAG, "was compared and handed over"), (LOADED_TAG, "was loaded to its end")):
        if name in tags:
            reason = f"the table {what} at {tags[name]} and is not written again: clear compare, or begin a new run"
            raise TableExistsError(reason, table=target)
    return str(found["TableArn"])


def note(client: Any, arn: str, tag: str, at: str) -> None:
    """
    Tags the table with a time.

    :param tag: ``LOADED_TAG`` or ``HANDED_OVER_TAG``.
    :param at: ISO 8601.
    :raises MigrationError: DynamoDB did not take it.
    """
    ask(lambda: client.tag_resource(ResourceArn=arn, Tags=[{"Key": tag, "Value": tag_value(at)}]))


def status_of(client: Any, target: str) -> str | None:
    """``ACTIVE`` when table and indexes are; None when there is no such table."""
    found = raw_description(client, target)
    if found is None:
        return None
    states = {found["TableStatus"], *(one["IndexStatus"] for one in found.get("GlobalSecondaryIndexes") or [])}
    return ACTIVE if states == {ACTIVE} else ", ".join(sorted(states))
