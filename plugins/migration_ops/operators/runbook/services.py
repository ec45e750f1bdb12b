"""What a runbook task works with: clients of this run's connection, configuration, kept reports, topics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from airflow.sdk import Context, Param

from migration_ops.aws.errors import SDK_ERRORS, classify
from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.aws.reader import Reader
from migration_ops.core.config import RunbookConfig, read_config
from migration_ops.core.errors import MigrationError, Unknown
from migration_ops.core.facts import failed
from migration_ops.core.finding import Route
from migration_ops.core.settings import Settings, read_settings
from migration_ops.operators.services import AirflowRest, require_connection
from migration_ops.runbook.reports.history import PREFIX, KeptReports, safe
from migration_ops.runbook.reports.notify import Message

# A larger snapshot goes to the bucket, where there is one.
XCOM_BYTES = 60_000
# SNS takes 256 KB.
MESSAGE_CHARACTERS = 60_000


@dataclass
class RunbookServices:
    """Of one task instance."""

    settings: Settings
    config: RunbookConfig
    hook: MgnHook
    reader: Reader
    dag_id: str
    run_id: str
    # Whether people are told at all.
    tell: bool

    @cached_property
    def store(self) -> EvidenceStore | None:
        """The bucket, None where the installation has none."""
        bucket = self.settings.evidence_bucket
        return EvidenceStore(self.reader.of, bucket) if bucket else None

    def kept(self, dag_id: str) -> KeptReports | None:
        return KeptReports(self.store, dag_id) if self.store else None

    def put_away(self, name: str, document: dict[str, Any]) -> dict[str, Any]:
        """What was read, for the other tasks of this run: by value, or by key where it is large."""
        if self.store is None or len(json.dumps(document)) <= XCOM_BYTES:
            return {"document": document}
        key = f"{PREFIX}/{self.dag_id}/reads/{safe(self.run_id)}/{name}.json"
        return {"key": self.store.put(key, document)}

    def taken_out(self, left: Any, reader: str) -> dict[str, Any]:
        """The document behind what :meth:`put_away` left; a failure's document when nothing is there any more."""
        if not isinstance(left, Mapping):
            return failed(f"reader {reader}", Unknown("its task left nothing behind: see its log"))
        if "document" in left:
            return dict(left["document"])
        if self.store is None:
            return failed(f"reader {reader}", Unknown("it is in a bucket that is not set any more"))
        try:
            found: dict[str, Any] = json.loads(self.store.get(left["key"]))
        except MigrationError as error:
            return failed(f"reader {reader}", error)
        return found

    def link(self, key: str | None) -> str:
        """Where a kept report is, for people who may read the bucket."""
        return f"s3://{self.settings.evidence_bucket}/{key}" if key else ""

    def publish(self, context: Context, message: Message) -> None:
        """Sends one message to the route's topic, through the provider's notifier.

        :raises MigrationError: nobody was told.
        """
        from airflow.providers.amazon.aws.notifications.sns import SnsNotifier

        resources = self.config.resources
        name = resources.on_call_topic if message.route is Route.PAGE else resources.warnings_topic
        try:
            # `notify` itself: called as a callback it would render what came from outside as Jinja.
            SnsNotifier(
                aws_conn_id=self.hook.aws_conn_id,
                region_name=self.hook.region_name,
                target_arn=self._topic_arn(name),
                message=message.body[:MESSAGE_CHARACTERS],
                subject=message.subject,
            ).notify(context)
        except SDK_ERRORS as error:
            raise classify(error, mutating=False) from error

    def topic_arns(self) -> dict[Route, str]:
        """The ARN of each route's topic, whether or not it exists.

        :raises MigrationError: AWS does not say whose credentials these are.
        """
        resources = self.config.resources
        names = {Route.PAGE: resources.on_call_topic, Route.WARN: resources.warnings_topic}
        try:
            return {route: self._topic_arn(name) for route, name in names.items()}
        except SDK_ERRORS as error:
            raise classify(error, mutating=False) from error

    def _topic_arn(self, name: str) -> str:
        # CreateTopic of a topic that exists would answer its ARN too, but would make one that does not.
        caller = self.reader.of("sts").get_caller_identity()
        partition = caller["Arn"].split(":")[1]
        return f"arn:{partition}:sns:{self.reader.of('sns').meta.region_name}:{caller['Account']}:{name}"


def runbook_services(context: Context) -> RunbookServices:
    """From the run's params and the installation's settings.

    :raises InvalidInput: the connection or a configuration file is wrong.
    """
    params, ti = context["params"], context["ti"]
    require_connection(params["awsConnId"])
    settings = read_settings()
    config = read_config(Path(settings.config_directory) if settings.config_directory else None)
    hook = MgnHook(aws_conn_id=params["awsConnId"], region_name=params["region"])
    return RunbookServices(
        settings=settings,
        config=config,
        hook=hook,
        reader=Reader(
            client=hook.client_for_reads,
            config=config,
            settings=settings,
            now=datetime.now(UTC),
            window=timedelta(hours=params["windowHours"]),
            airflow=AirflowRest(settings.airflow_conn_id).get,
            in_region=lambda service, region: MgnHook(
                aws_conn_id=params["awsConnId"], region_name=region
            ).client_for_reads(service),
            params=dict(params),
        ),
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        tell=params["tell"],
    )


def runbook_params(window_hours: float, **more: Param) -> dict[str, Param]:
    """The form of a runbook DAG."""
    return {
        "windowHours": Param(
            window_hours,
            type="number",
            exclusiveMinimum=0,
            maximum=24 * 400,
            title="Window in hours",
            description="How far back this run looks",
        ),
        "tell": Param(True, type="boolean", title="Tell people", description="Send new and ended findings through SNS"),
        "awsConnId": Param("aws_default", type="string", title="AWS connection"),
        "region": Param(
            None, type=["string", "null"], title="AWS Region", description="Empty: the connection's Region"
        ),
        **more,
    }
