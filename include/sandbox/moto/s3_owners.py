"""``ExpectedBucketOwner``: S3 refuses another account's bucket with 403; moto 5.2.5 takes the header and ignores it."""

from __future__ import annotations

from typing import Any

from moto.s3.responses import S3Response

from include.sandbox.moto.s3_policies import AccessDeniedError

HEADER = "x-amz-expected-bucket-owner"
_authorize = S3Response._authenticate_and_authorize_s3_action


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    S3Response._authenticate_and_authorize_s3_action = _authorized_of_its_owner


def _authorized_of_its_owner(self: S3Response, bucket_name: str | None = None, key_name: str | None = None) -> Any:
    expected = self.headers.get(HEADER)
    if expected and expected != self.current_account:
        raise AccessDeniedError
    return _authorize(self, bucket_name, key_name)
