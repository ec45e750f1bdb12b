"""Text from outside without secrets: log lines and error causes may quote what no report may show."""

from __future__ import annotations

import json
import re
from typing import Any

from migration_ops.telemetry_batches import redacted

HIDDEN = "[redacted]"
LINE_CHARACTERS = 400
_NAME = (
    r"(?:[\w.-]*(?:secret|token|passw(?:or)?d|passwd|pwd|authorization|credential|signature|cookie|api[_-]?key|private[_-]?key"
    r"|access[_-]?key)[\w.-]*)"
)
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL)
# A name that sounds like a secret, and its value: quoted, after a scheme (Bearer x), or up to the next blank or comma.
_NAMED = re.compile(
    rf"""(?P<name>["']?{_NAME}["']?\s*(?:=>|[=:])\s*)(?:(?P<quote>\\?["']).*?(?:(?P=quote)|$)|(?:(?:bearer|basic)\s+)?[^\s,;&}}\])]+)""",
    re.IGNORECASE,
)
_SHAPES = (
    re.compile(r"\b(?:bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE),
    # AWS key ids, JWTs, signing secrets, tokens of well-known services.
    re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?"),
    re.compile(r"\b(?:whsec_|gh[pousr]_|github_pat_|xox[abprs]-|sk_live_|sk-|glpat-)[\w+/=-]{8,}"),
    re.compile(r"(?<=://)[^\s/@]+:[^\s/@]+(?=@)"),
)
# Long runs in which capitals, small letters and digits mix, as in AWS secret keys and session tokens.
_RUN = re.compile(r"[A-Za-z0-9+/_=-]{32,}")


def redacted_text(text: str, characters: int = LINE_CHARACTERS) -> str:
    """The text with everything hidden that looks like a secret, then cut. Too much is hidden rather than too little."""
    found = _members_hidden(_KEY_BLOCK.sub(HIDDEN, text))
    found = _NAMED.sub(lambda one: one["name"] + HIDDEN, found)
    for shape in _SHAPES:
        found = shape.sub(HIDDEN, found)
    found = _RUN.sub(lambda one: HIDDEN if _is_mixed(one[0]) else one[0], found)
    # Only now: half a secret would not be known as one.
    return found if len(found) <= characters else found[: characters - 1] + "…"


def _members_hidden(text: str) -> str:
    """JSON lines by their members, which may be documents of their own."""
    start = text.find("{")
    if start < 0:
        return text
    try:
        document: Any = json.loads(text[start:])
    except ValueError:
        return text
    return text[:start] + json.dumps(redacted(document), ensure_ascii=False)


def _is_mixed(run: str) -> bool:
    return any(map(str.isupper, run)) and any(map(str.islower, run)) and any(map(str.isdigit, run))
