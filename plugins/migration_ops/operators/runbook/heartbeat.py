"""The heartbeat metric of the health check in CloudWatch; an alarm of the stack rings when it is missing."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from airflow.sdk import Context

from migration_ops.aws.errors import SDK_ERRORS, to_aws_error
from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.operators.runbook.services import RunbookServices

log = logging.getLogger(__name__)

METRIC, DIMENSION = "RunbookHeartbeat", "Dag"
# What the alarm HeartbeatAlarm of include/cloudformation watches.
WATCHED = frozenset({"runbook_health_check"})


def put_heartbeat(services: RunbookServices, context: Context, findings: Iterable[Finding]) -> bool:
    """
    Puts one data point (CloudWatch PutMetricData) at the time at which the run was due, so that clearing an old run
    says nothing about today. Call it after people have been notified.

    Nothing is put when the run judged nothing, that is when all its findings are UNKNOWN. When CloudWatch refuses it,
    that is only logged: the missing data point makes the alarm ring.

    :return: whether it was put.
    """
    if services.dag_id not in WATCHED:
        return False
    if all(one.verdict is FindingStatus.UNKNOWN for one in findings):
        log.error("this run judged nothing: no heartbeat, the alarm on it will ring")
        return False
    point = {
        "MetricName": METRIC,
        "Dimensions": [{"Name": DIMENSION, "Value": services.dag_id}],
        "Timestamp": context["dag_run"].run_after,
        "Value": 1.0,
        "Unit": "Count",
    }
    try:
        services.reader.client("cloudwatch").put_metric_data(
            Namespace=services.settings.metrics_namespace, MetricData=[point]
        )
    except SDK_ERRORS as error:
        log.error("no heartbeat could be put: %s", to_aws_error(error, mutating=True).message)
        return False
    return True
