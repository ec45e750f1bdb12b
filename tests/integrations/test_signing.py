"""Signing against the vector that the Standard Webhooks libraries share, and against the sandbox's own verifier."""

from __future__ import annotations

import base64
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.sandbox.callback.verify import BadSignature, verify
from migration_ops.core.errors import InvalidInputError
from migration_ops.integrations.callback.signing import SigningSecret, signed_headers, webhook_id
from tests.integrations.sites import SECRET

NOW = 1_614_265_330
OTHER = "whsec_" + base64.b64encode(b"another secret of 32 bytes ....!").decode()
STRANGER = "whsec_" + base64.b64encode(bytes(24)).decode()


def test_known_vector() -> None:
    signature = SigningSecret(SECRET).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", NOW, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(body=st.binary(max_size=200), key=st.binary(min_size=24, max_size=64), at=st.integers(0, 2**33))
def test_what_is_signed_verifies_and_nothing_else_does(body: bytes, key: bytes, at: int) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    headers = signed_headers([SigningSecret(secret)], "msg_1", at, body)
    assert verify(headers, body, [secret], at) == "msg_1"
    for bad_headers, bad_body in (
        (headers, body + b" "),
        ({**headers, "webhook-id": "msg_2"}, body),
        ({**headers, "webhook-timestamp": str(at + 1)}, body),
    ):
        with pytest.raises(BadSignature):
            verify(bad_headers, bad_body, [secret], at)


@pytest.mark.parametrize("accepted", [[SECRET], [OTHER], [STRANGER, OTHER]])
def test_during_a_rotation_either_secret_verifies(accepted: list[str]) -> None:
    headers = signed_headers([SigningSecret(SECRET), SigningSecret(OTHER)], "msg_1", NOW, b"{}")
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert verify(headers, b"{}", accepted, NOW) == "msg_1"


def test_a_strangers_secret_does_not_verify() -> None:
    headers = signed_headers([SigningSecret(SECRET)], "msg_1", NOW, b"{}")
    with pytest.raises(BadSignature):
        verify(headers, b"{}", [STRANGER], NOW)


@pytest.mark.parametrize("drift", [-301, 301, 10_000])
def test_the_receiver_refuses_old_and_future_messages(drift: int) -> None:
    headers = signed_headers([SigningSecret(SECRET)], "msg_1", NOW, b"{}")
    with pytest.raises(BadSignature):
        verify(headers, b"{}", [SECRET], NOW + drift)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", SECRET.removeprefix("whsec_"), "x" * 40])
def test_no_secret_at_all(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        SigningSecret(text)
    assert "Correct the conf" not in caught.value.hint
    assert not text or text == "whsec_" or text not in str(caught.value)


def test_a_secret_is_not_shown_and_not_pickled() -> None:
    secret = SigningSecret(SECRET)
    assert repr(secret) == str(secret) == "SigningSecret(***)"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_the_id_depends_on_every_part_and_on_where_it_ends() -> None:
    ids = {webhook_id("a", "b"), webhook_id("ab", ""), webhook_id("", "ab"), webhook_id("b", "a")}
    assert len(ids) == 4
    assert webhook_id("a", "b") == webhook_id("a", "b")
