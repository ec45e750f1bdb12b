"""Every error of boto3 becomes one of ours, and what is not a known refusal stays unknown."""

from __future__ import annotations

import pickle

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError

from migration_ops.aws.errors import (
    CREDENTIAL_CODES,
    REFUSALS,
    SERVER_CODES,
    THROTTLING_CODES,
    AccessDenied,
    Conflict,
    Invalid,
    NotFound,
    NotInitialized,
    NotSent,
    Unreachable,
    classify,
)
from migration_ops.core.errors import MigrationError, OutcomeUnknown, Refused, Throttled, Unknown


def client_error(code: str, status: int = 400, **members: object) -> ClientError:
    response = {
        "Error": {"Code": code, "Message": "what AWS said"},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "req-7"},
        **members,
    }
    return ClientError(response, "StartTest")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ThrottlingException", Throttled),
        ("TooManyRequestsException", Throttled),
        ("RequestLimitExceeded", Throttled),
        ("ServiceQuotaExceededException", Throttled),
        ("ConflictException", Conflict),
        ("AccessDeniedException", AccessDenied),
        ("UnauthorizedOperation", AccessDenied),
        ("UnrecognizedClientException", AccessDenied),
        ("ExpiredTokenException", AccessDenied),
        ("UninitializedAccountException", NotInitialized),
        ("ResourceNotFoundException", NotFound),
        ("InvalidInstanceID.NotFound", NotFound),
        ("ValidationException", Invalid),
    ],
)
@pytest.mark.parametrize("mutating", [True, False])
def test_a_refusal_is_a_refusal_whoever_asks(code: str, kind: type[MigrationError], mutating: bool) -> None:
    fault = classify(client_error(code), mutating=mutating)
    assert type(fault) is kind
    assert fault.retryable is (kind is Throttled)
    assert fault.context["awsCode"] == code
    assert fault.context["requestId"] == "req-7"


@pytest.mark.parametrize("code", ["", "SomethingNew", *sorted(SERVER_CODES)])
def test_what_is_not_a_known_refusal_may_have_been_executed(code: str) -> None:
    assert type(classify(client_error(code, 500), mutating=True)) is OutcomeUnknown


@pytest.mark.parametrize(
    ("code", "kind"), [("", Unknown), ("SomethingNew", Unknown), ("InternalServerException", Unreachable)]
)
def test_a_read_is_never_outcome_unknown(code: str, kind: type[MigrationError]) -> None:
    assert type(classify(client_error(code, 500), mutating=False)) is kind


@pytest.mark.parametrize("status", [200, 400, 402, 429, 500])
def test_the_code_decides_not_the_status(status: int) -> None:
    assert isinstance(classify(client_error("ThrottlingException", status), mutating=True), Throttled)


@pytest.mark.parametrize(
    ("error", "mutating", "kind"),
    [
        (boto.ReadTimeoutError(endpoint_url="https://x"), True, OutcomeUnknown),
        (boto.ConnectionClosedError(endpoint_url="https://x"), True, OutcomeUnknown),
        (boto.HTTPClientError(error="x"), True, OutcomeUnknown),
        # A TLS error may also come while the answer is read.
        (boto.SSLError(endpoint_url="https://x", error="x"), True, OutcomeUnknown),
        (boto.ResponseStreamingError(error="x"), True, OutcomeUnknown),
        (boto.EndpointConnectionError(endpoint_url="https://x"), True, NotSent),
        (boto.ConnectTimeoutError(endpoint_url="https://x"), True, NotSent),
        (boto.ReadTimeoutError(endpoint_url="https://x"), False, Unreachable),
        (boto.EndpointConnectionError(endpoint_url="https://x"), False, Unreachable),
        (boto.SSLError(endpoint_url="https://x", error="x"), False, Unreachable),
        (boto.NoCredentialsError(), True, AccessDenied),
        (boto.ParamValidationError(report="x"), True, Invalid),
        (boto.NoRegionError(), False, Invalid),
        (boto.BotoCoreError(), True, OutcomeUnknown),
        (boto.BotoCoreError(), False, Unknown),
        (RuntimeError("x"), True, OutcomeUnknown),
    ],
)
def test_no_answer(error: Exception, mutating: bool, kind: type[MigrationError]) -> None:
    assert type(classify(error, mutating=mutating)) is kind


def test_ids_and_causes_are_kept() -> None:
    error = client_error(
        "ConflictException",
        409,
        resourceId="s-1",
        errors=[{"code": "JOB_ACTIVE", "message": "a job is active", "resourceId": "s-2", "resourceType": None}],
        fieldList=[{"name": "sourceServerIDs", "message": "x"}],
        retryAfterSeconds=7,
    )
    context = classify(error, mutating=True).context
    assert context["resourceId"] == "s-1"
    assert context["errors"] == [{"code": "JOB_ACTIVE", "message": "a job is active", "resourceId": "s-2"}]
    assert context["fields"] == ["sourceServerIDs"]
    assert context["retryAfterSeconds"] == 7


@pytest.mark.parametrize("code", sorted(CREDENTIAL_CODES))
def test_a_signature_error_does_not_quote_the_request(code: str) -> None:
    error = client_error(code)
    error.response["Error"]["Message"] = "The canonical string was x-amz-security-token:SECRETTOKEN"
    assert "SECRETTOKEN" not in str(classify(error, mutating=False))


def test_a_credential_process_is_not_quoted() -> None:
    error = boto.CredentialRetrievalError(provider="process", error_msg="SECRETTOKEN")
    assert "SECRETTOKEN" not in str(classify(error, mutating=False))


def test_no_code_is_in_two_sets() -> None:
    sets = [codes for codes, _ in REFUSALS] + [SERVER_CODES]
    assert sum(map(len, sets)) == len(frozenset().union(*sets))
    assert all(not issubclass(kind, Refused) or not kind.retryable for _, kind in REFUSALS)
    assert THROTTLING_CODES


def test_package_errors_pass_and_pickle() -> None:
    fault = classify(client_error("ConflictException", resourceId="s-1"), mutating=True)
    assert classify(fault, mutating=False) is fault
    again = pickle.loads(pickle.dumps(fault))
    assert type(again) is Conflict
    assert str(again) == str(fault)
