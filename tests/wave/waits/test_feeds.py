"""EC2 status checks and change calendars: moto's EC2 over HTTP, a scripted SSM."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from boto3.session import Session
from moto.server import ThreadedMotoServer

from migration_ops.aws.errors import AccessDenied
from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.core.errors import MigrationError, Unknown
from migration_ops.wave.waits.feeds import Feed, calendar_states, instance_statuses, readers_of
from tests.aws.scripted_aws import ScriptedAws, server_id, source_server

MISSING = "i-0123456789abcdef0"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def ec2(moto: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", moto)
    return MgnHook(aws_conn_id=None, region_name="us-east-1").client_for_reads("ec2")


def launch(moto: str, count: int) -> list[str]:
    ec2 = boto3.client(
        "ec2", "us-east-1", endpoint_url=moto, aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    answer = ec2.run_instances(ImageId="ami-12c6146b", MinCount=count, MaxCount=count)
    return [one["InstanceId"] for one in answer["Instances"]]


def test_running_and_stopped_instances_are_seen(moto: str, ec2: Any) -> None:
    running, stopped = launch(moto, 2)
    ec2.stop_instances(InstanceIds=[stopped])
    seen = instance_statuses(ec2, [running, stopped])
    assert seen[running] == {
        "InstanceId": running,
        "InstanceState": {"Name": "running"},
        "InstanceStatus": {"Status": "ok"},
        "SystemStatus": {"Status": "ok"},
        "state": "running",
        "instanceStatus": "ok",
        "systemStatus": "ok",
    }
    assert seen[stopped]["state"] == "stopped"


def test_a_missing_instance_hides_no_other(moto: str, ec2: Any) -> None:
    [one] = launch(moto, 1)
    assert set(instance_statuses(ec2, [MISSING, one])) == {one}
    assert instance_statuses(ec2, [MISSING]) == {}


class Recorder:
    """A client that answers from a list and records what it was asked."""

    def __init__(self, pages: list[dict[str, Any]]) -> None:
        self.pages = pages
        self.asked: list[dict[str, Any]] = []

    def get_paginator(self, _: str) -> Recorder:
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        self.asked.append(request)
        return self.pages


def test_no_instances_ask_nothing() -> None:
    client = Recorder([])
    assert instance_statuses(client, []) == {}
    assert not client.asked


def test_at_most_a_hundred_instances_a_request() -> None:
    client = Recorder([{"InstanceStatuses": []}])
    instance_statuses(client, [f"i-{n:017x}" for n in range(201)])
    assert [len(request["InstanceIds"]) for request in client.asked] == [100, 100, 1]
    assert all(request["IncludeAllInstances"] is True for request in client.asked)


def test_an_answer_without_statuses_is_unknown() -> None:
    with pytest.raises(Unknown):
        instance_statuses(Recorder([{}]), [MISSING])


@pytest.fixture
def ssm(aws: ScriptedAws) -> Any:
    return MgnHook(aws_conn_id=None, region_name="us-east-1").client_for_reads("ssm")


def test_calendars_are_asked_one_by_one(aws: ScriptedAws, ssm: Any) -> None:
    aws.answers["GetCalendarState"] = lambda request: {
        "State": {"freeze": "CLOSED", "open": "OPEN"}.get(request["CalendarNames"][0])
    }
    states = calendar_states(ssm, ["freeze", "open", "odd", "open"], datetime(2026, 1, 2, tzinfo=UTC))
    assert states == {"freeze": "CLOSED", "open": "OPEN", "odd": None}
    assert aws.requests[0][1] == {"CalendarNames": ["freeze"], "AtTime": "2026-01-02T00:00:00Z"}


def test_an_unknown_calendar_is_absent_a_refusal_is_not(aws: ScriptedAws, ssm: Any) -> None:
    aws.answers["GetCalendarState"] = {"State": "OPEN"}
    aws.faults["GetCalendarState"] = ["400 InvalidDocument"]
    assert calendar_states(ssm, ["gone", "open"]) == {"open": "OPEN"}
    aws.faults["GetCalendarState"] = ["400 AccessDeniedException"]
    with pytest.raises(AccessDenied):
        calendar_states(ssm, ["open"])


def test_the_readers_of_the_poll_share_one_connection(aws: ScriptedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    sessions: list[object] = []
    real = Session.client

    def counting(self: Session, service: str, **kwargs: Any) -> Any:
        made.append(service)
        sessions.append(self)
        return real(self, service, **kwargs)

    monkeypatch.setattr(Session, "client", counting)
    aws.servers[server_id(1)] = source_server(server_id(1))
    aws.answers["GetCalendarState"] = {"State": "OPEN"}
    aws.answers["BatchGetItem"] = {"Responses": {"migration-state": []}, "UnprocessedKeys": {}}
    readers = readers_of(None, "us-east-1")
    assert set(readers) == set(Feed)
    assert not made, "no client before it is needed"
    assert set(readers[Feed.SERVERS]([server_id(1)])) == {server_id(1)}
    assert readers[Feed.JOBS](["mgnjob-" + "0" * 17]) == {}
    for _ in range(2):
        assert readers[Feed.CALENDARS](["c"]) == {"c": "OPEN"}
        assert readers[Feed.LEDGER](["mig-1"]) == {}
    assert made == ["mgn", "ssm", "dynamodb"]
    assert len(set(sessions)) == 1


def test_every_reader_fails_with_a_package_error(aws: ScriptedAws) -> None:
    readers = readers_of(None, "us-east-1")
    for feed, operation in [(Feed.CALENDARS, "GetCalendarState"), (Feed.LEDGER, "BatchGetItem")]:
        aws.faults[operation] = ["403 AccessDeniedException"]
        with pytest.raises(MigrationError):
            readers[feed](["x"])
