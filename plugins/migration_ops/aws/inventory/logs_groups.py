"""Log groups of our functions and of the package: secrets in a sample of their lines, which stay in this module."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from migration_ops.aws.inventory.logs import is_gone
from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import side_by_side
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing
from migration_ops.core.secrets import kinds_in

FUNCTIONS = "/aws/lambda/"
# A sample: reading every line of a month would take hours. Prowler also reads 1,000 events per group.
SAMPLED_EVENTS, SAMPLED_HOURS, PAGES = 1_000, 24, 20


def read(reader: AwsReader) -> dict[str, Any]:
    """``groups``: ``name, sampled`` (how many lines were searched), ``secrets`` (``stream, kinds``)."""
    own, resources = reader.settings.log_group, reader.config.resources
    prefixes = [own] if resources.functions.is_empty else [own, *resources.log_group_prefixes]
    lists = side_by_side(
        prefixes, lambda one: reader.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=one)
    )
    unread = next((one for one in lists if is_failed(one)), None)
    if unread is not None:
        return {"groups": unread}
    named = {group["logGroupName"] for found in lists for group in found}
    ours = sorted(one for one in named if _is_ours(reader, one))
    return {"groups": reader.map_present(ours, lambda name: _group(reader, name))}


def _is_ours(reader: AwsReader, name: str) -> bool:
    """Below "/aws/lambda/" only the groups of our functions; below other configured prefixes all groups."""
    return not name.startswith(FUNCTIONS) or reader.config.resources.functions.matches(name.removeprefix(FUNCTIONS))


def _group(reader: AwsReader, name: str) -> dict[str, Any] | None:
    found = reader.guarded("logs:filter_log_events", lambda: _sample(reader, name))
    if is_gone(found):
        return None
    if is_failed(found):
        return {"name": name, "sampled": found, "secrets": found}
    return {"name": name, **found}


def _sample(reader: AwsReader, name: str) -> dict[str, Any]:
    """The first lines of the last day. Empty pages with a token are normal, so the number of pages is limited too."""
    since = max(reader.since, reader.now - timedelta(hours=SAMPLED_HOURS))
    pages = (
        reader.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=name,
            startTime=int(since.timestamp() * 1000),
            endTime=int(reader.now.timestamp() * 1000),
            PaginationConfig={"MaxItems": SAMPLED_EVENTS},
        )
    )
    sampled = 0
    secrets: dict[str, set[str]] = {}
    for number, page in enumerate(pages, start=1):
        sampled += len(page["events"])
        for event in page["events"]:
            kinds = kinds_in(event["message"])
            if kinds:
                secrets.setdefault(event["logStreamName"], set()).update(kinds)
        if number == PAGES:
            break
    return {
        "sampled": sampled,
        "secrets": [{"stream": stream, "kinds": sorted(kinds)} for stream, kinds in sorted(secrets.items())],
    }


# The lists that checks are about.
GROUPS = Listing("log_groups", "groups", read)
