"""CloudWatch: our alarms with their states, and whether the dashboard shows data."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from migration_ops.aws.errors import NotFoundError
from migration_ops.aws.inventory.cloudwatch_dashboard import metrics_of
from migration_ops.aws.metrics import read_metrics
from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import NOT_READ, is_failed
from migration_ops.core.listing import Listing

# Without AlarmTypes DescribeAlarms returns metric alarms only.
ALARM_TYPES = ("MetricAlarm", "CompositeAlarm", "LogAlarm")
# Most series have points only when something happens: a short window in a quiet night would look like a fault.
DASHBOARD_HOURS = 24


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``states``: one entry, ``alarms [{name, kind, state, evaluation, reason, since, actionsEnabled, suppressedBy,
    topics}]``, and the names of our own topics, ``onCallTopic`` and ``warningsTopic``. ``evaluation``: why CloudWatch
    cannot evaluate the alarm, None when it can.

    ``dashboards``: ``name, exists, hours, series [{label, points}]``.
    """
    alarms = reader.guarded("cloudwatch:describe_alarms", lambda: _alarms(reader))
    return {
        "states": alarms if is_failed(alarms) else [{"alarms": alarms, **_topics(reader)}],
        "dashboards": [_dashboard(reader, reader.config.resources.dashboard)],
    }


def _topics(reader: AwsReader) -> dict[str, str]:
    resources = reader.config.resources
    return {"onCallTopic": resources.on_call_topic, "warningsTopic": resources.warnings_topic}


def _alarms(reader: AwsReader) -> list[dict[str, Any]]:
    pages = reader.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmTypes=list(ALARM_TYPES))
    return [
        _alarm(kind, one)
        for page in pages
        for kind, listed in (
            ("metric", page["MetricAlarms"]),
            ("composite", page.get("CompositeAlarms", [])),
            ("log", page.get("LogAlarms", [])),
        )
        for one in listed
        if reader.config.resources.alarms.matches(one["AlarmName"])
    ]


def _alarm(kind: str, answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": answer["AlarmName"],
        "kind": kind,
        "state": answer.get("StateValue"),
        "evaluation": answer.get("EvaluationState"),
        "reason": answer.get("StateReason"),
        "since": answer.get("StateTransitionedTimestamp") or answer.get("StateUpdatedTimestamp"),
        "actionsEnabled": answer.get("ActionsEnabled"),
        "suppressedBy": answer.get("ActionsSuppressedBy"),
        "topics": [one.rsplit(":", 1)[-1] for one in answer.get("AlarmActions", []) if ":sns:" in one],
    }


def _dashboard(reader: AwsReader, name: str) -> dict[str, Any]:
    answer = reader.call("cloudwatch", "get_dashboard", DashboardName=name)
    if is_failed(answer):
        # "There is none" is an answer; a refusal is not.
        is_gone = answer[NOT_READ]["code"] == NotFoundError.code
        return {"name": name, "exists": False if is_gone else answer}
    region = reader.client("cloudwatch").meta.region_name
    series = reader.guarded("cloudwatch:get_dashboard", lambda: _series(reader, answer["DashboardBody"], region))
    return {"name": name, "exists": True, "hours": DASHBOARD_HOURS, "series": series}


def _series(reader: AwsReader, body: str, region: str) -> Any:
    metrics = metrics_of(body, region)
    since = min(reader.since, reader.now - timedelta(hours=DASHBOARD_HOURS))
    answers = read_metrics(reader, metrics, since=since)
    unread = next((one for one in answers.values() if is_failed(one)), None)
    return unread or [{"label": one.key, "points": len(answers[one.key]["values"])} for one in metrics]


# The lists that checks are about.
DASHBOARDS = Listing("cloudwatch", "dashboards", read)
STATES = Listing("cloudwatch", "states", read)
