"""MGN's errors as botocore's model has them: type, status, message and extra members."""

from __future__ import annotations

from typing import Any


class MgnError(Exception):
    """An error answer. ``members`` become top-level members of the body, ``headers`` are sent as they are."""

    type_name = "InternalServerException"
    status = 500

    def __init__(self, message: str, **members: Any) -> None:
        super().__init__(message)
        self.message = message
        self.members = members
        self.headers: dict[str, str] = {}


class ValidationError(MgnError):
    """``reason``: unknownOperation, cannotParse, fieldValidationFailed or other; ``fieldList``: [{name, message}]."""

    type_name = "ValidationException"
    status = 400

    def __init__(self, message: str, *, reason: str = "other", fields: list[tuple[str, str]] | None = None) -> None:
        listed = [{"name": name, "message": text} for name, text in fields or []]
        super().__init__(message, reason=reason, **({"fieldList": listed} if listed else {}))


class ConflictError(MgnError):
    """``errors``: one {message, code, resourceId, resourceType} per refused resource."""

    type_name = "ConflictException"
    status = 409


class NotFoundError(MgnError):
    type_name = "ResourceNotFoundException"
    status = 404

    def __init__(self, resource_type: str, resource_id: str) -> None:
        super().__init__(
            f"{resource_type} {resource_id} does not exist", resourceId=resource_id, resourceType=resource_type
        )


class QuotaError(MgnError):
    type_name = "ServiceQuotaExceededException"
    status = 402

    def __init__(self, message: str, quota_code: str, quota_value: int) -> None:
        super().__init__(message, serviceCode="mgn", quotaCode=quota_code, quotaValue=quota_value)


class UninitializedError(MgnError):
    type_name = "UninitializedAccountException"
    status = 400


class AccessDeniedError(MgnError):
    type_name = "AccessDeniedException"
    status = 403


class UnsignedError(MgnError):
    type_name = "MissingAuthenticationTokenException"
    status = 403


class UnknownOperationError(MgnError):
    type_name = "UnknownOperationException"
    status = 404


class NotSimulatedError(MgnError):
    """The operation exists at AWS and not here: refused, never answered with invented success. Not an AWS type."""

    type_name = "SandboxNotSimulated"
    status = 501


def refused(resource_type: str, refusals: dict[str, str], what: str) -> ConflictError:
    """One ConflictException for a call on several resources: the whole call is refused, each reason is named.

    :param refusals: reason by resource id.
    """
    listed = [
        {"message": reason, "code": "CONFLICT", "resourceId": one, "resourceType": resource_type}
        for one, reason in refusals.items()
    ]
    first = next(iter(refusals))
    message = f"{what} refused: " + "; ".join(f"{one}: {reason}" for one, reason in refusals.items())
    return ConflictError(message, resourceId=first, resourceType=resource_type, errors=listed)
