"""Signatures of anchors by a KMS key: permission to write to the bucket is then not enough to add an anchor."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from migration_ops.aws.errors import to_aws_error
from migration_ops.core.errors import InstallationError

ALGORITHMS = ("RSASSA_PSS_SHA_256", "ECDSA_SHA_256")
_INVALID = "KMSInvalidSignatureException"


@dataclass(frozen=True)
class Signature:
    """
    A signature of an anchor.

    :param key_id: the key that made it, as the file says. Readers check it only with keys that they name themselves.
    """

    key_id: str
    algorithm: str
    value: bytes

    def as_document(self) -> dict[str, str]:
        return {"keyId": self.key_id, "algorithm": self.algorithm, "value": b64encode(self.value).decode()}

    @classmethod
    def from_document(cls, document: dict[str, str]) -> Signature:
        """:raises KeyError, ValueError: no signature."""
        return cls(document["keyId"], document["algorithm"], b64decode(document["value"], validate=True))


@dataclass(frozen=True)
class Signer:
    """
    Signs with one KMS key, and verifies.

    :param client: a boto3 KMS client.
    :param key_id: id, ARN or alias of an asymmetric key for signing.
    """

    client: Any
    key_id: str

    def sign(self, digest: bytes) -> Signature:
        """
        Signs a digest (KMS Sign).

        :param digest: SHA-256 of what is signed.
        :raises InstallationError: the key supports none of ``ALGORITHMS``.
        :raises MigrationError: KMS refused, or did not answer.
        """
        try:
            offered = self.client.describe_key(KeyId=self.key_id)["KeyMetadata"].get("SigningAlgorithms", [])
            algorithm = next((one for one in ALGORITHMS if one in offered), None)
            if algorithm is None:
                raise InstallationError(
                    "the key must sign with one of " + ", ".join(ALGORITHMS),
                    path="MIGRATION_OPS_ANCHOR_KMS_KEY_ID",
                    value=self.key_id,
                )
            answer = self.client.sign(
                KeyId=self.key_id, Message=digest, MessageType="DIGEST", SigningAlgorithm=algorithm
            )
        except (ClientError, BotoCoreError) as error:
            raise to_aws_error(error, mutating=False) from error
        return Signature(str(answer["KeyId"]), algorithm, bytes(answer["Signature"]))

    def is_valid(self, digest: bytes, signature: Signature) -> bool:
        """
        Whether this key made the signature (KMS Verify).

        :raises MigrationError: KMS refused, or did not answer.
        """
        if signature.algorithm not in ALGORITHMS:
            return False
        try:
            answer = self.client.verify(
                KeyId=self.key_id,
                Message=digest,
                MessageType="DIGEST",
                Signature=signature.value,
                SigningAlgorithm=signature.algorithm,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == _INVALID:
                return False
            raise to_aws_error(error, mutating=False) from error
        except BotoCoreError as error:
            raise to_aws_error(error, mutating=False) from error
        return bool(answer["SignatureValid"])
