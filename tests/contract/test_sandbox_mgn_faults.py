"""Faults on request, for MGN and for moto, and the ledger of calls that shows what took effect."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError, ReadTimeoutError

from include.sandbox.faults import BadFault, CallName, FaultBook


def _detail(box: Any, operation: str) -> list[tuple[Any, bool]]:
    return [(one["fault"], one["executed"]) for one in box.client.call_details("mgn", operation)]


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("throttle", "ThrottlingException", 429),
        ("error500", "InternalServerException", 500),
        ("error503", "ServiceUnavailableException", 503),
        ("conflict", "ConflictException", 409),
        ("accessDenied", "AccessDeniedException", 403),
    ],
)
def test_an_error_without_effect(
    mgn_box: Any, mgn: Any, seed: Any, look: Any, refusal: Any, kind: str, code: str, status: int
) -> None:
    server_id = seed()
    mgn_box.client.add_fault(kind, service="mgn", operation="StartTest", times=1)
    error = refusal(mgn.start_test, sourceServerIDs=[server_id])
    assert error.response["Error"]["Code"] == code
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert look(server_id)["lifeCycle"]["state"] == "READY_FOR_TEST"
    assert mgn.start_test(sourceServerIDs=[server_id])["job"]["status"] == "PENDING"
    assert _detail(mgn_box, "StartTest") == [(kind, False), (None, True)]


@pytest.mark.parametrize("kind", ["dropAfter", "timeoutAfter", "error500After"])
def test_a_lost_answer_leaves_a_job_and_a_retry_conflicts(
    mgn_box: Any, mgn: Any, seed: Any, look: Any, refusal: Any, kind: str
) -> None:
    server_id = seed(state="READY_FOR_CUTOVER")
    mgn_box.client.add_fault(kind, service="mgn", operation="StartCutover", times=1, serverIds=[server_id])
    impatient = mgn_box.boto("mgn", retries={"total_max_attempts": 1}, read_timeout=0.3)
    with pytest.raises((HTTPClientError, ClientError)):
        impatient.start_cutover(sourceServerIDs=[server_id], tags={"intent": "i-1"})
    cycle = look(server_id)["lifeCycle"]
    assert cycle["state"] == "CUTTING_OVER"
    job = mgn.describe_jobs(filters={"jobIDs": [cycle["lastCutover"]["initiated"]["jobID"]]})["items"][0]
    assert (job["initiatedBy"], job["tags"]) == ("START_CUTOVER", {"intent": "i-1"})
    error = refusal(mgn.start_cutover, sourceServerIDs=[server_id])
    assert error.response["Error"]["Code"] == "ConflictException"
    assert _detail(mgn_box, "StartCutover") == [(kind, True), (None, True)]


def test_boto3s_own_retry_of_a_lost_answer_conflicts(mgn_box: Any, seed: Any) -> None:
    server_id = seed()
    mgn_box.client.add_fault("dropAfter", operation="StartTest", times=1)
    with pytest.raises(ClientError) as caught:
        mgn_box.boto("mgn").start_test(sourceServerIDs=[server_id])
    assert caught.value.response["Error"]["Code"] == "ConflictException"
    assert mgn_box.client.count("mgn", "StartTest") == 2


@pytest.mark.parametrize(("kind", "error"), [("dropBefore", ConnectionClosedError), ("timeout", ReadTimeoutError)])
def test_a_call_that_never_arrived(
    mgn_box: Any, mgn: Any, seed: Any, look: Any, kind: str, error: type[Exception]
) -> None:
    server_id = seed()
    mgn_box.client.add_fault(kind, service="mgn", operation="StartTest", times=1)
    impatient = mgn_box.boto("mgn", retries={"total_max_attempts": 1}, read_timeout=0.3)
    with pytest.raises(error):
        impatient.start_test(sourceServerIDs=[server_id])
    assert look(server_id)["lifeCycle"]["state"] == "READY_FOR_TEST"


def test_a_hanging_call_ends_when_the_client_gives_up(mgn_box: Any) -> None:
    mgn_box.client.add_fault("timeout", service="mgn", operation="ListWaves", times=1)
    impatient = mgn_box.boto("mgn", retries={"total_max_attempts": 1}, read_timeout=0.2)
    with pytest.raises(ReadTimeoutError):
        impatient.list_waves()
    until = time.monotonic() + 3
    while not mgn_box.client.count("mgn", "ListWaves"):
        assert time.monotonic() < until, "the hanging call was never given up"
        time.sleep(0.05)


def test_delay(mgn_box: Any, mgn: Any) -> None:
    mgn_box.client.add_fault("delay", operation="ListWaves", seconds=0.3, times=1)
    start = time.monotonic()
    mgn.list_waves()
    assert time.monotonic() - start >= 0.3


def test_success_without_a_document(mgn_box: Any, seed: Any) -> None:
    mgn_box.client.add_fault("notJson", service="mgn", operation="DescribeSourceServers", times=1)
    answer = mgn_box.boto("mgn").describe_source_servers(filters={"sourceServerIDs": [seed()]})
    assert "items" not in answer


def test_retry_after_reaches_boto3(mgn_box: Any, mgn: Any, refusal: Any) -> None:
    mgn_box.client.add_fault("throttle", operation="ListWaves", retryAfterSeconds=7)
    error = refusal(mgn.list_waves)
    assert error.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"


def test_faults_by_count_and_server(mgn_box: Any, mgn: Any, seed: Any, refusal: Any) -> None:
    unlucky, other = seed(), seed()
    mgn_box.client.add_fault("throttle", operation="GetLaunchConfiguration", times=2, serverIds=[unlucky])
    assert mgn.get_launch_configuration(sourceServerID=other)
    for _ in range(2):
        refusal(mgn.get_launch_configuration, sourceServerID=unlucky)
    assert mgn.get_launch_configuration(sourceServerID=unlucky)
    assert mgn_box.client.faults()[0]["fired"] == 2


def test_a_fault_by_probability_is_the_same_on_every_run() -> None:
    def hits(seed: int) -> list[bool]:
        book = FaultBook(seed)
        book.add("throttle", probability=0.3)
        return [book.take(CallName("mgn", "ListWaves")) is not None for _ in range(200)]

    assert hits(1) == hits(1) != hits(2)
    assert 30 < sum(hits(1)) < 90


@pytest.mark.parametrize(
    "arguments", [{"kind": "meteor"}, {"kind": "throttle", "times": 0}, {"kind": "throttle", "probability": 0}]
)
def test_faults_that_make_no_sense(arguments: dict[str, Any]) -> None:
    with pytest.raises(BadFault):
        FaultBook().add(**arguments)


@pytest.mark.parametrize(
    ("service", "operation", "call", "arguments", "code"),
    [
        ("ec2", "DescribeVpcs", "describe_vpcs", {}, "RequestLimitExceeded"),
        ("sts", "GetCallerIdentity", "get_caller_identity", {}, "Throttling"),
        ("dynamodb", "ListTables", "list_tables", {}, "ThrottlingException"),
        ("s3", "PutObject", "put_object", {"Bucket": "migration-evidence", "Key": "a/b", "Body": b"x"}, "SlowDown"),
        ("cloudwatch", "ListMetrics", "list_metrics", {}, "ThrottlingException"),
    ],
)
def test_moto_is_faulted_in_the_words_of_each_service(
    mgn_box: Any, service: str, operation: str, call: str, arguments: dict[str, Any], code: str
) -> None:
    signed_as = "monitoring" if service == "cloudwatch" else service
    client = mgn_box.boto(service, retries={"total_max_attempts": 1})
    mgn_box.client.add_fault("throttle", service=signed_as, times=1)
    with pytest.raises(ClientError) as caught:
        getattr(client, call)(**arguments)
    assert caught.value.response["Error"]["Code"] == code
    getattr(client, call)(**arguments)
    assert mgn_box.client.count(signed_as, operation) == 2


def test_dropped_by_moto(mgn_box: Any) -> None:
    mgn_box.client.add_fault("dropAfter", service="sqs", operation="CreateQueue", times=1)
    sqs = mgn_box.boto("sqs", retries={"total_max_attempts": 1})
    with pytest.raises(ConnectionClosedError):
        sqs.create_queue(QueueName="made-all-the-same")
    assert sqs.get_queue_url(QueueName="made-all-the-same")["QueueUrl"]


def test_the_services_own_calls_are_neither_counted_nor_faulted(mgn_box: Any, mgn: Any, seed: Any, finish: Any) -> None:
    mgn_box.client.add_fault("accessDenied", service="ec2")
    job = finish(mgn.start_test(sourceServerIDs=[seed()])["job"])
    assert job["participatingServers"][0]["launchStatus"] == "LAUNCHED"
    assert {one["service"] for one in mgn_box.client.calls()} == {"mgn"}


def test_calls_name_the_servers_and_the_client(mgn_box: Any, mgn: Any, seed: Any) -> None:
    server_id = seed()
    mgn.describe_source_servers(filters={"sourceServerIDs": [server_id]})
    call = mgn_box.client.call_details("mgn", "DescribeSourceServers")[0]
    assert call["serverIds"] == [server_id]
    assert call["status"] == 200
    assert "Boto3" in call["userAgent"]
    assert call["at"].endswith("+00:00")
    mgn_box.client.reset_calls()
    assert mgn_box.client.calls() == []
