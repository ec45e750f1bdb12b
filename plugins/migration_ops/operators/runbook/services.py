"""What a runbook task works with: clients of the run's connection, configuration, stored reports, SNS topics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow.configuration import conf
from airflow.sdk import Context, Param

from migration_ops.aws.errors import SDK_ERRORS, BotoCoreError, ClientError, to_aws_error
from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.aws.reader import AwsReader
from migration_ops.core.config import RunbookConfig, read_config
from migration_ops.core.errors import InvalidInputError, MigrationError, UnknownError
from migration_ops.core.facts import failed
from migration_ops.core.field_text import s3_key_part
from migration_ops.core.finding import Route
from migration_ops.core.settings import Settings, read_settings
from migration_ops.operators.services import AirflowRest, require_connection
from migration_ops.runbook.reports.history import PREFIX, ReportStore
from migration_ops.runbook.reports.notice_text import BODY_CHARACTERS, Place, moment
from migration_ops.runbook.reports.notify import Message
from migration_ops.runbook.window import Window

# A larger snapshot goes to the bucket, where there is one.
XCOM_BYTES = 60_000


@dataclass
class RunbookServices:
    """The services of one task instance."""

    settings: Settings
    config: RunbookConfig
    hook: MgnHook
    reader: AwsReader
    dag_id: str
    run_id: str
    # Whether people are notified at all.
    notify: bool

    @cached_property
    def store(self) -> EvidenceStore | None:
        """The evidence bucket; None when the installation has none."""
        bucket = self.settings.evidence_bucket
        return EvidenceStore(self.reader.client, bucket, self.settings.evidence_bucket_owner) if bucket else None

    def reports(self, dag_id: str) -> ReportStore | None:
        return ReportStore(self.store, dag_id) if self.store else None

    def store_snapshot(self, name: str, document: dict[str, Any]) -> dict[str, Any]:
        """Stores what was read for the other tasks of this run: by value in XCom, or by key when it is large."""
        if self.store is None or len(json.dumps(document)) <= XCOM_BYTES:
            return {"document": document}
        key = f"{PREFIX}/{self.dag_id}/reads/{s3_key_part(self.run_id)}/{name}.json"
        return {"key": self.store.put(key, document)}

    def load_snapshot(self, left: Any, reader: str) -> dict[str, Any]:
        """The document that :meth:`store_snapshot` stored; the document of a failed read when it is missing."""
        if not isinstance(left, Mapping):
            return failed(f"reader {reader}", UnknownError("its task left nothing behind: see its log"))
        # A task that reads several services leaves one entry per reader.
        left = left.get(reader, left)
        if "document" in left:
            return dict(left["document"])
        if self.store is None:
            return failed(f"reader {reader}", UnknownError("it is in a bucket that is not set any more"))
        try:
            found: dict[str, Any] = json.loads(self.store.get(left["key"]))
        except MigrationError as error:
            return failed(f"reader {reader}", error)
        return found

    def link(self, key: str | None) -> str:
        """The S3 URI of a stored report, empty without a key."""
        return f"s3://{self.settings.evidence_bucket}/{key}" if key else ""

    def publish(self, context: Context, message: Message) -> None:
        """Sends one message to the route's topic, through the provider's notifier.

        :raises MigrationError: SNS did not take it (SNS Publish).
        """
        from airflow.providers.amazon.aws.notifications.sns import SnsNotifier

        resources = self.config.resources
        name = resources.on_call_topic if message.route is Route.PAGE else resources.warnings_topic
        try:
            # notify() and not the callback: that would render text from outside as Jinja.
            SnsNotifier(
                aws_conn_id=self.hook.aws_conn_id,
                region_name=self.hook.region_name,
                target_arn=self._topic_arn(name),
                message=message.body[:BODY_CHARACTERS],
                subject=message.subject,
            ).notify(context)
        except SDK_ERRORS as error:
            raise to_aws_error(error, mutating=False) from error

    def topic_arns(self) -> dict[Route, str]:
        """The ARN of each route's topic, whether or not it exists.

        :raises MigrationError: STS GetCallerIdentity failed.
        """
        resources = self.config.resources
        names = {Route.PAGE: resources.on_call_topic, Route.WARN: resources.warnings_topic}
        try:
            return {route: self._topic_arn(name) for route, name in names.items()}
        except SDK_ERRORS as error:
            raise to_aws_error(error, mutating=False) from error

    def place(self, window: Window, report: str | None) -> Place:
        """Where a notification comes from; what cannot be read stays empty."""
        try:
            account, region = str(self._caller["Account"]), str(self.reader.client("sns").meta.region_name)
        except (ClientError, BotoCoreError):
            account, region = "", self.hook.region_name or ""
        return Place(
            account=account,
            region=region,
            environment=self.settings.environment or self.hook.aws_conn_id or "",
            run=run_address(self.dag_id, self.run_id),
            report=self.link(report),
            window=f"{moment(window.since)} to {moment(window.until)}",
        )

    @cached_property
    def _caller(self) -> dict[str, Any]:
        return dict(self.reader.client("sts").get_caller_identity())

    def _topic_arn(self, name: str) -> str:
        # CreateTopic would return the ARN too, but would create a topic that does not exist.
        caller = self._caller
        partition = caller["Arn"].split(":")[1]
        return f"arn:{partition}:sns:{self.reader.client('sns').meta.region_name}:{caller['Account']}:{name}"


def run_address(dag_id: str, run_id: str) -> str:
    """The run's page in the Airflow UI; the ids of DAG and run when ``[api] base_url`` is not set."""
    base = conf.get("api", "base_url", fallback="") or ""
    return f"{base.rstrip('/')}/dags/{dag_id}/runs/{quote(run_id, safe='')}" if base else f"{dag_id} {run_id}"


def runbook_services(context: Context) -> RunbookServices:
    """The services, from the run's params and the installation's settings.

    :raises InvalidInputError: the connection, a param or a configuration file is wrong.
    :raises PolicyError: the installation does not allow the connection.
    """
    params, ti = context["params"], context["ti"]
    if "tell" in params:
        # The old name would be ignored, and people notified although the caller did not want it.
        raise InvalidInputError("this param is named notify now", path="tell")
    require_connection(params["awsConnId"])
    settings = read_settings()
    config = read_config(Path(settings.config_directory) if settings.config_directory else None)
    hook = MgnHook(aws_conn_id=params["awsConnId"], region_name=params["region"])
    return RunbookServices(
        settings=settings,
        config=config,
        hook=hook,
        reader=AwsReader(
            make_client=hook.client_for_reads,
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
        notify=params["notify"],
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
            description="How far back this run looks; left as it is, at least to where the last report ended",
        ),
        "notify": Param(
            True, type="boolean", title="Notify people", description="Send new and ended findings through SNS"
        ),
        "awsConnId": Param("aws_default", type="string", title="AWS connection"),
        "region": Param(
            None, type=["string", "null"], title="AWS Region", description="Empty: the connection's Region"
        ),
        **more,
    }
