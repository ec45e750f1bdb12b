"""Bucket policies with conditions, as S3 reads them.

moto 5.2.5 looks at no condition and refuses what a ``Deny`` with one is about: with "deny requests without TLS" nobody
could put an object. Here a statement whose condition the request does not meet says nothing. Requests to the sandbox
count as sent with TLS. A condition on anything else is left to moto, which refuses.

To moto the removal of a version is ``s3:DeleteObject``, too; S3 asks for ``s3:DeleteObjectVersion``.
"""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

# What is known of each request, by condition key.
_KNOWN = {"aws:securetransport": "true"}
_delete_object = S3Response.delete_object


class AccessDeniedError(S3ClientError):
    """S3's word for it; moto's own is AccessForbidden."""

    code = 403

    def __init__(self) -> None:
        super().__init__("AccessDenied", "Access Denied")


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    FakeBucket.get_permission = _permission
    S3Response.delete_object = _delete_where_allowed


def _delete_where_allowed(self: S3Response) -> Any:
    if self._get_param("versionId"):
        resource = f"arn:aws:s3:::{self.bucket_name}/{self.parse_key_name()}"
        bucket = self.backend.get_bucket(self.bucket_name)
        if bucket.get_permission("s3:DeleteObjectVersion", resource) == PermissionResult.DENIED:
            raise AccessDeniedError
    return _delete_object(self)


def _permission(self: FakeBucket, action: str, resource: str) -> PermissionResult:
    if self.policy is None:
        return PermissionResult.NEUTRAL
    document = json.loads(self.policy)
    listed = document["Statement"]
    statements = [listed] if isinstance(listed, dict) else listed
    said = [one for one in (_said(statement) for statement in statements) if one]
    if not said:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps(document | {"Statement": said})).is_action_permitted(action, resource)


def _said(statement: dict[str, Any]) -> dict[str, Any] | None:
    """The statement without conditions that are met; None when one is not."""
    conditions: dict[str, dict[str, Any]] = statement.get("Condition", {})
    keys = {key.lower() for of_operator in conditions.values() for key in of_operator}
    if not keys or set(conditions) != {"Bool"} or not keys <= set(_KNOWN):
        return statement
    met = all(str(value).lower() == _KNOWN[key.lower()] for key, value in conditions["Bool"].items())
    return {name: value for name, value in statement.items() if name != "Condition"} if met else None
