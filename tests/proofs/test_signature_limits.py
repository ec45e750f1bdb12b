"""What receivers' `standardwebhooks` takes of our signatures: by time, by one changed bit, during a rotation."""

from __future__ import annotations

import base64
import random
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from migration_ops.integrations.callback.signing import SigningSecret, signed_headers
from tests.proofs.how_many import how_many

BODY = b'{"migrationId":"mig-1","text":"\xc3\xa4\\u0000"}'
# Receivers refuse what is older or newer than five minutes; a little less and more than that, for the time of the test.
NEAR, FAR = 290, 310


def secret(dice: random.Random) -> str:
    return "whsec_" + base64.b64encode(dice.randbytes(32)).decode()


def takes(key: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(key).verify(body, headers)
    except (WebhookVerificationError, UnicodeDecodeError):
        # The library reads the body as text before it looks at the signature.
        return False
    return True


@pytest.mark.parametrize(("seconds", "taken"), [(0, True), (-NEAR, True), (NEAR, True), (-FAR, False), (FAR, False)])
def test_an_old_message_is_worth_nothing(seconds: int, taken: bool) -> None:
    key = secret(random.Random(1))
    headers = signed_headers([SigningSecret(key)], "msg_1", int(time.time()) + seconds, BODY)
    assert takes(key, BODY, headers) is taken


def test_one_changed_bit_is_refused() -> None:
    """Of the body, the id, the time or what the signature decodes to."""
    dice, key, count = random.Random(2), secret(random.Random(2)), how_many(400, 4_000)
    taken = []
    for _ in range(count):
        headers = signed_headers([SigningSecret(key)], f"msg_{dice.getrandbits(64):x}", int(time.time()), BODY)
        where = dice.choice(["body", *headers])
        body, changed = BODY, dict(headers)
        if where == "body":
            body = flipped(BODY, dice)
        elif where == "webhook-signature":
            version, _, text = headers[where].partition(",")
            changed[where] = f"{version},{base64.b64encode(flipped(base64.b64decode(text), dice)).decode()}"
        else:
            changed[where] = flipped(headers[where].encode(), dice, bits=6).decode()
        taken += [(where, body, changed)] if takes(key, body, changed) else []
    print(f"{count} messages with one changed bit, {len(taken)} taken")
    assert taken == []


def flipped(text: bytes, dice: random.Random, bits: int = 8) -> bytes:
    """:param bits: how many of a byte's lower bits may change; fewer keep text text."""
    place = dice.randrange(len(text))
    return text[:place] + bytes([text[place] ^ 1 << dice.randrange(bits)]) + text[place + 1 :]


def test_while_a_secret_is_replaced_both_verify_and_no_third_one() -> None:
    dice = random.Random(3)
    old, new, third = secret(dice), secret(dice), secret(dice)
    headers = signed_headers([SigningSecret(new), SigningSecret(old)], "msg_1", int(time.time()), BODY)
    assert [takes(one, BODY, headers) for one in (old, new, third)] == [True, True, False]
