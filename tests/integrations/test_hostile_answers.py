"""What a receiver may answer a callback with: it costs neither memory nor patience."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterable
from typing import Any

import pytest

from migration_ops.integrations.callback.client import MAX_EXCERPT_CHARS, CallbackClient, CallbackEvent
from migration_ops.integrations.errors import CallbackRefusedError
from tests.integrations.sites import SECRET, CallbackSite, serving

EVENT = CallbackEvent("mig-web01", "wave-3", "billing", "COMPLETED", "FINALIZED", "c-1")
MEBIBYTE = 2**20


def peak_of(body: bytes, encodings: list[str]) -> int:
    """Most bytes held at once, by client and server, until the answer with this body was judged."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("400 Bad Request", [("Content-Encoding", ", ".join(encodings))] if encodings else [])
        return [body]

    with serving(answer) as port:
        client = CallbackClient(f"http://127.0.0.1:{port}/", [SECRET], [f"127.0.0.1:{port}"])
        tracemalloc.start()
        try:
            with pytest.raises(CallbackRefusedError) as caught:
                client.send(EVENT)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert len(caught.value.context["answer"]) <= MAX_EXCERPT_CHARS
    return peak


@pytest.mark.parametrize("layers", [1, 2])
def test_a_compressed_answer_is_not_unpacked(layers: int) -> None:
    """A hundred mebibytes of blanks in a small answer; urllib3 unpacks what one read of the socket holds."""
    body = b" " * (100 * MEBIBYTE)
    for _ in range(layers):
        body = gzip.compress(body, 1)
    # What is imported at the first exchange counts in the first one only.
    peak_of(b"no", [])
    plain, packed = peak_of(b"x" * len(body), []), peak_of(body, ["gzip"] * layers)
    print(f"{len(body)} bytes, {layers} times packed: {packed - plain} bytes more than of a plain answer")
    assert packed - plain < 16 * MEBIBYTE


@pytest.mark.parametrize("header", ["-1", "inf", "nan", "1e3", "+5", "\u0665", "9" * 400, "0x10", "5 5"])
def test_a_retry_after_that_is_no_number_of_seconds_is_ignored_or_bounded(
    callback_site: CallbackSite, header: str
) -> None:
    callback_site.app.order(status=429, retryAfter=header.encode().decode("latin-1"), times=1)
    assert callback_site.client(longest_wait_seconds=0.1).send(EVENT).attempts == 2
