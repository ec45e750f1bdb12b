"""The kinds of alarm, and which alarms of a kind must be there. Calls nothing."""

from __future__ import annotations

from migration_ops.core.facts import NotReadError, Snapshot
from migration_ops.core.finding import Route
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.alarms import kinds  # noqa: F401 - registers them
from migration_ops.runbook.alarms.alarm import PREFIX, Alarm
from migration_ops.runbook.alarms.registry import KINDS_BY_NAME

# The kind of alarms that an earlier version of this package made and no kind wants any more.
LEFTOVER = "leftover"
WITH_WAVES = frozenset(name for name, kind in KINDS_BY_NAME.items() if kind.with_waves)
KINDS = (*KINDS_BY_NAME, LEFTOVER)


def subjects_of(kind: str) -> str | None:
    """What alarms of this kind watch, a name in ``subjects``; None where nothing is wanted."""
    return KINDS_BY_NAME[kind].subjects if kind in KINDS_BY_NAME else None


def route_of(name: str) -> Route | None:
    """Whom an alarm of ours notifies, by its name; None for one that is not ours. One of an unknown kind warns."""
    if not name.startswith(PREFIX):
        return None
    kind = KINDS_BY_NAME.get(name.removeprefix(PREFIX).split("/", 1)[0])
    return kind.route if kind else Route.WARN


def desired_and_doubts(kind: str, read: Snapshot, limits: Thresholds) -> tuple[list[Alarm], dict[str, str]]:
    """
    The wanted alarms of a kind, and the subjects that could not be judged.

    :return: alarms, sorted by name; and the reason, by the name prefix of such a subject's alarms.
    :raises NotReadError: the subjects could not be listed, or one of them cannot even be named.
    """
    if kind == LEFTOVER:
        return [], {}
    known = KINDS_BY_NAME[kind]
    found: dict[str, Alarm] = {}
    doubts: dict[str, str] = {}
    for thing in read[known.subjects]:
        try:
            found |= {alarm.name: alarm for alarm in known.wanted(thing, limits)}
        except NotReadError as error:
            about = thing.optional(known.group)
            if about is None:
                raise
            doubts[f"{PREFIX}{kind}/{about}"] = error.message
    return [found[name] for name in sorted(found)], doubts
