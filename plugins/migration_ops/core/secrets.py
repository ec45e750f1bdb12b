"""Finds and hides secrets in texts and documents.

Finding and hiding are one pass, so that the audit finds exactly what redaction hides. A value is a secret by its shape
(``secret_shapes``) or by its name (``secret_names``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migration_ops.core.secret_assignments import IN_CLEAR, NAMED, assigned, beside, kind_by_name
from migration_ops.core.secret_shapes import IN_URL, JWT, Span, shaped

# Some of these names are defined in the modules imported above.
__all__ = [
    "HIDDEN",
    "IN_CLEAR",
    "IN_URL",
    "JWT",
    "NAMED",
    "Swept",
    "in_document",
    "in_variables",
    "kind_of",
    "kinds_in",
]

HIDDEN = "[redacted]"
# {"password": {"default": "x"}}: the secret's name is one level up.
_STAND_INS = frozenset({"default", "defaultvalue", "value", "value.$", "string", "plaintext"})
_NAME_MEMBERS = ("name", "key", "parameterkey", "parametername")
_VALUE_MEMBERS = ("value", "parametervalue", "defaultvalue", "default")


@dataclass(frozen=True)
class Swept:
    """
    A text or document without its secrets, and what was hidden.

    :param clean: the text or document with :data:`HIDDEN` in place of every secret.
    :param found: path (``States.Call.Parameters.password``, empty for a text) and kind of each secret.
    """

    clean: Any
    found: tuple[tuple[str, str], ...] = ()

    @property
    def kinds(self) -> list[str]:
        """The kinds, each once."""
        return list(dict.fromkeys(kind for _, kind in self.found))


def kinds_in(text: str) -> list[str]:
    """The kinds of secrets in a text, each once."""
    return sweep_text(text).kinds


def kind_of(name: str, value: Any) -> str | None:
    """What kind of secret a named value is; None when it is none."""
    kinds = _sweep_leaf("", name, value).kinds
    return kinds[0] if kinds else None


def in_variables(variables: Mapping[str, Any]) -> list[dict[str, str]]:
    """``{"name", "kind"}`` of each variable that holds a secret. The values are not returned."""
    found = {name: kind_of(name, value) for name, value in sorted(variables.items())}
    return [{"name": name, "kind": kind} for name, kind in found.items() if kind]


def in_document(document: Any) -> list[dict[str, str]]:
    """The same for each secret in a JSON document; ``name`` is the path: ``States.Call.Parameters.password``."""
    return [{"name": path, "kind": kind} for path, kind in dict(reversed(sweep_document(document).found)).items()][::-1]


def sweep_text(text: str) -> Swept:
    """
    Hides the secrets in a text of any form: log line, JSON, YAML, shell, headers, a connection string.

    A JSON document in it is searched member by member; it is formatted again only when something was hidden.
    """
    start = _start_of_document(text)
    if start is not None:
        try:
            document, end = json.JSONDecoder().raw_decode(text, start)
            inside = sweep_document(document)
        except (ValueError, RecursionError):
            # No JSON, or nested too deep: it is searched as text.
            return _sweep_plain(text)
        before, after = _sweep_plain(text[:start]), _sweep_plain(text[end:])
        shown = json.dumps(inside.clean, ensure_ascii=False) if inside.found else text[start:end]
        found = (*before.found, *(("", kind) for _, kind in inside.found), *after.found)
        return Swept(before.clean + shown + after.clean, found)
    return _sweep_plain(text)


def sweep_document(document: Any, path: str = "", name: str = "") -> Swept:
    """
    Hides the secrets in any document of mappings, lists and plain values.

    :param path: the document's path in the whole, for :attr:`Swept.found`.
    :param name: the name that the document has in the whole; entries of a list have the list's name.
    :raises RecursionError: it is nested too deep.
    """
    if isinstance(document, Mapping):
        return _sweep_members(document, path, name)
    if isinstance(document, (list, tuple)):
        before = [None, *map(_option, document)]
        swept = [
            sweep_document(one, f"{path}[{number}]", name if _is_option(one) else before[number] or name)
            for number, one in enumerate(document)
        ]
        return Swept([one.clean for one in swept], tuple(each for one in swept for each in one.found))
    return _sweep_leaf(path, name, document)


def _option(argument: Any) -> str | None:
    """The name of an option of a command as a list: ``["mysql", "--password", "x"]``."""
    return argument.lstrip("-") if _is_option(argument) and argument.startswith("--") and "=" not in argument else None


def _is_option(argument: Any) -> bool:
    return isinstance(argument, str) and argument.startswith("-")


def _start_of_document(text: str) -> int | None:
    if text.lstrip()[:2] in ("[{", '["'):
        return text.index("[")
    start = text.find("{")
    # "{{resolve:...}}" and "${NAME}" do not begin a document.
    return start if start >= 0 and text[start + 1 : start + 200].lstrip()[:1] in ('"', "}") else None


def _sweep_members(document: Mapping[Any, Any], path: str, name: str) -> Swept:
    said = {str(key).lower(): one for key, one in document.items()}
    # {"Name": "DB_PASSWORD", "Value": "x"}: the name is in another member.
    beside = next((said[one] for one in _NAME_MEMBERS if isinstance(said.get(one), str)), None)
    clean: dict[str, Any] = {}
    found: list[tuple[str, str]] = []
    for key, one in document.items():
        named = str(key)
        if beside is not None and named.lower() in _VALUE_MEMBERS:
            named = beside
        elif name and named.lower() in _STAND_INS:
            named = name
        swept = sweep_document(one, f"{path}.{key}" if path else str(key), named)
        clean[str(key)] = swept.clean
        found += swept.found
    return Swept(clean, tuple(found))


def _sweep_leaf(path: str, name: str, value: Any) -> Swept:
    if value is None or isinstance(value, bool):
        return Swept(value)
    text = value if isinstance(value, str) else str(value)
    swept = sweep_text(text) if isinstance(value, str) else Swept(value)
    kind = kind_by_name(name, text)
    if kind is None or (swept.found and _is_all_hidden(swept.clean)):
        return Swept(swept.clean, tuple((path, one) for one in swept.kinds))
    # A kind found by shape is more precise than one found by name.
    return Swept(HIDDEN, tuple((path, one) for one in swept.kinds or [kind]))


def _is_all_hidden(text: str) -> bool:
    return text.replace(HIDDEN, "").strip() == ""


def _sweep_plain(text: str) -> Swept:
    spans = _merged([*shaped(text), *assigned(text), *beside(text)])
    clean, at = [], 0
    for one in spans:
        clean += [text[at : one.start], HIDDEN]
        at = one.end
    return Swept("".join([*clean, text[at:]]), tuple(("", one.kind) for one in spans))


def _merged(spans: list[Span]) -> list[Span]:
    """In order of position; spans that overlap become one, of the first one's kind."""
    merged: list[Span] = []
    for one in sorted(spans, key=lambda each: (each.start, -each.end)):
        if merged and one.start < merged[-1].end:
            last = merged.pop()
            merged.append(Span(last.start, max(last.end, one.end), last.kind))
        else:
            merged.append(one)
    return merged
