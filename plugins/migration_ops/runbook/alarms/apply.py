"""Puts alarms right: what is missing or drifted is put, what is orphaned is deleted. Each of both may be repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from migration_ops.aws.errors import SDK_ERRORS, classify
from migration_ops.core.finding import Route
from migration_ops.runbook.alarms.alarm import OWNER_TAG
from migration_ops.runbook.alarms.drift import TO_DELETE, TO_PUT, Deviation, State


@dataclass(frozen=True)
class Done:
    """What was done about one alarm; ``error`` is None when AWS took it."""

    name: str
    action: str
    error: str | None = None


def apply(
    cloudwatch: Any, deviations: Iterable[Deviation], topics: Mapping[Route, str], installation: str
) -> list[Done]:
    """
    One alarm after the other (PutMetricAlarm takes three a second); one that is refused stops no other.

    An alarm whose actions a person disabled keeps them disabled.

    :param installation: value of the tag that makes an alarm ours.
    """
    done = []
    for one in deviations:
        if one.state in TO_PUT and one.wanted is not None:
            request = one.wanted.request(topics) | {"ActionsEnabled": not one.is_silenced}
            # Tags are taken with the creation only.
            tags = {"Tags": [{"Key": OWNER_TAG, "Value": installation}]} if one.state is State.MISSING else {}
            action = "made" if one.state is State.MISSING else "put right"
            done.append(_try(one.name, action, lambda: cloudwatch.put_metric_alarm(**request, **tags)))  # noqa: B023
        elif one.state in TO_DELETE:
            done.append(_try(one.name, "deleted", lambda: cloudwatch.delete_alarms(AlarmNames=[one.name])))  # noqa: B023
    return done


def _try(name: str, action: str, call: Callable[[], Any]) -> Done:
    try:
        call()
    except SDK_ERRORS as error:
        fault = classify(error, mutating=False)
        return Done(name, f"not {action}", f"{fault.code}: {fault.message}")
    return Done(name, action)
