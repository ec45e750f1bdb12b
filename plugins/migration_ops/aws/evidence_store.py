"""Large evidence goes to S3; the ledger keeps the key, the size and the digest."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from migration_ops.aws.errors import classify
from migration_ops.core.documents import canonical
from migration_ops.core.errors import MigrationError

# Above this a history detail goes to S3: 33 servers fit one transaction, and no item comes near 400 KB.
DETAIL_BYTES = 8_000
PREVIEW_CHARACTERS = 2_000


class EvidenceMismatch(MigrationError):
    """What S3 gave back is not what was stored."""

    code = "EVIDENCE_MISMATCH"
    hint = "The object was changed after it was written: look at its versions."


class Store(Protocol):
    """What the ledger needs to put large details away."""

    def put(self, key: str, document: Any) -> str: ...


@dataclass(frozen=True)
class EvidenceStore:
    """Documents in one bucket, each with its SHA-256 (checked by S3 on the way in, by us on the way out).

    :param client: a boto3 client by service name; asked for ``s3`` when first needed, which is in few tasks.
    """

    client: Callable[[str], Any]
    bucket: str

    def put(self, key: str, document: Any) -> str:
        """Stores text as Markdown, anything else as JSON; returns the key."""
        if isinstance(document, str):
            self._put(key, document.encode(), "text/markdown; charset=utf-8")
        else:
            self._put(key, canonical(document).encode("utf-8", "surrogatepass"), "application/json")
        return key

    def put_bytes(self, key: str, body: bytes, content_type: str) -> str:
        """Stores anything else; returns the key."""
        self._put(key, body, content_type)
        return key

    def get(self, key: str) -> bytes:
        """The object's bytes.

        :raises EvidenceMismatch: they do not match the digest that was stored with them.
        """
        try:
            answer = self.client("s3").get_object(Bucket=self.bucket, Key=key)
            body: bytes = answer["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise classify(error, mutating=False) from error
        expected = answer.get("Metadata", {}).get("sha256")
        if expected != hashlib.sha256(body).hexdigest():
            raise EvidenceMismatch("The object does not match its digest", bucket=self.bucket, key=key)
        return body

    def _put(self, key: str, body: bytes, content_type: str) -> None:
        digest = hashlib.sha256(body)
        try:
            self.client("s3").put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                ChecksumSHA256=b64encode(digest.digest()).decode(),
                Metadata={"sha256": digest.hexdigest()},
            )
        except (ClientError, BotoCoreError) as error:
            # Putting the same document again is harmless, so a lost answer is no special case.
            raise classify(error, mutating=False) from error


def within_limits(detail: dict[str, Any], key: str, store: Store | None) -> dict[str, Any]:
    """The detail as a history line may carry it: itself, or where it is, or a visible stump.

    A store that fails must not stop a rollback: then the stump says so.
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
