"""Text from outside without secrets: log lines and error causes may quote what no report may show."""

from __future__ import annotations

import json
import re
from typing import Any

from migration_ops.integrations.telemetry.batches import redacted

HIDDEN = "[redacted]"
SHOWN_CHARACTERS = 400
# Of a longer text only so much is looked at, and shown at most.
LOOKED_AT_CHARACTERS = 8_000
_WORDS = (
    "secret|token|passwd|password|passphrase|pwd|authorization|credential|signature|cookie"
    "|api[_-]?key|private[_-]?key|access[_-]?key"
)
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL)
# A name that sounds like a secret, and its value: in quotes, behind a scheme (Bearer …), or up to a blank or comma.
_NAMED = re.compile(
    rf"(?P<name>(?<![\w.-])[\w.-]{{0,60}}?(?:{_WORDS})[\w.-]*\\?[\"']?\s*(?:=>|[=:])\s*)"
    r"(?:(?P<quote>\\?[\"']).*?(?:(?P=quote)|$)|(?:(?:bearer|basic)\s+)?[^\s,;&}\])]+)",
    re.IGNORECASE,
)
_SHAPES = (
    re.compile(r"\b(?:bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE),
    # AWS key ids; JSON web tokens; tokens of well-known services; a password in a URL.
    re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?"),
    re.compile(r"\b(?:whsec_|gh[pousr]_|github_pat_|xox[abprs]-|[rs]k_live_|glpat-)[\w+/=-]{8,}"),
    re.compile(r"(?<=://)[^\s/@]*:[^\s/@]+(?=@)"),
)
# Runs in which capitals, small letters and digits mix: AWS secret keys (40), session tokens, URL-safe tokens.
_RUNS = re.compile(
    r"(?<![A-Za-z0-9+/=])(?:[A-Za-z0-9+/]{40}|[A-Za-z0-9+/]{100,}={0,2})(?![A-Za-z0-9+/=])|[A-Za-z0-9_-]{32,}"
)


def redacted_text(text: str) -> str:
    """The text with everything hidden that looks like a secret, then cut. Rather too much is hidden than too little."""
    whole = text if len(text) <= LOOKED_AT_CHARACTERS else _cut_at_a_blank(text)
    found = _members_hidden(_KEY_BLOCK.sub(HIDDEN, whole))
    found = _NAMED.sub(lambda one: one["name"] + HIDDEN, found)
    for shape in _SHAPES:
        found = shape.sub(HIDDEN, found)
    found = _RUNS.sub(lambda one: HIDDEN if _is_mixed(one[0]) else one[0], found)
    # Only now: half a secret would not be known as one.
    return found if len(found) <= SHOWN_CHARACTERS else found[: SHOWN_CHARACTERS - 1] + "…"


def _cut_at_a_blank(text: str) -> str:
    kept = text[:LOOKED_AT_CHARACTERS].rsplit(maxsplit=1)
    return f"{kept[0]} …" if len(kept) == 2 else "…"


def _members_hidden(text: str) -> str:
    """JSON lines by their members, whose values may be documents."""
    start = text.find("{")
    if start < 0:
        return text
    try:
        document: Any = redacted(json.loads(text[start:]))
        return text[:start] + json.dumps(document, ensure_ascii=False)
    except (ValueError, RecursionError):
        # No document, or one so deep that nobody reads it: the patterns still see its text.
        return text


def _is_mixed(run: str) -> bool:
    return any(map(str.isupper, run)) and any(map(str.islower, run)) and any(map(str.isdigit, run))
