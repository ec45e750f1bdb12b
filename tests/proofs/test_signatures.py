"""Signatures of callbacks, checked by the library that receivers use."""

from __future__ import annotations

import base64
import json
import random
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from migration_ops.integrations.callback.signing import SigningSecret, signed_headers

COUNT = 1_000


def signed(dice: random.Random) -> tuple[str, bytes, dict[str, str]]:
    secret = "whsec_" + base64.b64encode(dice.randbytes(dice.randint(24, 64))).decode()
    text = "".join(chr(dice.choice([dice.randint(32, 126), dice.randint(160, 0xD7FF)])) for _ in range(40))
    body = json.dumps({"migrationId": text, "n": dice.random()}, ensure_ascii=dice.random() < 0.5).encode()
    secrets = [SigningSecret(secret)]
    if dice.random() < 0.3:  # while a secret is being changed, both sign
        other = "whsec_" + base64.b64encode(dice.randbytes(32)).decode()
        secrets.insert(dice.randint(0, 1), SigningSecret(other))
    headers = signed_headers(secrets, f"msg_{dice.getrandbits(64):x}", int(time.time()), body)
    return secret, body, headers


def test_a_thousand_are_accepted_and_a_thousand_altered_ones_are_not() -> None:
    dice, accepted, refused = random.Random(23), 0, 0
    for _ in range(COUNT):
        secret, body, headers = signed(dice)
        assert Webhook(secret).verify(body, headers) == json.loads(body)
        accepted += 1
        altered = dice.choice([body + b" ", b" " + body, body.replace(b"n", b"m", 1), body[:-1] + b" }", b"{}"])
        kind = dice.randrange(3)
        if kind == 1:
            headers, altered = headers | {"webhook-id": headers["webhook-id"] + "0"}, body
        elif kind == 2:
            headers, altered = headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}, body
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(altered, headers)
        refused += 1
    print(f"{accepted} accepted, {refused} altered ones refused")
    assert (accepted, refused) == (COUNT, COUNT)
