"""Which alarms are missing, drifted, silenced, not ours, or not wanted any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import NotReadError, Snapshot, is_failed
from migration_ops.core.finding import Route
from migration_ops.runbook.alarms.alarm import OWNER_TAG, PREFIX, Alarm
from migration_ops.runbook.alarms.wanted import KINDS, LEFTOVER, WITH_WAVES

Document = Mapping[str, Any]


class State(StrEnum):
    """What an alarm is, worst first."""

    FOREIGN = "not ours"
    UNREAD = "not read"
    MISSING = "missing"
    DRIFTED = "drifted"
    DISABLED = "actions disabled"
    ORPHANED = "orphaned"
    AS_WANTED = "as wanted"


# What is corrected. Disabled actions are a person's decision and stay; what is not ours is never touched.
TO_PUT, TO_DELETE = frozenset({State.MISSING, State.DRIFTED}), frozenset({State.ORPHANED})

# Members of PutMetricAlarm that our requests leave out and somebody may have set.
OTHERS = (
    *("ExtendedStatistic", "Unit", "EvaluateLowSampleCountPercentile", "ThresholdMetricId"),
    *("EvaluationWindow", "EvaluationCriteria", "EvaluationInterval"),
)
# Disabled actions are a state of their own; the tag is read where it decides.
NOT_COMPARED = frozenset({"AlarmName", "ActionsEnabled", "Tags"})
MEASURE = ("Namespace", "MetricName", "Dimensions", "Statistic", "Period", "Metrics")


@dataclass(frozen=True)
class Deviation:
    """
    One alarm and its state.

    :param wanted: None for an orphan.
    :param fields: each member that differs: ``{"field", "is", "should"}``.
    :param is_silenced: its actions are disabled.
    """

    name: str
    state: State
    wanted: Alarm | None = None
    fields: tuple[dict[str, Any], ...] = ()
    is_silenced: bool = False
    reason: str = ""


def compare(wanted: Iterable[Alarm], existing: Iterable[Snapshot], topics: Mapping[Route, str]) -> list[Deviation]:
    """
    Every wanted alarm and every other one of ours, by name.

    :param existing: alarms as :func:`read_actual` answers them.
    """
    there = {alarm["AlarmName"]: alarm for alarm in existing}
    found = {alarm.name: _wanted(alarm, there.get(alarm.name), topics) for alarm in wanted}
    for name in there.keys() - found.keys():
        other = _other(name, there[name])
        if other is not None:
            found[name] = other
    return [found[name] for name in sorted(found)]


def with_doubts(deviations: Iterable[Deviation], doubts: Mapping[str, str]) -> list[Deviation]:
    """
    The same, but an orphaned alarm of a subject that could not be read is UNREAD. A subject without any alarm gets an
    UNREAD entry of its own.

    :param doubts: the reason, by the name prefix of such alarms.
    """
    found = {one.name: _doubted(one, doubts) for one in deviations}
    for name, why in doubts.items():
        if not any(_is_about(one, name) for one in found):
            found[name] = Deviation(name, State.UNREAD, reason=why)
    return [found[name] for name in sorted(found)]


def _doubted(one: Deviation, doubts: Mapping[str, str]) -> Deviation:
    why = next((why for name, why in doubts.items() if _is_about(one.name, name)), None)
    return one if why is None or one.state is not State.ORPHANED else replace(one, state=State.UNREAD, reason=why)


def _is_about(alarm: str, subject: str) -> bool:
    return alarm == subject or alarm.startswith(f"{subject}/")


def _wanted(alarm: Alarm, there: Snapshot | None, topics: Mapping[Route, str]) -> Deviation:
    if there is None:
        return Deviation(alarm.name, State.MISSING, alarm)
    fields = differences(there.plain(), alarm.request(topics))
    is_silenced = not there["ActionsEnabled"]
    if fields:
        try:
            state, reason = (State.DRIFTED, "") if there["isOurs"] else (State.FOREIGN, "it lacks our tag")
        except NotReadError as error:
            state, reason = State.UNREAD, error.message
        return Deviation(alarm.name, state, alarm, tuple(fields), is_silenced, reason)
    state = State.DISABLED if is_silenced else State.AS_WANTED
    return Deviation(alarm.name, state, alarm, is_silenced=is_silenced)


def _other(name: str, there: Snapshot) -> Deviation | None:
    """An alarm that nobody wants; None when it is not ours."""
    try:
        return Deviation(name, State.ORPHANED) if there["isOurs"] else None
    except NotReadError as error:
        return Deviation(name, State.UNREAD, reason=error.message)


def differences(there: Document, request: Document) -> list[dict[str, Any]]:
    """Each member in which an alarm differs from the wanted request; ``ActionsEnabled`` is not compared."""
    account = str(there.get("AlarmArn") or "::::").split(":")[4]
    found = []
    for name in dict.fromkeys([*request, *MEASURE, *OTHERS]):
        if name in NOT_COMPARED:
            continue
        now, should = _plain(name, there.get(name), account), _plain(name, request.get(name), account)
        if now != should:
            found.append({"field": name, "is": now, "should": should})
    return found


def _plain(name: str, value: Any, account: str) -> Any:
    """Equal values in one form: dimensions and topics in any order, absent and empty alike.

    :param account: the alarm's own.
    """
    if value in (None, "", [], {}):
        return None
    if name == "Dimensions":
        return {one["Name"]: one["Value"] for one in value}
    if name in ("AlarmActions", "OKActions", "InsufficientDataActions"):
        return sorted(value)
    if name == "Metrics":
        return {query["Id"]: _query(query, account) for query in value}
    if name == "EvaluationWindow" and "WallClockWindow" not in value:
        # A sliding window is what an alarm has that asks for none.
        return None
    return float(value) if name == "Threshold" else value


def _query(query: Document, account: str) -> dict[str, Any]:
    # DescribeAlarms leaves ReturnData out where it is the default, true.
    returns = query.get("ReturnData")
    plain: dict[str, Any] = {"returns": True if returns is None else bool(returns)}
    if query.get("AccountId") not in (None, "", account):
        plain["accountId"] = query["AccountId"]
    if query.get("Expression"):
        return plain | {"expression": query["Expression"], "periodSeconds": query.get("Period")}
    stat = query["MetricStat"]
    return plain | {
        "metric": f"{stat['Metric']['Namespace']} {stat['Metric']['MetricName']}",
        "dimensions": _plain("Dimensions", stat["Metric"].get("Dimensions"), account),
        "statistic": stat["Stat"],
        "periodSeconds": stat["Period"],
        "unit": stat.get("Unit"),
    }


def kind_of(name: str) -> str | None:
    """The kind in an alarm's name; None when there is no such kind (any more)."""
    kind = name.removeprefix(PREFIX).split("/", 1)[0]
    return kind if kind in KINDS and kind != LEFTOVER else None


def read_actual(reader: AwsReader, kind: str, needs_tags: Callable[[dict[str, Any]], bool]) -> Any:
    """
    Alarms of one kind as DescribeAlarms answers them; a failure document when they could not be listed.

    :param needs_tags: whether an alarm would be put or deleted. Only such an alarm gets ``isOurs`` (whether it has this
        installation's tag), as reading tags takes a call per alarm; a failure document when they could not be read.
    """
    prefix = PREFIX if kind == LEFTOVER else f"{PREFIX}{kind}/"
    alarms = reader.pages("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNamePrefix=prefix)
    if kind == LEFTOVER and not is_failed(alarms):
        alarms = [one for one in alarms if kind_of(one["AlarmName"]) is None]
    return reader.map(
        alarms,
        lambda alarm: alarm | ({"isOurs": _is_ours(reader, alarm["AlarmArn"])} if needs_tags(alarm) else {}),
    )


def has_none(reader: AwsReader) -> bool:
    """
    Whether no alarms are installed here: none has our prefix. Those that come and go with waves do not count.

    :raises NotReadError: the alarms could not be listed.
    """
    alarms = reader.pages("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNamePrefix=PREFIX)
    return all(kind_of(one["AlarmName"]) in WITH_WAVES for one in Snapshot({"alarms": alarms})["alarms"])


def _is_ours(reader: AwsReader, arn: str) -> Any:
    answer = reader.call("cloudwatch", "list_tags_for_resource", ResourceARN=arn)
    if is_failed(answer):
        return answer
    return {one["Key"]: one["Value"] for one in answer["Tags"]}.get(OWNER_TAG) == reader.settings.table_name
