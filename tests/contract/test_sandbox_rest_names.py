"""REST calls are called what botocore calls them."""

from __future__ import annotations

import pytest

from include.sandbox.rest_names import rest_operation

NONE: frozenset[str] = frozenset()
COPY = frozenset({"x-amz-copy-source"})


@pytest.mark.parametrize(
    ("service", "method", "path", "query", "headers", "name"),
    [
        ("s3", "GET", "/", "", NONE, "ListBuckets"),
        ("s3", "PUT", "/b", "", NONE, "CreateBucket"),
        ("s3", "GET", "/b", "", NONE, "ListObjects"),
        ("s3", "GET", "/b", "list-type=2&prefix=x", NONE, "ListObjectsV2"),
        ("s3", "GET", "/b", "policy", NONE, "GetBucketPolicy"),
        ("s3", "GET", "/b", "publicAccessBlock", NONE, "GetPublicAccessBlock"),
        ("s3", "PUT", "/b/a/c.json", "", NONE, "PutObject"),
        ("s3", "PUT", "/b/a/c.json", "", COPY, "CopyObject"),
        ("s3", "PUT", "/b/a/c.json", "partNumber=1&uploadId=x", NONE, "UploadPart"),
        ("s3", "GET", "/b/a/c.json", "", NONE, "GetObject"),
        ("s3", "HEAD", "/b/a/c.json", "", NONE, "HeadObject"),
        ("s3", "POST", "/b", "delete", NONE, "DeleteObjects"),
        ("lambda", "GET", "/2015-03-31/functions/", "MaxItems=1", NONE, "ListFunctions"),
        ("lambda", "GET", "/2015-03-31/functions/f/policy", "", NONE, "GetPolicy"),
        ("lambda", "GET", "/2021-10-31/functions/f/urls", "", NONE, "ListFunctionUrlConfigs"),
        (
            "lambda",
            "GET",
            "/2019-09-25/functions/f/event-invoke-config/list",
            "",
            NONE,
            "ListFunctionEventInvokeConfigs",
        ),
        ("no-such-service", "GET", "/", "", NONE, None),
    ],
)
def test_the_operation_is_found(
    service: str, method: str, path: str, query: str, headers: frozenset[str], name: str | None
) -> None:
    assert rest_operation(service, method, path, query, headers) == name
