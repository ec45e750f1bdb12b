"""The registry of the kinds of alarm, and the decorator that makes a function one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import Route
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.alarms.alarm import Alarm

Wanted = Callable[[Snapshot, Thresholds], list[Alarm]]


@dataclass(frozen=True)
class Kind:
    """
    One kind of alarm.

    :param wanted: the alarms that one subject needs.
    :param subjects: what they watch, a name in ``subjects``.
    :param route: whom they notify.
    :param group: the member of a subject whose alarms are in doubt when the subject could not be read.
    :param with_waves: they come and go with waves: scheduled runs apply them, whatever dryRun says.
    """

    wanted: Wanted
    subjects: str
    route: Route
    group: str = "name"
    with_waves: bool = False


KINDS_BY_NAME: dict[str, Kind] = {}


def alarm(*, subjects: str, route: Route, group: str = "name", with_waves: bool = False) -> Callable[[Wanted], Wanted]:
    """Makes a function a kind of alarm, named by the function; see :class:`Kind`."""

    def register(wanted: Wanted) -> Wanted:
        KINDS_BY_NAME[getattr(wanted, "__name__", "")] = Kind(wanted, subjects, route, group, with_waves)
        return wanted

    return register
