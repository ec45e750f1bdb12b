"""Bucket policies in the sandbox: a Deny says nothing to a request that does not meet its condition."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.sandbox.sandbox import Sandbox

BUCKET = "guarded"
PLAIN_HTTP = {"Bool": {"aws:SecureTransport": "false"}}
TLS = {"Bool": {"aws:SecureTransport": "true"}}
OTHER = {"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with Sandbox(seed="empty") as box:
        client = box.boto("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client


def _deny(condition: dict[str, Any] | None, action: str = "s3:*") -> str:
    resource = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    one = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource}
    statement = one | ({"Condition": condition} if condition else {})
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_denying_plain_http_lets_requests_in(s3: Any) -> None:
    s3.put_bucket_policy(Bucket=BUCKET, Policy=_deny(PLAIN_HTTP))
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"x"


@pytest.mark.parametrize("condition", [None, TLS, OTHER, PLAIN_HTTP | OTHER], ids=["none", "tls", "other", "both"])
def test_what_is_denied_or_not_understood_is_refused(s3: Any, condition: dict[str, Any] | None) -> None:
    """A sandbox that is kinder than AWS is a bug: a condition that nobody evaluates here refuses."""
    s3.put_bucket_policy(Bucket=BUCKET, Policy=_deny(condition, "s3:PutObject"))
    with pytest.raises(ClientError):
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"y")
