"""The table that a backup is restored into: made for it, tagged with its run, never one that exists or is in use."""

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
    :param in_use: names or ARNs of tables that somebody works with: the settings' table, as of now.
    :raises TableExistsError: the target is one of them; a name that differs in case only counts as one of them as well.
    """
    if name_of(target).casefold() in {name_of(one).casefold() for one in in_use}:
        raise TableExistsError("the target is the live table", table=target)


def create_target(
    client: Any, target: str, manifest: Manifest, live_table: str, run_id: str, without: Collection[str] = ()
) -> str:
    """
    Creates the table, or finds the one that this very run created; its status.

    :param live_table: name or ARN of the table in use.
    :param without: names of global indexes that are to be made after the load, see ``index_keys``.

    No time to live, no deletion protection, no stream: what was restored must neither vanish nor act before somebody
    has looked at it.

    :raises TableExistsError: the table is the live one, or somebody else's.
    """
    require_not_in_use(target, live_table)
    status = _own_status(client, target, run_id)
    if status is not None:
        return status
    tags = [{"Key": RUN_TAG, "Value": tag_value(run_id)}]
    try:
        made = client.create_table(TableName=target, **leaving_out(manifest.create_table, without), Tags=tags)
    except client.exceptions.ResourceInUseException as error:
        # The SDK sends again what got no answer: what is in the way may be what it made at the first time.
        status = _own_status(client, target, run_id)
        if status is None:
            raise TableExistsError("the target was created in between", table=target) from error
        return status
    except SDK_ERRORS as error:
        # A lost answer: the next try finds the table with this run's tag.
        raise to_aws_error(error, mutating=True) from error
    return str(made["TableDescription"]["TableStatus"])


def _own_status(client: Any, target: str, run_id: str) -> str | None:
    """The status of the table that this very run created; None when there is no such table.

    :raises TableExistsError: it is another's.
    """
    found = raw_description(client, target)
    if found is None:
        return None
    if run_tag_of(client, found["TableArn"]) != tag_value(run_id):
        raise TableExistsError("the target exists", table=target)
    return str(found["TableStatus"])


def tags_of(client: Any, arn: str) -> dict[str, str]:
    """A table's tags; of a table that is too new to have any, none."""
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
    The ARN of a table that this run made, that was never loaded to its end, and that nobody uses: it may be written.

    :param in_use: names or ARNs of tables that somebody works with, as of now.
    :raises TableExistsError: it is in use, somebody else's, loaded already, or was handed over.
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
            reason = f"the table {what} at {tags[name]} and is not written again: clear compare, or restore anew"
            raise TableExistsError(reason, table=target)
    return str(found["TableArn"])


def note(client: Any, arn: str, tag: str, at: str) -> None:
    """:param tag: ``LOADED_TAG`` or ``HANDED_OVER_TAG``. :raises MigrationError: DynamoDB did not take it."""
    ask(lambda: client.tag_resource(ResourceArn=arn, Tags=[{"Key": tag, "Value": tag_value(at)}]))


def status_of(client: Any, target: str) -> str | None:
    """``ACTIVE`` when table and indexes are; None when there is no such table."""
    found = raw_description(client, target)
    if found is None:
        return None
    states = {found["TableStatus"], *(one["IndexStatus"] for one in found.get("GlobalSecondaryIndexes") or [])}
    return ACTIVE if states == {ACTIVE} else ", ".join(sorted(states))
