"""The hook, the shared poll and the trigger against the sandbox account: a whole test launch, as a wave does it."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-"))

import pytest

from include.sandbox.sandbox import Sandbox
from migration_ops.aws.errors import AccessDeniedError, ConflictError, InvalidError, NotFoundError, NotInitializedError
from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.aws.mgn.jobs import INTENT_TAG
from migration_ops.core.errors import OutcomeUnknownError, ThrottledError
from migration_ops.operators.triggers import WatchTrigger
from migration_ops.wave.waits.feeds import instance_statuses
from migration_ops.wave.waits.outcome import Reason

REGION = "us-east-1"
UNKNOWN_SERVER = "s-ffffffffffffffff0"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(speed=300.0, shown="wall") as box, pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in box.environment.items():
            monkeypatch.setenv(name, value)
        yield box


@pytest.fixture
def hook(box: Sandbox) -> Iterator[MgnHook]:
    box.client.clear_faults()
    box.client.reset_calls()
    yield MgnHook(aws_conn_id=None, region_name=REGION, config={"retries": {"total_max_attempts": 2}})
    box.client.clear_faults()


def estate(box: Sandbox, name: str, servers: int = 2, **spec: Any) -> dict[str, Any]:
    document = {"wave": f"wave of {name}", "applications": [{"appName": name, "servers": servers, **spec}]}
    return box.client.add_estate(document)


def wait(topic: str, subjects: list[str], until: dict[str, Any], seconds: float = 30.0) -> dict[str, Any]:
    trigger = WatchTrigger(
        aws_conn_id=None,
        region=REGION,
        topic=topic,
        subjects=subjects,
        until=until,
        poll_seconds=0.2,
        deadline=time.time() + seconds,
        first_poll_seconds=0.1,
    )

    async def one_event() -> dict[str, Any]:
        events = [event.payload async for event in trigger.run()]
        assert len(events) == 1
        return events[0]

    return asyncio.run(one_event())


def test_a_wave_is_found_by_its_id(box: Sandbox, hook: MgnHook) -> None:
    made = estate(box, "found", 3)
    assert hook.applications_of_wave(made["mgnWaveId"]) == made["applicationIds"]
    servers = hook.servers_of_applications(made["applicationIds"].values())
    assert sorted(view.source_server_id for view in servers) == sorted(made["serverIds"])
    with pytest.raises(NotFoundError):
        hook.applications_of_wave("wave-ffffffffffffffff0")


def test_a_test_launch_from_replication_to_boot_and_back(box: Sandbox, hook: MgnHook) -> None:
    servers = estate(box, "launched")["serverIds"]
    lifecycle = ["READY_FOR_TEST"]
    replicating = wait("replication", servers, {"maxLagSeconds": 86400, "samples": 2, "lifecycle": lifecycle})
    assert replicating["reason"] == Reason.MET, replicating

    started = datetime.now(UTC) - timedelta(minutes=1)
    job = hook.start_test(servers, {INTENT_TAG: "START_TEST-1-x"})
    with pytest.raises(ConflictError):
        hook.start_test(servers, {INTENT_TAG: "START_TEST-2-x"})
    assert job.initiated_by == "START_TEST"
    assert hook.describe_jobs([job.job_id])[job.job_id].intent_id == "START_TEST-1-x"
    assert job.job_id in {one.job_id for one in hook.jobs_since(started)}

    over = wait("jobs", [job.job_id], {})
    assert over["reason"] == Reason.MET, over
    launched = over["observed"][job.job_id]["view"]
    assert launched["launch_status"] == dict.fromkeys(servers, "LAUNCHED")
    assert {line["event"] for line in hook.job_log(job.job_id)} >= {"JOB_START", "JOB_END"}

    booted = wait("boot", servers, {"instances": launched["instance_ids"], "launchDisposition": {}})
    assert booted["reason"] == Reason.MET, booted
    for server in servers:
        assert hook.change_lifecycle(server, "READY_FOR_TEST").lifecycle_state == "READY_FOR_TEST"
    terminate = hook.terminate_instances(servers, {INTENT_TAG: "TERMINATE-1-x"})
    assert wait("jobs", [terminate.job_id], {})["reason"] == Reason.MET
    statuses = instance_statuses(hook.client_for_reads("ec2"), launched["instance_ids"].values())
    assert all(one["state"] in {"shutting-down", "terminated"} for one in statuses.values())
    assert hook.launch_configuration(servers[0])["sourceServerID"] == servers[0]


@pytest.mark.parametrize(
    ("fault", "kind", "took_effect"),
    [
        ("error500", OutcomeUnknownError, False),
        ("error500After", OutcomeUnknownError, True),
        ("dropBefore", OutcomeUnknownError, False),
        ("dropAfter", OutcomeUnknownError, True),
        ("throttle", ThrottledError, False),
        ("accessDenied", AccessDeniedError, False),
        ("conflict", ConflictError, False),
    ],
)
def test_a_launch_is_sent_once(
    box: Sandbox, hook: MgnHook, fault: str, kind: type[Exception], took_effect: bool
) -> None:
    servers = estate(box, f"app {fault}", 1)["serverIds"]
    box.client.add_fault(fault, service="mgn", operation="StartTest", times=5)
    with pytest.raises(kind):
        hook.start_test(servers, {})
    assert box.client.count("mgn", "StartTest") == 1
    job = hook.describe_servers(servers)[servers[0]].last_test_job_id
    assert (job is not None) is took_effect


def test_what_mgn_refuses(box: Sandbox, hook: MgnHook) -> None:
    [server] = estate(box, "refused", 1)["serverIds"]
    assert hook.describe_servers([server, UNKNOWN_SERVER]).keys() == {server}
    with pytest.raises((ConflictError, InvalidError, NotFoundError)):
        hook.start_cutover([server], {})
    with pytest.raises(ConflictError):
        hook.finalize_cutover(server)
    with pytest.raises(NotFoundError):
        hook.finalize_cutover(UNKNOWN_SERVER)


def test_an_account_without_mgn_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(initialized=False) as box:
        for name, value in box.environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(NotInitializedError):
            MgnHook(aws_conn_id=None, region_name=REGION).describe_servers([UNKNOWN_SERVER])


def test_the_waits_of_a_wave_share_their_requests(box: Sandbox, hook: MgnHook) -> None:
    groups = [estate(box, f"shared {n}", 5)["serverIds"] for n in range(6)]
    box.client.reset_calls()

    async def one(group: list[str]) -> dict[str, Any]:
        trigger = WatchTrigger(
            aws_conn_id=None,
            region=REGION,
            topic="replication",
            subjects=group,
            until={"maxLagSeconds": 1e9, "samples": 1, "lifecycle": ["READY_FOR_TEST"]},
            poll_seconds=30,
            deadline=time.time() + 60,
            first_poll_seconds=0.3,
        )
        [event] = [event.payload async for event in trigger.run()]
        return event

    async def all_waits() -> list[dict[str, Any]]:
        return await asyncio.gather(*(one(group) for group in groups))

    assert {event["reason"] for event in asyncio.run(all_waits())} == {"met"}
    assert box.client.count("mgn", "DescribeSourceServers") == 1
