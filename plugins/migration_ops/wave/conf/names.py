"""Which characters a name may have: it is shown to people, written to logs, and made a part of S3 keys."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

from migration_ops.wave.conf.problems import Finding

# Control and format characters, lone surrogates, line and paragraph separators: they reorder, break or colour what
# people read. Letters of every script are allowed.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def invisible_in(text: str) -> list[str]:
    """The invisible characters of a text, each once, written as ``U+202E``; a plain space does not count."""
    found = (one for one in text if unicodedata.category(one) in _INVISIBLE or _is_other_space(one))
    return list(dict.fromkeys(f"U+{ord(one):04X}" for one in found))


def _is_other_space(character: str) -> bool:
    return character != " " and unicodedata.category(character) == "Zs"


def of_text(path: str, value: Any) -> Iterator[Finding]:
    """What is wrong with one line that people read, as a change ticket."""
    if isinstance(value, str) and (found := invisible_in(value)):
        message = f"must not have characters that cannot be seen: {', '.join(found[:5])}"
        yield Finding(path, "invisible_characters", message)


def of_name(path: str, value: Any) -> Iterator[Finding]:
    """What is wrong with the name of a wave or an application."""
    yield from of_text(path, value)
    if isinstance(value, str) and ("/" in value or "\\" in value or ".." in value or value == "."):
        yield Finding(path, "path_in_name", "must not have / or \\ or .. in it: names become parts of S3 keys")
    if isinstance(value, str) and not unicodedata.is_normalized("NFC", value):
        message = "has a letter in two characters that looks like one: write it in Unicode's normal form C"
        yield Finding(path, "not_normalized", message)


def of_user(path: str, value: Any) -> Iterator[Finding]:
    """What is wrong with the name of somebody who may approve."""
    yield from of_text(path, value)
    if isinstance(value, str) and value != value.strip():
        yield Finding(path, "outer_space", "begins or ends with a space: no user is named so")
