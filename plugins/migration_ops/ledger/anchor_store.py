"""Anchor files in S3: written once, protected by object lock where the bucket has it, read with all their versions."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from migration_ops.aws.errors import to_aws_error
from migration_ops.aws.evidence_store import owned_by
from migration_ops.core.documents import canonical, iso
from migration_ops.core.errors import MigrationError, UnknownError
from migration_ops.ledger.anchor_signing import Signer
from migration_ops.ledger.anchors import ALL, PREFIX, Anchor, Link

# The previous anchor is searched first among the keys of so many days.
RECENT_DAYS = 7
_NO_LOCK = frozenset({"ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration"})
_EXISTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


@dataclass(frozen=True)
class StoredAnchor:
    """One anchor file: the bytes of its first version, and whether it has other versions or delete markers."""

    key: str
    body: bytes
    was_touched: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True)
class AnchorStore:
    """
    Writes and reads the anchor files of one bucket.

    :param client: a boto3 client by service name: ``s3``, and ``kms`` when there is a key.
    :param kms_key_id: the key that signs; empty = anchors are not signed.
    :param retention_days: how long S3 refuses to delete a file; only in a bucket with object lock and without a default
        retention.
    :param owner: the account that owns the bucket; empty when the configuration does not say.
    """

    client: Callable[[str], Any]
    bucket: str
    prefix: str = PREFIX
    kms_key_id: str = ""
    retention_days: int = 365
    owner: str = ""

    @property
    def _of_bucket(self) -> dict[str, str]:
        return {"Bucket": self.bucket, **owned_by(self.owner)}

    def write(self, anchor: Anchor, now: datetime) -> str:
        """
        Stores the anchor, linked to the newest one of its table; returns its key.

        :raises MigrationError: S3 or KMS refused, or did not answer.
        """
        anchor = replace(anchor, written_at=iso(now), previous=self._newest(anchor.table, now))
        signer = Signer(self.client("kms"), self.kms_key_id) if self.kms_key_id else None
        signature = signer.sign(anchor.digest).as_document() if signer else None
        body = canonical({"anchor": anchor.as_document(), "signature": signature}).encode("utf-8", "surrogatepass")
        key = anchor.key(self.prefix, uuid4().hex[:8])
        self._put(key, body, self._retention(now))
        return key

    def read(self, table: str) -> list[StoredAnchor]:
        """
        All anchor files of a table, oldest first, each as it was first written.

        :raises MigrationError: S3 refused, or did not answer.
        """
        found: list[StoredAnchor] = []
        for key, versions in sorted(self._versions(table).items()):
            kept = [one for one in versions if "Size" in one]
            if not kept:
                found.append(StoredAnchor(key, b"", was_touched=True))
                continue
            # S3 lists the newest version first.
            found.append(StoredAnchor(key, self._get(key, kept[-1].get("VersionId")), len(versions) > 1))
        return found

    def _versions(self, table: str) -> dict[str, list[dict[str, Any]]]:
        """By key, newest first: versions and delete markers; delete markers have no ``Size``."""
        by_key: dict[str, list[dict[str, Any]]] = {}
        with _classified():
            pages = self.client("s3").get_paginator("list_object_versions")
            for page in pages.paginate(Prefix=self.prefix, **self._of_bucket):
                both = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                for one in sorted(both, key=lambda each: each["LastModified"], reverse=True):
                    if _is_of(table, str(one["Key"]), self.prefix):
                        by_key.setdefault(str(one["Key"]), []).append(one)
        return by_key

    def _newest(self, table: str, now: datetime) -> Link | None:
        key = self._last_key(table, now)
        return Link(key, hashlib.sha256(self._get(key)).hexdigest()) if key else None

    def newest_of_all(self, table: str, now: datetime) -> Anchor | None:
        """
        The newest anchor of all chains (scope ``all``); None when there is none.

        :raises UnknownError: the file is no anchor.
        :raises MigrationError: S3 refused, or did not answer.
        """
        key = self._last_key(table, now, ALL)
        if not key:
            return None
        try:
            return Anchor.from_document(json.loads(self._get(key))["anchor"])
        except (KeyError, TypeError, ValueError) as error:
            raise UnknownError("the newest anchor cannot be read", bucket=self.bucket, key=key) from error

    def _last_key(self, table: str, now: datetime, scope: str = "") -> str:
        recent = f"{self.prefix}{now - timedelta(days=RECENT_DAYS):%Y-%m-%d}"
        return self._last_after(recent, table, scope) or self._last_after("", table, scope)

    def _last_after(self, after: str, table: str, scope: str) -> str:
        more = {"StartAfter": after} if after else {}
        with _classified():
            pages = self.client("s3").get_paginator("list_objects_v2")
            keys = [
                str(one["Key"])
                for page in pages.paginate(Prefix=self.prefix, **more, **self._of_bucket)
                for one in page.get("Contents", [])
            ]
        own = [key for key in keys if _is_of(table, key, self.prefix)]
        return max((key for key in own if not scope or _scope_in(key) == scope), default="")

    def _get(self, key: str, version_id: str | None = None) -> bytes:
        # "null" is the version id in a bucket without versioning.
        more = {"VersionId": version_id} if version_id not in (None, "null") else {}
        with _classified():
            body: bytes = self.client("s3").get_object(Key=key, **more, **self._of_bucket)["Body"].read()
        return body

    def _put(self, key: str, body: bytes, retention: dict[str, Any]) -> None:
        try:
            with _classified():
                self.client("s3").put_object(
                    Key=key,
                    Body=body,
                    ContentType="application/json",
                    # Object lock needs the algorithm besides the checksum itself.
                    ChecksumAlgorithm="SHA256",
                    ChecksumSHA256=b64encode(hashlib.sha256(body).digest()).decode(),
                    IfNoneMatch="*",
                    **retention,
                    **self._of_bucket,
                )
        except MigrationError as error:
            # The SDK repeats a request whose answer was lost: then the existing object is our own.
            if error.context.get("awsCode") not in _EXISTS or self._get(key) != body:
                raise

    def _retention(self, now: datetime) -> dict[str, Any]:
        """Object lock in compliance mode: before the date nobody can delete the file, not even an administrator."""
        try:
            answer = self.client("s3").get_object_lock_configuration(**self._of_bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] in _NO_LOCK:
                return {}
            raise to_aws_error(error, mutating=False) from error
        except BotoCoreError as error:
            raise to_aws_error(error, mutating=False) from error
        configured = answer.get("ObjectLockConfiguration", {})
        if configured.get("ObjectLockEnabled") != "Enabled" or "DefaultRetention" in configured.get("Rule", {}):
            return {}
        until = now + timedelta(days=self.retention_days)
        return {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}


def _is_of(table: str, key: str, prefix: str) -> bool:
    parts = key.removeprefix(prefix).split("/")
    return len(parts) == 3 and parts[1] == table and key.endswith(".json")


def _scope_in(key: str) -> str:
    """The first word of the scope in a key; the time before it has no hyphen."""
    return key.rpartition("/")[2].split("-")[1]


@contextmanager
def _classified() -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise to_aws_error(error, mutating=False) from error
