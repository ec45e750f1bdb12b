"""Turns botocore's errors into this package's errors: refused, throttled, or outcome unknown.

The error code decides, never the HTTP status: ThrottlingException is 400 in one page of the API reference and 429 in
the model (API reference, CommonErrors).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError as BotoCoreError
from botocore.exceptions import ClientError as ClientError

from migration_ops.core.errors import MigrationError, OutcomeUnknownError, RefusedError, ThrottledError, UnknownError

# What a call of the SDK raises when AWS answers with an error, or does not answer.
SDK_ERRORS = (ClientError, BotoCoreError)

T = TypeVar("T")


class ConflictError(RefusedError):
    """MGN refused because of the server's state or a job in flight, perhaps our own (ConflictException)."""

    code = "CONFLICT"
    hint = "Look at the server's lifecycle state and jobs; clear the task when nothing is in flight."


class AccessDeniedError(RefusedError):
    """The credentials are missing, expired or not allowed to make the call."""

    code = "ACCESS_DENIED"
    hint = "Check the Airflow connection and the role's policy (include/iam), then clear the task."


class NotInitializedError(RefusedError):
    """MGN was never initialized in this account and Region (UninitializedAccountException)."""

    code = "MGN_NOT_INITIALIZED"
    hint = "An administrator initializes MGN once per account and Region."


class NotFoundError(RefusedError):
    """The id does not exist in this account and Region."""

    code = "NOT_FOUND"
    hint = "Check account, Region and id."


class InvalidError(RefusedError):
    """The request is malformed; sending it again changes nothing."""

    code = "INVALID_REQUEST"


class NotSentError(OutcomeUnknownError):
    """A mutating call that was not sent: the connection to AWS could not be opened."""

    code = "NOT_SENT"


class UnreachableError(UnknownError):
    """A read that got no answer, or only a server error, even after its retries."""

    code = "UNREACHABLE"
    hint = "AWS could not be reached; the task tries again by itself."
    retryable = True


THROTTLING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        # In this package's calls only quotas of running jobs and of servers in jobs, which become free again.
        "ServiceQuotaExceededException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "TooManyRequestsException",
    }
)
CONFLICT_CODES = frozenset({"ConflictException"})
DENIED_CODES = frozenset(
    {"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation", "OptInRequired"}
)
# Their messages may quote the canonical request, session token included, so the message is dropped.
CREDENTIAL_CODES = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
UNINITIALIZED_CODES = frozenset({"UninitializedAccountException"})
NOT_FOUND_CODES = frozenset(
    {"InvalidDocument", "InvalidInstanceID.NotFound", "NoSuchEntity", "ResourceNotFound", "ResourceNotFoundException"}
)
INVALID_CODES = frozenset(
    {
        "InvalidFilter",
        "InvalidInstanceID.Malformed",
        "InvalidParameter",
        "InvalidParameterCombination",
        "InvalidParameterException",
        "InvalidParameterValue",
        "MissingParameter",
        "UnsupportedCalendarException",
        "ValidationError",
        "ValidationException",
    }
)
SERVER_CODES = frozenset(
    {
        # An HTTP status as code: an answer without an error type, from a proxy between AWS and us.
        "429",
        "500",
        "502",
        "503",
        "504",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServerException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Unavailable",
    }
)

REFUSALS: tuple[tuple[frozenset[str], type[MigrationError]], ...] = (
    (THROTTLING_CODES, ThrottledError),
    (CONFLICT_CODES, ConflictError),
    (DENIED_CODES | CREDENTIAL_CODES, AccessDeniedError),
    (UNINITIALIZED_CODES, NotInitializedError),
    (NOT_FOUND_CODES, NotFoundError),
    (INVALID_CODES, InvalidError),
)

# Raised while the connection is being opened: nothing of the request was sent.
_BEFORE_SENDING = (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError)
_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.NoAuthTokenError,
    boto.UnknownCredentialError,
    boto.SSOError,
)
_MALFORMED = (
    boto.ParamValidationError,
    boto.ValidationError,
    boto.NoRegionError,
    boto.UnknownRegionError,
    boto.UnknownEndpointError,
    boto.EndpointProviderError,
)
_NO_ANSWER = (boto.HTTPClientError, boto.ConnectionError)
_EXTRA_MEMBERS = ("resourceId", "resourceType", "quotaCode", "retryAfterSeconds", "reason")


def to_aws_error(error: Exception, *, mutating: bool) -> MigrationError:
    """The package's error for what a boto3 call raised; a package error passes unchanged.

    Any error that is not a known refusal becomes an :class:`OutcomeUnknownError` for a mutating call, and an
    :class:`UnknownError` for a read.

    :param mutating: whether AWS may have executed something if the answer was lost.
    """
    if isinstance(error, MigrationError):
        return error
    if isinstance(error, ClientError):
        return _from_answer(error, mutating)
    if isinstance(error, BotoCoreError):
        return _from_client(error, mutating)
    return _undecided(mutating)(f"The call raised {type(error).__name__}.")


def _from_answer(error: ClientError, mutating: bool) -> MigrationError:
    """AWS answered with an error."""
    code = str(error.response.get("Error", {}).get("Code") or "")
    message = _message_of(error, code)
    context = _context_of(error, code)
    for codes, kind in REFUSALS:
        if code in codes:
            return kind(message, **context)
    if code in SERVER_CODES and not mutating:
        return UnreachableError(message, **context)
    return _undecided(mutating)(message, **context)


def _from_client(error: BotoCoreError, mutating: bool) -> MigrationError:
    """There is no answer from AWS: the call failed on our side or in the network."""
    kind = type(error).__name__
    if isinstance(error, _CREDENTIALS):
        # A credential provider's own message may quote what it read.
        return AccessDeniedError("No usable AWS credentials.", error=kind)
    if isinstance(error, _MALFORMED):
        return InvalidError(str(error), error=kind)
    if isinstance(error, _BEFORE_SENDING):
        return (NotSentError if mutating else UnreachableError)(str(error), error=kind)
    if isinstance(error, _NO_ANSWER) and not mutating:
        return UnreachableError(str(error), error=kind)
    return _undecided(mutating)(str(error), error=kind)


def _undecided(mutating: bool) -> type[MigrationError]:
    return OutcomeUnknownError if mutating else UnknownError


def _message_of(error: ClientError, code: str) -> str:
    operation = error.operation_name
    if code in CREDENTIAL_CODES:
        return f"{operation}: {code}."
    text = str(error.response.get("Error", {}).get("Message") or "").strip()
    return f"{operation}: {text or code or 'an error without a code'}"


def _context_of(error: ClientError, code: str) -> dict[str, Any]:
    response: dict[str, Any] = dict(error.response)
    metadata = response.get("ResponseMetadata") or {}
    context: dict[str, Any] = {"operation": error.operation_name, "awsCode": code}
    context |= {"status": metadata.get("HTTPStatusCode"), "requestId": metadata.get("RequestId")}
    context |= {name: response.get(name) for name in _EXTRA_MEMBERS}
    causes = [
        {member: one.get(member) for member in ("code", "message", "resourceId") if one.get(member)}
        for one in response.get("errors") or []
    ]
    context["errors"] = causes or None
    context["fields"] = [one.get("name") for one in response.get("fieldList") or []] or None
    return {name: value for name, value in context.items() if value is not None}


def attempt(read: Callable[[], T]) -> T | MigrationError:
    """What a read returns, or the error: for facts that are read together, so that one failure does not hide others."""
    try:
        return read()
    except MigrationError as error:
        return error
    except SDK_ERRORS as error:
        return to_aws_error(error, mutating=False)
