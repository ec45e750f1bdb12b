"""Removes secrets from texts and documents: log lines, error causes and details may quote some."""

from __future__ import annotations

from typing import Any

from migration_ops.core.secrets import HIDDEN, sweep_document, sweep_text

SHOWN_CHARACTERS = 400
# Only the beginning of a longer text is searched for secrets; the rest is dropped.
LOOKED_AT_CHARACTERS = 8_000


def redacted_text(text: str) -> str:
    """The text with every secret hidden, at most 400 characters. It is cut last: half a secret is not recognised."""
    whole = text if len(text) <= LOOKED_AT_CHARACTERS else _cut_at_a_blank(text)
    found: str = sweep_text(whole).clean
    return found if len(found) <= SHOWN_CHARACTERS else found[: SHOWN_CHARACTERS - 1] + "…"


def redacted(value: Any) -> Any:
    """
    A document with every secret hidden. Tuples become lists, keys become text.

    A document that is nested too deep for Python's recursion limit is hidden as a whole.
    """
    try:
        return sweep_document(value).clean
    except RecursionError:
        return HIDDEN


def _cut_at_a_blank(text: str) -> str:
    kept = text[:LOOKED_AT_CHARACTERS].rsplit(maxsplit=1)
    return f"{kept[0]} …" if len(kept) == 2 else "…"
