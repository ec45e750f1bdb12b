"""Alarms that are well, and data for what the dashboard of the package's template shows."""

from __future__ import annotations

from include.sandbox.estates.account import Account

NAMESPACE = "MigrationOrchestration"


def seed(account: Account) -> None:
    for name in ("cutover-jobs", "cmdb-updates"):
        make_alarm(account, f"estate-{name}-waiting", name)
    account.metric(NAMESPACE, "MigrationsCompleted", {}, 1, 1)
    account.metric(NAMESPACE, "ReplicationLag", {}, 2, 0, 1)
    for name in ("migration-requests", "migration-requests-dlq"):
        account.metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": name}, 0, 0)


def make_alarm(account: Account, name: str, queue: str) -> str:
    """An alarm on the messages that wait in a queue; moto begins with the state OK. Its name."""
    account.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        AlarmDescription="Messages wait",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": queue}],
        Statistic="Maximum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=100,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    return name
