"""How many cases a proof tries: a sample while writing code, all of them with ``PROOFS=full`` (``make proofs``)."""

from __future__ import annotations

import os


def how_many(sample: int, full: int) -> int:
    return full if os.environ.get("PROOFS") == "full" else sample
