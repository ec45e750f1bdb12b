"""Signatures of anchors by a KMS key: what is signed, by which algorithm, and what counts as valid."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from migration_ops.aws.errors import AccessDeniedError
from migration_ops.core.errors import InstallationError, MigrationError
from migration_ops.ledger.anchor_signing import ALGORITHMS, Signature, Signer

SIGNATURE = Signature("key-1", ALGORITHMS[0], b"s")
NO_ANSWER = EndpointConnectionError(endpoint_url="https://kms")


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Verify")


class Kms:
    """A key that offers these algorithms, and answers a Verify with ``answer``."""

    def __init__(self, offered: Any = ALGORITHMS, answer: Any = True) -> None:
        self.offered, self.answer, self.asked = offered, answer, []

    def _answered(self, request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return answer

    def describe_key(self, **request: Any) -> dict[str, Any]:
        metadata = {} if self.offered is None else {"SigningAlgorithms": list(self.offered)}
        return self._answered(request, {"KeyMetadata": metadata})

    def sign(self, **request: Any) -> dict[str, Any]:
        return self._answered(request, {"KeyId": "arn:key-1", "Signature": b"s"})

    def verify(self, **request: Any) -> dict[str, Any]:
        return self._answered(request, {"SignatureValid": self.answer})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_digest_is_signed_by_what_the_key_offers(algorithm: str) -> None:
    kms = Kms(["OTHER", algorithm])
    assert Signer(kms, "key-1").sign(b"digest") == Signature("arn:key-1", algorithm, b"s")
    assert kms.asked[-1] == {
        "KeyId": "key-1",
        "Message": b"digest",
        "MessageType": "DIGEST",
        "SigningAlgorithm": algorithm,
    }


@pytest.mark.parametrize("offered", [None, [], ["OTHER"]])
def test_a_key_that_cannot_sign_so_is_an_error_of_the_installation(offered: Any) -> None:
    with pytest.raises(InstallationError, match="must sign with one of") as caught:
        Signer(Kms(offered), "key-1").sign(b"digest")
    assert caught.value.context == {"path": "MIGRATION_OPS_ANCHOR_KMS_KEY_ID", "value": "key-1"}


@pytest.mark.parametrize("answer", [refused("AccessDeniedException"), NO_ANSWER], ids=["refused", "no answer"])
def test_without_an_answer_nothing_is_signed_and_nothing_is_valid(answer: Exception) -> None:
    with pytest.raises(MigrationError):
        Signer(Kms(answer=answer), "key-1").sign(b"digest")
    with pytest.raises(MigrationError) as caught:
        Signer(Kms(answer=answer), "key-1").is_valid(b"digest", SIGNATURE)
    assert isinstance(caught.value, AccessDeniedError) is (answer is not NO_ANSWER)


INVALID = refused("KMSInvalidSignatureException")


@pytest.mark.parametrize(("answer", "is_valid"), [(True, True), (False, False), (INVALID, False)])
def test_kms_says_what_is_valid(answer: Any, is_valid: bool) -> None:
    kms = Kms(answer=answer)
    assert Signer(kms, "key-1").is_valid(b"digest", SIGNATURE) is is_valid
    assert kms.asked == [
        {
            "KeyId": "key-1",
            "Message": b"digest",
            "MessageType": "DIGEST",
            "Signature": b"s",
            "SigningAlgorithm": ALGORITHMS[0],
        }
    ]


def test_another_algorithm_is_not_asked_about() -> None:
    kms = Kms()
    assert not Signer(kms, "key-1").is_valid(b"digest", Signature("key-1", "NONE", b"s"))
    assert kms.asked == []
