"""What other tools put into the evidence bucket for the runbook to read: reports of scanners."""

from __future__ import annotations

from datetime import datetime

from botocore.exceptions import ClientError

from migration_ops.errors import Unknown
from migration_ops.runbook.reading import Reader

PREFIX = "runbook/inbox"
_ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})
MAX_BYTES = 20_000_000


def take(reader: Reader, key: str) -> tuple[bytes, datetime] | None:
    """
    An object and when it was written; None when there is none, or no bucket.

    :raises ClientError: S3 does not say: that is not "none".
    :raises Unknown: it is too large to be a report.
    """
    bucket = reader.settings.evidence_bucket
    if not bucket:
        return None
    try:
        answer = reader.of("s3").get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _ABSENT:
            return None
        raise
    if answer["ContentLength"] > MAX_BYTES:
        raise Unknown(f"the report has {answer['ContentLength']} bytes, more than {MAX_BYTES}", key=key)
    return answer["Body"].read(), answer["LastModified"]
