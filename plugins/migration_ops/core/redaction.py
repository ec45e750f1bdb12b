"""Texts and documents without secrets: log lines, error causes and details may quote what nobody may see."""

from __future__ import annotations

from typing import Any

from migration_ops.core.secrets import HIDDEN, sweep_document, sweep_text

SHOWN_CHARACTERS = 400
# Of a longer text only so much is looked at, and shown at most.
LOOKED_AT_CHARACTERS = 8_000


def redacted_text(text: str) -> str:
    """The text with every secret hidden, then cut: half a secret would not be known as one."""
    whole = text if len(text) <= LOOKED_AT_CHARACTERS else _cut_at_a_blank(text)
    found: str = sweep_text(whole).clean
    return found if len(found) <= SHOWN_CHARACTERS else found[: SHOWN_CHARACTERS - 1] + "…"


def redacted(value: Any) -> Any:
    """
    A document with every secret hidden, tuples as lists and names as text.

    One that is deeper than Python goes is hidden as a whole.
    """
    try:
        return sweep_document(value).clean
    except RecursionError:
        return HIDDEN


def _cut_at_a_blank(text: str) -> str:
    kept = text[:LOOKED_AT_CHARACTERS].rsplit(maxsplit=1)
    return f"{kept[0]} …" if len(kept) == 2 else "…"
