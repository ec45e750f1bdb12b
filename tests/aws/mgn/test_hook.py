"""The hook against a real HTTP server: what goes out, how often, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from migration_ops.aws.errors import AccessDenied, Conflict, Invalid, NotFound, NotSent, Unreachable
from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.core.errors import InvalidInput, MigrationError, OutcomeUnknown, Throttled, Unknown
from tests.aws.scripted_aws import ScriptedAws, job_id, server_id, source_server

ONE = server_id(1)
MUTATIONS: dict[str, Callable[[MgnHook], Any]] = {
    "StartTest": lambda hook: hook.start_test([ONE], {"k": "v"}),
    "StartCutover": lambda hook: hook.start_cutover([ONE], {"k": "v"}),
    "TerminateTargetInstances": lambda hook: hook.terminate_instances([ONE], {"k": "v"}),
    "ChangeServerLifeCycleState": lambda hook: hook.change_lifecycle(ONE, "READY_FOR_CUTOVER"),
    "FinalizeCutover": lambda hook: hook.finalize_cutover(ONE),
}


@pytest.fixture
def one_server(aws: ScriptedAws) -> None:
    aws.servers[ONE] = source_server(ONE)


# Mutating calls


@pytest.mark.parametrize("operation", MUTATIONS)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("500", OutcomeUnknown),
        ("503", OutcomeUnknown),
        ("500 InternalServerException", OutcomeUnknown),
        ("drop", OutcomeUnknown),
        ("html", OutcomeUnknown),
        ("429 ThrottlingException", Throttled),
        ("400 ThrottlingException", Throttled),
        ("409 ConflictException", Conflict),
        ("403 AccessDeniedException", AccessDenied),
        ("403", OutcomeUnknown),
    ],
)
@pytest.mark.usefixtures("one_server")
def test_a_mutating_call_goes_out_once(
    aws: ScriptedAws, hook: MgnHook, operation: str, fault: str, kind: type[MigrationError]
) -> None:
    aws.faults[operation] = [fault] * 5
    with pytest.raises(kind) as caught:
        MUTATIONS[operation](hook)
    assert type(caught.value) is kind
    assert aws.calls == {operation: 1}


@pytest.mark.usefixtures("one_server")
def test_a_mutating_call_that_times_out_went_out_once(aws: ScriptedAws, hook: MgnHook) -> None:
    aws.faults["StartCutover"] = ["slow1.5"] * 5
    with pytest.raises(OutcomeUnknown):
        hook.start_cutover([ONE], {})
    assert aws.calls == {"StartCutover": 1}


@pytest.mark.parametrize("operation", ["StartTest", "FinalizeCutover"])
@pytest.mark.usefixtures("one_server")
def test_no_configuration_makes_a_mutating_call_repeat(
    aws: ScriptedAws, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    extra = {
        "endpoint_url": aws.url,
        "region_name": "us-east-1",
        "config_kwargs": {"retries": {"mode": "legacy", "max_attempts": 4}, "read_timeout": 1},
    }
    connection = {"conn_type": "aws", "login": "AKIDEXAMPLE", "password": "secret-key", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_WAVES", json.dumps(connection))
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "4")
    monkeypatch.setenv("AWS_RETRY_MODE", "legacy")
    aws.faults[operation] = ["500"] * 5
    hook = MgnHook(aws_conn_id="aws_waves")
    with pytest.raises(OutcomeUnknown):
        MUTATIONS[operation](hook)
    assert aws.calls == {operation: 1}
    assert hook.conn.meta.config.retries["total_max_attempts"] == 5, "reads keep what the connection says"


@pytest.mark.parametrize("operation", ["StartTest", "FinalizeCutover"])
def test_a_call_that_never_left_says_so(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_MGN", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key")
    with pytest.raises(NotSent) as caught:
        MUTATIONS[operation](MgnHook(aws_conn_id=None, region_name="us-east-1"))
    assert isinstance(caught.value, OutcomeUnknown)


def test_a_launch_names_servers_and_tags(aws: ScriptedAws, hook: MgnHook) -> None:
    job = hook.start_cutover(iter([ONE, ONE, server_id(2)]), {"migration-ops:intent": "i-1"})
    assert aws.requests == [
        ("StartCutover", {"sourceServerIDs": [ONE, server_id(2)], "tags": {"migration-ops:intent": "i-1"}})
    ]
    assert job.job_id == job_id(0)
    assert job.intent_id == "i-1"
    assert job.launch_status == {ONE: "PENDING", server_id(2): "PENDING"}


@pytest.mark.usefixtures("one_server")
def test_lifecycle_and_finalize_return_the_server(aws: ScriptedAws, hook: MgnHook) -> None:
    assert hook.change_lifecycle(ONE, "READY_FOR_CUTOVER").source_server_id == ONE
    assert hook.finalize_cutover(ONE).lifecycle_state == "READY_FOR_TEST"
    assert aws.requests[0][1] == {"sourceServerID": ONE, "lifeCycle": {"state": "READY_FOR_CUTOVER"}}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"job": None},
        {"job": {"status": "PENDING"}},
        {"job": {"jobID": "j", "participatingServers": [{}]}},
        {"job": "x"},
        ["x"],
    ],
)
def test_a_launch_without_a_readable_job_is_unknown(aws: ScriptedAws, hook: MgnHook, answer: Any) -> None:
    aws.answers["StartTest"] = answer
    with pytest.raises(OutcomeUnknown):
        hook.start_test([ONE], {})


@pytest.mark.parametrize("answer", [{}, {"sourceServerID": server_id(2)}])
def test_an_answer_for_another_server_is_unknown(aws: ScriptedAws, hook: MgnHook, answer: Any) -> None:
    aws.answers["FinalizeCutover"] = answer
    with pytest.raises(OutcomeUnknown):
        hook.finalize_cutover(ONE)


# Reads


@pytest.mark.parametrize("fault", ["500", "503", "429 ThrottlingException", "drop", "slow1.2"])
@pytest.mark.usefixtures("one_server")
def test_a_read_is_repeated(aws: ScriptedAws, hook: MgnHook, fault: str) -> None:
    aws.faults["DescribeSourceServers"] = [fault]
    assert set(hook.describe_servers([ONE])) == {ONE}
    assert aws.calls["DescribeSourceServers"] == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("500", Unreachable), ("drop", Unreachable), ("429 ThrottlingException", Throttled), ("html", Unknown)],
)
def test_a_read_that_keeps_failing_is_no_empty_answer(
    aws: ScriptedAws, hook: MgnHook, fault: str, kind: type[MigrationError]
) -> None:
    aws.faults["DescribeSourceServers"] = [fault] * 5
    with pytest.raises(kind) as caught:
        hook.describe_servers([ONE])
    assert type(caught.value) is kind
    assert aws.calls["DescribeSourceServers"] == (1 if fault == "html" else 2)


def test_reads_retry_adaptively_by_default() -> None:
    hook = MgnHook(aws_conn_id=None, region_name="us-east-1")
    assert hook.conn.meta.config.retries == {"mode": "adaptive", "total_max_attempts": 6}
    assert hook.get_conn() is hook.conn
    assert "Airflow/" in hook.conn.meta.config.user_agent_extra
    assert hook.mutating_conn.meta.config.retries == {"mode": "standard", "total_max_attempts": 1}
    assert hook.mutating_conn.meta.config.read_timeout == 120


@pytest.mark.parametrize(("count", "calls"), [(0, 0), (1, 1), (200, 1), (201, 2), (401, 3)])
def test_servers_are_described_by_the_two_hundred(aws: ScriptedAws, hook: MgnHook, count: int, calls: int) -> None:
    ids = [server_id(n) for n in range(count)]
    aws.servers.update({one: source_server(one) for one in ids})
    aws.servers[server_id(999)] = source_server(server_id(999))
    assert list(hook.describe_servers(ids)) == ids
    assert aws.calls["DescribeSourceServers"] == calls
    assert all(0 < len(request["filters"]["sourceServerIDs"]) <= 200 for _, request in aws.requests)
    assert all("isArchived" not in request["filters"] for _, request in aws.requests)


def test_all_pages_are_read(aws: ScriptedAws, hook: MgnHook) -> None:
    ids = [server_id(n) for n in range(25)]
    aws.servers.update({one: source_server(one) for one in ids})
    aws.page_size = 10
    assert len(hook.describe_servers(ids)) == 25
    assert aws.calls["DescribeSourceServers"] == 3


def test_an_unknown_server_is_absent_an_archived_one_is_not(aws: ScriptedAws, hook: MgnHook) -> None:
    aws.servers[ONE] = source_server(ONE, isArchived=True)
    found = hook.describe_servers([ONE, server_id(2)])
    assert set(found) == {ONE}
    assert found[ONE].is_archived is True


@pytest.mark.parametrize("answer", [{}, {"items": None}, {"items": [{"arn": "x"}]}, {"items": ["x"]}])
def test_a_malformed_answer_is_unknown(aws: ScriptedAws, hook: MgnHook, answer: Any) -> None:
    aws.answers["DescribeSourceServers"] = answer
    with pytest.raises(MigrationError) as caught:
        hook.describe_servers([ONE])
    assert isinstance(caught.value, Unknown)


def test_one_string_is_not_many_ids(hook: MgnHook) -> None:
    with pytest.raises(InvalidInput):
        hook.describe_servers(ONE)


def test_servers_of_applications(aws: ScriptedAws, hook: MgnHook) -> None:
    application = "app-" + "a" * 17
    aws.servers[ONE] = source_server(ONE, applicationID=application)
    aws.servers[server_id(2)] = source_server(server_id(2), applicationID="app-" + "b" * 17)
    assert [view.source_server_id for view in hook.servers_of_applications([application])] == [ONE]
    assert aws.requests[0][1]["filters"] == {"applicationIDs": [application], "isArchived": False}
    assert hook.servers_of_applications([]) == []


WAVE = "wave-" + "1" * 17
APPLICATIONS = [
    {"applicationID": "app-" + "1" * 17, "name": "billing", "waveID": WAVE},
    {"applicationID": "app-" + "2" * 17, "name": "crm", "waveID": WAVE},
]


def test_applications_of_a_wave(aws: ScriptedAws, hook: MgnHook) -> None:
    aws.answers["ListWaves"] = {"items": [{"waveID": WAVE, "isArchived": False}]}
    aws.answers["ListApplications"] = {"items": APPLICATIONS}
    assert hook.applications_of_wave(WAVE) == {"billing": "app-" + "1" * 17, "crm": "app-" + "2" * 17}


@pytest.mark.parametrize("waves", [[], [{"waveID": WAVE, "isArchived": True}], [{"waveID": "wave-" + "2" * 17}]])
def test_a_wave_that_is_not_there(aws: ScriptedAws, hook: MgnHook, waves: list[dict[str, Any]]) -> None:
    aws.answers["ListWaves"] = {"items": waves}
    with pytest.raises(NotFound):
        hook.applications_of_wave(WAVE)
    assert aws.calls["ListApplications"] == 0


@pytest.mark.parametrize("change", [{"waveID": None}, {"name": "crm"}, {"applicationID": None}, {"name": None}])
def test_an_application_that_cannot_be_of_the_wave(aws: ScriptedAws, hook: MgnHook, change: dict[str, Any]) -> None:
    aws.answers["ListWaves"] = {"items": [{"waveID": WAVE, "isArchived": False}]}
    aws.answers["ListApplications"] = {"items": [APPLICATIONS[0] | change, APPLICATIONS[1]]}
    with pytest.raises(Unknown):
        hook.applications_of_wave(WAVE)


@pytest.mark.parametrize(("count", "calls"), [(0, 0), (1000, 1), (1001, 2)])
def test_jobs_are_described_by_the_thousand(aws: ScriptedAws, hook: MgnHook, count: int, calls: int) -> None:
    ids = [job_id(n) for n in range(count)]
    aws.jobs.update({one: {"jobID": one, "status": "STARTED"} for one in ids})
    assert list(hook.describe_jobs(ids)) == ids
    assert aws.calls["DescribeJobs"] == calls


@pytest.mark.parametrize(
    "moment",
    [datetime(2026, 3, 1, 12, 0, 0, 999, tzinfo=UTC), datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2)))],
)
def test_jobs_since_a_moment(aws: ScriptedAws, hook: MgnHook, moment: datetime) -> None:
    hook.jobs_since(moment)
    assert aws.requests[0][1]["filters"] == {"fromDate": "2026-03-01T12:00:00Z"}


def test_a_moment_without_zone_is_refused(hook: MgnHook) -> None:
    with pytest.raises(InvalidInput):
        hook.jobs_since(datetime(2026, 3, 1))  # noqa: DTZ001


def test_active_jobs_are_all_that_are_not_over(aws: ScriptedAws, hook: MgnHook) -> None:
    states = {"PENDING": True, "STARTED": True, "COMPLETED": False, None: True, "SOMETHING_NEW": True}
    for number, state in enumerate(states):
        aws.jobs[job_id(number)] = {"jobID": job_id(number)} | ({"status": state} if state else {})
    assert {job.status for job in hook.active_jobs()} == {state for state, active in states.items() if active}


def test_the_log_of_a_job_is_as_mgn_writes_it(aws: ScriptedAws, hook: MgnHook) -> None:
    lines = [
        {"logDateTime": "2026-03-01T12:00:00Z", "event": "JOB_START"},
        {"event": "USING_PREVIOUS_SNAPSHOT", "eventData": {"sourceServerID": ONE, "rawError": "old"}},
    ]
    aws.answers["DescribeJobLogItems"] = {"items": lines}
    assert hook.job_log(job_id(1)) == lines


def test_launch_configuration(aws: ScriptedAws, hook: MgnHook) -> None:
    aws.answers["GetLaunchConfiguration"] = {"sourceServerID": ONE, "launchDisposition": "STOPPED"}
    assert hook.launch_configuration(ONE) == {"sourceServerID": ONE, "launchDisposition": "STOPPED"}
    aws.answers["GetLaunchConfiguration"] = {"sourceServerID": server_id(2)}
    with pytest.raises(Unknown):
        hook.launch_configuration(ONE)


def test_a_malformed_request_never_leaves(aws: ScriptedAws, hook: MgnHook) -> None:
    with pytest.raises(Invalid):
        hook.start_test([], {})
    assert not aws.calls


def test_clients_of_other_services_come_from_the_same_session_and_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {
        "region_name": "eu-central-1",
        "config_kwargs": {"read_timeout": 7},
        "service_config": {"ec2": {"endpoint_url": "http://127.0.0.1:1"}},
        "verify": False,
    }
    connection = {"conn_type": "aws", "login": "AKIDCONNECTION", "password": "x", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SHARED", json.dumps(connection))
    hook = MgnHook(aws_conn_id="shared")
    ec2, ssm = hook.client_for_reads("ec2"), hook.client_for_reads("ssm")
    assert ec2.meta.endpoint_url == "http://127.0.0.1:1"
    assert ssm.meta.region_name == hook.conn.meta.region_name == "eu-central-1"
    assert ssm.meta.config.read_timeout == 7
    assert ssm.meta.config.retries == {"mode": "adaptive", "total_max_attempts": 6}
    assert hook.get_session() is hook.get_session(region_name="eu-central-1")
    assert hook.get_session(region_name="us-west-2") is not hook.get_session()
    assert hook.get_credentials().access_key == "AKIDCONNECTION"
