"""Verifies a Standard Webhooks signature; written from the specification, apart from the code that signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

TOLERANCE_SECONDS = 300.0


class BadSignature(Exception):
    """The message is not from who it says, or too old."""


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: float) -> str:
    """The webhook-id of a message with a right signature.

    :param headers: names in any case.
    :raises BadSignature: a header is absent, the timestamp is off by more than five minutes, or nothing matches.
    """
    headers = {name.lower(): value for name, value in headers.items()}
    message_id = headers.get("webhook-id", "")
    stamp = headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not (message_id and stamp and given):
        raise BadSignature("a webhook header is missing")
    if not (stamp.isascii() and stamp.isdigit()) or abs(now - int(stamp)) > TOLERANCE_SECONDS:
        raise BadSignature("the timestamp is not within five minutes")
    signed = b".".join((message_id.encode(), stamp.encode(), body))
    for secret in secrets:
        key = base64.b64decode(secret.split("_", 1)[1])
        right = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        for one in given.split(" "):
            version, _, value = one.partition(",")
            if version == "v1" and hmac.compare_digest(value.encode(), right.encode()):
                return message_id
    raise BadSignature("no signature matches")
