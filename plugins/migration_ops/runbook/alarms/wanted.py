"""The kinds of alarm, and which alarms of a kind must be there. Calls nothing."""

from __future__ import annotations

from types import ModuleType

from migration_ops.core.facts import Facts
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
from migration_ops.runbook.alarms.alarm import Alarm

# Of alarms that an earlier version of this package made and that no kind knows any more.
LEFTOVER = "leftover"

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


def desired(kind: str, read: Facts, limits: Thresholds) -> list[Alarm]:
    """
    The alarms of a kind, by name.

    :param read: what ``subjects`` read.
    :raises NotRead: something was not read. Then nobody knows which alarms are wanted, and none may be deleted.
    """
    if kind == LEFTOVER:
        return []
    module = _BY_KIND[kind]
    found = {alarm.name: alarm for thing in read[module.SUBJECTS] for alarm in module.wanted(thing, limits)}
    return [found[name] for name in sorted(found)]
