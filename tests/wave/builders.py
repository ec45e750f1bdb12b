"""Short ways to the objects that the tests of the rules turn around in their hands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import botocore.session

from migration_ops.aws.mgn.jobs import JobView
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.wave.conf.model import WaveConf, parse_conf
from migration_ops.wave.plan.plan import WavePlan, build_plan

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
INSTANCE = "i-0aaaaaaaaaaaaaaa1"


def server_id(number: int) -> str:
    return f"s-{number:017d}"


def application(name: str, *depends_on: str, servers: tuple[int, ...], **more: Any) -> dict[str, Any]:
    listed = [{"sourceServerId": server_id(one)} for one in servers]
    return {"appName": name, "dependsOn": list(depends_on), "servers": listed, **more}


def document(*applications: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"wave": "wave-3", "applications": list(applications or [application("billing", servers=(1,))]), **more}


def conf(*applications: dict[str, Any], **more: Any) -> WaveConf:
    return parse_conf(document(*applications, **more), now=NOW)


def plan(*applications: dict[str, Any], **more: Any) -> WavePlan:
    return build_plan(conf(*applications, **more))


def three_applications(**more: Any) -> WavePlan:
    """``web`` needs ``app`` needs ``db``, listed the other way round; ``other`` stands alone."""
    return plan(
        application("web", "app", servers=(1, 2)),
        application("other", servers=(3,)),
        application("app", "db", servers=(4,)),
        application("db", servers=(5,), impact="critical"),
        **more,
    )


HEALTHY = ServerView(
    source_server_id=server_id(1),
    is_archived=False,
    lifecycle_state="READY_FOR_CUTOVER",
    replication_state="CONTINUOUS",
    lag_seconds=0.0,
    backlog_bytes=0,
    total_bytes=100 * 2**30,
    replicated_bytes=100 * 2**30,
    snapshot_age_seconds=1_500.0,
    seen_age_seconds=97.0,
    replication_type="AGENT_BASED",
)
BOOTED = replace(HEALTHY, launched_instance_id=INSTANCE, first_boot="SUCCEEDED")


def instance(state: str = "running", instance_check: str = "ok", system: str = "ok", **more: Any) -> dict[str, Any]:
    return {
        "InstanceId": INSTANCE,
        "InstanceState": {"Code": 16, "Name": state},
        "InstanceStatus": {"Status": instance_check},
        "SystemStatus": {"Status": system},
        **more,
    }


def job(status: str = "COMPLETED", launch: str | None = "LAUNCHED", **more: Any) -> JobView:
    values: dict[str, Any] = {
        "job_id": "mgnjob-00000000000000001",
        "type": "LAUNCH",
        "initiated_by": "START_CUTOVER",
        "status": status,
        "launch_status": {server_id(1): launch},
        "instance_ids": {server_id(1): INSTANCE},
    }
    return JobView(**(values | more))


def event(name: str, server: str | None = None, text: str | None = None) -> dict[str, Any]:
    data = {"sourceServerID": server, "rawError": text}
    return {"event": name, "eventData": {key: value for key, value in data.items() if value is not None}}


LOG = [event("JOB_START"), event("SNAPSHOT_END", server_id(1)), event("JOB_END")]


def model_shapes() -> dict[str, Any]:
    return botocore.session.get_session().get_service_model("mgn")._service_description["shapes"]
