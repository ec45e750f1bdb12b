"""The kinds of alarm, and which alarms of a kind must be there. Calls nothing."""

from __future__ import annotations

from types import ModuleType

from migration_ops.core.facts import Facts, NotRead
from migration_ops.core.finding import Route
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.alarms import (
    dead_letters,
    executions_failed,
    function_error_rate,
    function_few_calls,
    replication_lag,
    rule_failures,
    table_throttles,
)
from migration_ops.runbook.alarms.alarm import PREFIX, Alarm

# Of alarms that an earlier version of this package made and that no kind knows any more.
LEFTOVER = "leftover"
# Kinds whose alarms come and go with waves: scheduled runs apply them, whatever dryRun says.
WITH_WAVES = frozenset({"replication_lag"})

_MODULES: tuple[ModuleType, ...] = (
    dead_letters,
    replication_lag,
    function_error_rate,
    function_few_calls,
    executions_failed,
    rule_failures,
    table_throttles,
)
_BY_KIND = {module.__name__.rsplit(".", 1)[-1]: module for module in _MODULES}
KINDS = (*_BY_KIND, LEFTOVER)


def subjects_of(kind: str) -> str | None:
    """What alarms of this kind watch, a function of ``subjects``; None where nothing is wanted."""
    return str(_BY_KIND[kind].SUBJECTS) if kind in _BY_KIND else None


def route_of(name: str) -> Route | None:
    """Whom an alarm of ours tells, by its name; None for an alarm that is not ours. What no kind knows only warns."""
    if not name.startswith(PREFIX):
        return None
    module = _BY_KIND.get(name.removeprefix(PREFIX).split("/", 1)[0])
    return Route(module.ROUTE) if module else Route.WARN


def desired(kind: str, read: Facts, limits: Thresholds) -> list[Alarm]:
    """
    The alarms of a kind, by name.

    :param read: what ``subjects`` read.
    :raises NotRead: something was not read. Then nobody knows which alarms are wanted, and none may be deleted.
    """
    alarms, doubts = desired_and_doubts(kind, read, limits)
    for why in doubts.values():
        raise NotRead(why)
    return alarms


def desired_and_doubts(kind: str, read: Facts, limits: Thresholds) -> tuple[list[Alarm], dict[str, str]]:
    """
    The alarms of a kind, by name, and of which subjects nobody knows whether they need one.

    :return: alarms; and the reason by the beginning that names of such a subject's alarms have.
    :raises NotRead: the subjects could not be listed at all.
    """
    if kind == LEFTOVER:
        return [], {}
    module = _BY_KIND[kind]
    found: dict[str, Alarm] = {}
    doubts: dict[str, str] = {}
    for thing in read[module.SUBJECTS]:
        try:
            found |= {alarm.name: alarm for alarm in module.wanted(thing, limits)}
        except NotRead as error:
            about = thing.maybe(getattr(module, "GROUP", "name"))
            if about is None:
                raise
            doubts[f"{PREFIX}{kind}/{about}"] = error.message
    return [found[name] for name in sorted(found)], doubts
