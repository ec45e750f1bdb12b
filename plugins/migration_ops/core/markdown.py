"""Markdown for pages that people decide on. Text from outside cannot add formatting or links, or break a table.

Each text is one line, cut at 300 characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

_MAX_LENGTH = 300
_ACTIVE = re.compile(r"([\\`*_{}\[\]()#+!|~$^=-])")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Renderers turn bare addresses into links; a zero-width space inside prevents it.
_LINKS = re.compile(r"(://|www\.|@)", re.IGNORECASE)


def _one_line(value: Any) -> str:
    text = " ".join(str(value).split())
    # Control and format characters (direction overrides, zero-width ones) can make a page show something else.
    text = "".join(one for one in text if unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Co"})
    return text if len(text) <= _MAX_LENGTH else text[: _MAX_LENGTH - 1] + "…"


def plain(value: Any) -> str:
    """Prose from outside (reasons, errors) with all Markdown and HTML escaped."""
    text = "".join(_HTML.get(one, one) for one in _one_line(value))
    text = _ACTIVE.sub(r"\\\1", text)
    return _LINKS.sub(lambda found: f"{found.group()[:-1]}\u200b{found.group()[-1]}", text)


def code(value: Any) -> str:
    """A name or an id from outside as a code span, safe inside a table; ``-`` for an empty one."""
    text = _one_line(value).replace("`", "'").replace("|", "¦")
    return f"`{text}`" if text else "-"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the cells must be escaped already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell or "-" for cell in line) + " |" for line in lines)
