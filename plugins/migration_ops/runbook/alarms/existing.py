"""The alarms that are there under our names, and which of them are ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from migration_ops.runbook.alarms.alarm import OWNER_TAG, PREFIX
from migration_ops.runbook.alarms.desired import LEFTOVER, WITH_WAVES
from migration_ops.runbook.alarms.drift import kind_of
from migration_ops.runbook.facts import Facts, is_failed
from migration_ops.runbook.reading import Reader


def read_existing(reader: Reader, kind: str, is_doubtful: Callable[[dict[str, Any]], bool]) -> Any:
    """
    Alarms of one kind as DescribeAlarms answers them; the doubtful ones with ``isOurs``: this installation's tag is on.

    A list; or the document of a failure, and of one alarm's ``isOurs`` where its tags could not be read.

    :param is_doubtful: whether this alarm would be put or deleted; only then it matters whose it is (a call each).
    """
    prefix = PREFIX if kind == LEFTOVER else f"{PREFIX}{kind}/"
    alarms = reader.pages("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNamePrefix=prefix)
    if kind == LEFTOVER and not is_failed(alarms):
        alarms = [one for one in alarms if kind_of(one["AlarmName"]) is None]
    return reader.each(
        alarms,
        lambda alarm: alarm | ({"isOurs": _is_ours(reader, alarm["AlarmArn"])} if is_doubtful(alarm) else {}),
    )


def has_none(reader: Reader) -> bool:
    """
    Whether nobody has installed alarms here: there is none under our names. Those that come and go with waves do not
    count.

    :raises NotRead: the alarms could not be listed.
    """
    alarms = reader.pages("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNamePrefix=PREFIX)
    return all(kind_of(one["AlarmName"]) in WITH_WAVES for one in Facts({"alarms": alarms})["alarms"])


def _is_ours(reader: Reader, arn: str) -> Any:
    answer = reader.call("cloudwatch", "list_tags_for_resource", ResourceARN=arn)
    if is_failed(answer):
        return answer
    return {one["Key"]: one["Value"] for one in answer["Tags"]}.get(OWNER_TAG) == reader.settings.table_name
