"""Signs messages as Standard Webhooks 1.0 says: HMAC-SHA256 over ``id.timestamp.body`` with a ``whsec_`` secret."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from migration_ops.core.errors import InstallationError

PREFIX = "whsec_"
MIN_SECRET_BYTES = 24
MAX_SECRET_BYTES = 64


class SigningSecret:
    """A decoded signing secret; ``repr`` and ``str`` do not show it, and it cannot be pickled."""

    __slots__ = ("_key",)

    def __init__(self, text: str, path: str = "migration_callback.password") -> None:
        """:raises InstallationError: not ``whsec_`` + base64 of 24 to 64 bytes; the message does not repeat it."""
        try:
            key = base64.b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
        except (binascii.Error, ValueError):
            key = b""
        if not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
            raise InstallationError(
                f"the signing secret must be {PREFIX} and base64 of {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes",
                path=path,
            )
        self._key = key

    def __repr__(self) -> str:
        return "SigningSecret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a signing secret does not leave its process")

    def sign(self, webhook_id: str, timestamp: int, body: bytes) -> str:
        """One signature, ``v1,<base64>``."""
        message = f"{webhook_id}.{timestamp}.".encode() + body
        return "v1," + base64.b64encode(hmac.new(self._key, message, hashlib.sha256).digest()).decode()


def webhook_id(*parts: str) -> str:
    """An id that is the same for the same parts: the receiver uses it to drop repetitions."""
    joined = "\x1f".join(parts).encode()
    return "msg_" + hashlib.sha256(joined).hexdigest()[:32]


def signed_headers(secrets: Sequence[SigningSecret], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message; during a rotation one signature per secret, separated by blanks.

    :param timestamp: epoch seconds of this attempt: receivers refuse old ones.
    """
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(secret.sign(message_id, timestamp, body) for secret in secrets),
    }
