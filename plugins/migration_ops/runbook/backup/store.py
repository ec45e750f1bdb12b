"""Objects of backups in one bucket: encrypted, with an SHA-256 that S3 checks, under Object Lock where it is on."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from migration_ops.aws.errors import SDK_ERRORS, BotoCoreError, ClientError, to_aws_error
from migration_ops.aws.evidence_store import owned_by
from migration_ops.core.batches import in_groups
from migration_ops.core.errors import StepFailedError

READ_BYTES = 1 << 20
# Limit of DeleteObjects.
DELETED_A_CALL = 1000
ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})
_NO_LOCK = frozenset({"ObjectLockConfigurationNotFoundError"})
_NO_ENCRYPTION = frozenset({"ServerSideEncryptionConfigurationNotFoundError"})


@dataclass(frozen=True)
class Protection:
    """
    How the bucket keeps what is put there.

    :param algorithm: ``AES256`` or ``aws:kms``, the bucket's own default.
    :param key_id: the key of ``aws:kms``; None for the AWS managed key.
    :param is_lockable: Object Lock is on without a default retention: each object must say how long it is kept.
    :param has_retention: Object Lock is on with a default retention.
    """

    algorithm: str = "AES256"
    key_id: str | None = None
    is_lockable: bool = False
    has_retention: bool = False


@dataclass(frozen=True)
class Stored:
    """One object as a listing shows it."""

    key: str
    size: int


@dataclass(frozen=True)
class BackupStore:
    """
    The objects of backups in one bucket.

    :param client: a boto3 S3 client; used by many threads.
    :param retain_until: end of the retention, for a bucket whose objects must say it themselves.
    :param owner: the account that owns the bucket; None when the configuration does not say.
    """

    client: Any
    bucket: str
    protection: Protection = field(default_factory=Protection)
    retain_until: datetime | None = None
    owner: str | None = None

    def put(self, key: str, body: bytes, content_type: str) -> str:
        """
        Puts one object (PutObject).

        :returns: the SHA-256 that S3 checked, in hexadecimal.
        :raises MigrationError: S3 did not take it, or did not encrypt it.
        """
        digest = sha256(body)
        more: dict[str, Any] = {"ServerSideEncryption": self.protection.algorithm}
        if self.protection.key_id:
            more["SSEKMSKeyId"] = self.protection.key_id
        if self.protection.is_lockable and self.retain_until:
            # GOVERNANCE: whoever has s3:BypassGovernanceRetention can still remove it.
            more |= {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": self.retain_until}
        with _classified():
            answer = self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=b64encode(digest.digest()).decode(),
                **owned_by(self.owner),
                **more,
            )
        if not answer.get("ServerSideEncryption"):
            raise StepFailedError("S3 did not say that it encrypted the object", bucket=self.bucket, key=key)
        return digest.hexdigest()

    def put_document(self, key: str, document: dict[str, Any]) -> None:
        self.put(key, document_bytes(document), "application/json")

    def get(self, key: str) -> bytes:
        return b"".join(self.stream(key))

    def stream(self, key: str) -> Iterator[bytes]:
        """:raises MigrationError: it is not there (see :func:`is_absent`), or could not be read to its end."""
        with _classified():
            body = self.client.get_object(Bucket=self.bucket, Key=key, **owned_by(self.owner))["Body"]
            yield from body.iter_chunks(READ_BYTES)

    def objects(self, prefix: str) -> Iterator[Stored]:
        listing = self.client.get_paginator("list_objects_v2")
        pages = listing.paginate(Bucket=self.bucket, Prefix=prefix, **owned_by(self.owner))
        with _classified():
            for page in pages:
                for one in page.get("Contents", []):
                    yield Stored(one["Key"], one["Size"])

    def delete(self, keys: list[str]) -> None:
        """Deletes in order. In a versioned bucket they can be brought back until the bucket's own rules remove them.

        :raises StepFailedError: S3 refused some of a call; the calls after it were not made.
        :raises MigrationError: S3 could not be asked.
        """
        for some in in_groups(keys, DELETED_A_CALL):
            with _classified():
                answer = self.client.delete_objects(
                    Bucket=self.bucket,
                    Delete={"Objects": [{"Key": key} for key in some], "Quiet": True},
                    **owned_by(self.owner),
                )
            refused = [f"{one['Key']}: {one.get('Code')}" for one in answer.get("Errors", [])]
            if refused:
                raise StepFailedError("S3 did not delete all objects", bucket=self.bucket, refused=refused[:20])


@contextmanager
def _classified() -> Iterator[None]:
    # Repeating a put, list or delete is harmless, so a lost answer needs no special case.
    try:
        yield
    except SDK_ERRORS as error:
        raise to_aws_error(error, mutating=False) from error


def document_bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def is_absent(error: Exception) -> bool:
    return getattr(error, "context", {}).get("awsCode") in ABSENT


def protection_of(client: Any, bucket: str, owner: str | None = None) -> Protection:
    """
    What the bucket says about encryption and object lock.

    :raises MigrationError: it could not be asked.
    """
    ours = owned_by(owner)
    encryption = _unless(_NO_ENCRYPTION, lambda: client.get_bucket_encryption(Bucket=bucket, **ours))
    lock = _unless(_NO_LOCK, lambda: client.get_object_lock_configuration(Bucket=bucket, **ours))
    default: dict[str, Any] = {}
    if encryption:
        default = encryption["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"]
    configured = (lock or {}).get("ObjectLockConfiguration", {})
    is_on = configured.get("ObjectLockEnabled") == "Enabled"
    has_default = "DefaultRetention" in configured.get("Rule", {})
    return Protection(
        algorithm=default.get("SSEAlgorithm", "AES256"),
        key_id=default.get("KMSMasterKeyID"),
        is_lockable=is_on and not has_default,
        has_retention=is_on and has_default,
    )


def _unless(codes: frozenset[str], ask: Any) -> Any:
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return None
        raise to_aws_error(error, mutating=False) from error
    except BotoCoreError as error:
        raise to_aws_error(error, mutating=False) from error
