"""The public access block of the account, which applies to all of its buckets."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed

NO_BLOCK = ("NoSuchPublicAccessBlockConfiguration",)
CALL = "before-call.s3-control.GetPublicAccessBlock"


def account_block(reader: AwsReader) -> Any:
    """Its four members; None when the account has none; or the document of the failure."""
    caller = reader.call("sts", "get_caller_identity")
    if is_failed(caller):
        return caller
    reader.client("s3control").meta.events.register(CALL, _as_given, unique_id="endpoint-as-given")
    answer = reader.call_optional("s3control", "get_public_access_block", NO_BLOCK, AccountId=caller["Account"])
    return answer if answer is None or is_failed(answer) else answer.get("PublicAccessBlockConfiguration")


def _as_given(params: dict[str, Any], **_: Any) -> None:
    """The SDK puts the account id before the host, also of a custom endpoint. An IP address cannot have a prefix."""
    url = urlsplit(params["url"])
    account = params["headers"].get("x-amz-account-id", "")
    if account and not (url.hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn")):
        params["url"] = params["url"].replace(f"//{account}.", "//", 1)
