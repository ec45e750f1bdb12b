"""Large evidence goes to S3; the ledger keeps the key, the size and the digest."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from migration_ops.aws.errors import to_aws_error
from migration_ops.core.documents import canonical
from migration_ops.core.errors import MigrationError

# A larger history detail goes to S3: so 33 servers fit one transaction, and no item comes near 400 KB.
DETAIL_BYTES = 8_000
PREVIEW_CHARACTERS = 2_000
# How S3 refuses a conditional write; NoSuchKey: what was to be replaced is gone.
_CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409"})


class EvidenceMismatchError(MigrationError):
    """What S3 gave back is not what was stored."""

    code = "EVIDENCE_MISMATCH"
    hint = "The object was changed after it was written: look at its versions."


class ChangedMeanwhileError(MigrationError):
    """Somebody else wrote the document between our read and our write; ours was not written."""

    code = "CHANGED_MEANWHILE"
    hint = "Another run was at work at the same moment: clear the task, it reads the document again."


class Store(Protocol):
    """What the ledger needs to store large details elsewhere."""

    def put(self, key: str, document: Any) -> str: ...


def owned_by(account: str | None) -> dict[str, str]:
    """Arguments that make S3 refuse the call (403) if the bucket is another account's; none without an account."""
    return {"ExpectedBucketOwner": account} if account else {}


@dataclass(frozen=True)
class EvidenceStore:
    """Documents in one bucket, each with its SHA-256: S3 checks it when writing, this class when reading.

    Every method raises the :class:`MigrationError` of a failed call of S3.

    :param client: a boto3 client by service name; asked for ``s3`` when first needed, which is in few tasks.
    :param owner: the account that owns the bucket; empty when the configuration does not say.
    """

    client: Callable[[str], Any]
    bucket: str
    owner: str = ""

    def put(self, key: str, document: Any) -> str:
        """Stores text as Markdown, anything else as JSON; returns the key."""
        if isinstance(document, str):
            self._put(key, document.encode(), "text/markdown; charset=utf-8")
        else:
            self._put(key, canonical(document).encode("utf-8", "surrogatepass"), "application/json")
        return key

    def put_bytes(self, key: str, body: bytes, content_type: str) -> str:
        """Stores bytes of another type; returns the key."""
        self._put(key, body, content_type)
        return key

    def get(self, key: str) -> bytes:
        """The object's bytes.

        :raises EvidenceMismatchError: they do not match the digest that was stored with them.
        """
        return self.get_with_etag(key)[0]

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """The object's bytes, and the ETag for :meth:`replace`.

        :raises EvidenceMismatchError: they do not match the digest that was stored with them.
        """
        try:
            answer = self.client("s3").get_object(Bucket=self.bucket, Key=key, **owned_by(self.owner))
            body: bytes = answer["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise to_aws_error(error, mutating=False) from error
        expected = answer.get("Metadata", {}).get("sha256")
        if expected != hashlib.sha256(body).hexdigest():
            raise EvidenceMismatchError("The object does not match its digest", bucket=self.bucket, key=key)
        return body, str(answer["ETag"])

    def replace(self, key: str, document: Any, etag: str | None) -> str:
        """
        Stores JSON only if nobody wrote the object since it was read; returns the new ETag.

        :param etag: ETag of what was read; None when there was no object, and there still must be none.
        :raises ChangedMeanwhileError: somebody wrote it; nothing was written.
        """
        body = canonical(document).encode("utf-8", "surrogatepass")
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            return self._put(key, body, "application/json", **condition)
        except MigrationError as error:
            if error.context.get("awsCode") not in _CHANGED:
                raise
            return self._own_write(key, body, error)

    def _own_write(self, key: str, body: bytes, refusal: MigrationError) -> str:
        """The SDK repeats a request whose answer was lost: then the object that causes the conflict is our own."""
        try:
            found, etag = self.get_with_etag(key)
        except MigrationError:
            found, etag = b"", ""
        if found != body:
            raise ChangedMeanwhileError("The document was changed meanwhile", bucket=self.bucket, key=key) from refusal
        return etag

    def _put(self, key: str, body: bytes, content_type: str, **condition: str) -> str:
        digest = hashlib.sha256(body)
        try:
            answer = self.client("s3").put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                # Object lock needs the algorithm besides the checksum itself.
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=b64encode(digest.digest()).decode(),
                Metadata={"sha256": digest.hexdigest()},
                **owned_by(self.owner),
                **condition,
            )
        except (ClientError, BotoCoreError) as error:
            # Putting the same document again is harmless, so a lost answer is no special case.
            raise to_aws_error(error, mutating=False) from error
        return str(answer["ETag"])


def within_limits(detail: dict[str, Any], key: str, store: Store | None) -> dict[str, Any]:
    """The detail as a history line may carry it: itself, or its key in S3, or a preview marked as truncated.

    A store that fails must not stop a rollback: then the preview carries the error's code.
    """
    text = canonical(detail)
    body = text.encode("utf-8", "surrogatepass")
    if len(body) <= DETAIL_BYTES:
        return detail
    facts: dict[str, Any] = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    if store is None:
        return facts | {"truncated": True, "preview": text[:PREVIEW_CHARACTERS]}
    try:
        return facts | {"evidenceKey": store.put(key, detail)}
    except MigrationError as error:
        return facts | {"truncated": True, "preview": text[:PREVIEW_CHARACTERS], "evidenceError": error.code}
