"""What a wait reads: the feeds of each topic, and how their observations become the condition's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_ops.ledger.protocol import Record
from migration_ops.wave.waits.conditions import ApiError
from migration_ops.wave.waits.feeds import Feed
from migration_ops.wave.waits.outcome import Topic
from migration_ops.wave.waits.poll import Observations, Wants

FEED_OF: Mapping[Topic, Feed] = {
    Topic.REPLICATION: Feed.SERVERS,
    Topic.JOBS: Feed.JOBS,
    Topic.LEDGER: Feed.LEDGER,
    Topic.CALENDAR: Feed.CALENDARS,
}


def wants_of(topic: Topic, subjects: list[str], until: dict[str, Any]) -> Wants:
    """The ids to read per feed. BOOT reads servers and their instances; CLOCK reads nothing."""
    if topic is Topic.CLOCK:
        return {}
    if topic is Topic.BOOT:
        instances = frozenset(one for one in _instances(until).values() if one)
        return {Feed.SERVERS: frozenset(subjects), Feed.INSTANCES: instances}
    return {FEED_OF[topic]: frozenset(subjects)}


def merged(topic: Topic, subjects: list[str], until: dict[str, Any], seen: Observations) -> dict[str, Any]:
    """The observation of every subject: None for one that AWS did not list, ApiError for one that was not read.

    BOOT: ``{"view": ServerView, "instance": DescribeInstanceStatus item}``, each of them possibly None or ApiError.
    LEDGER: ``{"phase", "status", "reason"}``. Otherwise what the feed's reader returns.
    """
    if topic is Topic.BOOT:
        servers, instances, ids = seen.get(Feed.SERVERS, {}), seen.get(Feed.INSTANCES, {}), _instances(until)
        return {one: {"view": servers.get(one), "instance": instances.get(ids.get(one) or "")} for one in subjects}
    views = seen.get(FEED_OF[topic], {})
    if topic is Topic.LEDGER:
        views = {one: _ledger_observation(record) for one, record in views.items()}
    return {one: views.get(one) for one in subjects}


def _ledger_observation(record: Record | ApiError) -> dict[str, Any] | ApiError:
    if isinstance(record, ApiError):
        return record
    return {"phase": record.phase.value, "status": record.status.value, "reason": record.error_message}


def _instances(until: dict[str, Any]) -> dict[str, str | None]:
    return until.get("instances") or {}
