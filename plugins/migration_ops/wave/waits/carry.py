"""What a step hands to itself across a wait: a frozen class, and a document only in the trigger.

A deferred task survives an upgrade, so documents of earlier versions are read: a missing or null key is None, an
unknown key is ignored. A key of another type is refused, because deadlines and launches depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self, TypeVar

from migration_ops.core.errors import InvalidInputError

T = TypeVar("T")


class Carry(Protocol):
    """A carry can become a document of plain JSON values; what is None is not written."""

    def as_document(self) -> dict[str, Any]: ...

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self: ...


def document_of(**values: Any) -> dict[str, Any]:
    """The values that are not None, by key."""
    return {key: value for key, value in values.items() if value is not None}


def seconds(document: Mapping[str, Any], key: str) -> float | None:
    """Epoch seconds.

    :raises InvalidInputError: no finite number.
    """
    value = document.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("inf"):
        raise _malformed(key, value)
    return float(value)


def flag(document: Mapping[str, Any], key: str) -> bool:
    """False when there is none.

    :raises InvalidInputError: no boolean.
    """
    return _checked(document, key, bool) or False


def names(document: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    """A list of texts.

    :raises InvalidInputError: no such list.
    """
    value = _checked(document, key, (list, tuple))
    if value is not None and not all(isinstance(one, str) for one in value):
        raise _malformed(key, value)
    return None if value is None else tuple(value)


def name_lists(document: Mapping[str, Any], key: str) -> dict[str, list[str]] | None:
    """Lists of texts by name.

    :raises InvalidInputError: no such object.
    """
    value = _checked(document, key, dict)
    if value is None:
        return None
    for one in value.values():
        if not isinstance(one, list | tuple) or not all(isinstance(text, str) for text in one):
            raise _malformed(key, value)
    return {name: list(found) for name, found in value.items()}


def texts(document: Mapping[str, Any], key: str) -> dict[str, str]:
    """Texts by name; none when there is no such key.

    :raises InvalidInputError: no such object.
    """
    value = _checked(document, key, dict) or {}
    if not all(isinstance(one, str) for one in value.values()):
        raise _malformed(key, value)
    return dict(value)


def _checked(document: Mapping[str, Any], key: str, kind: type | tuple[type, ...]) -> Any:
    value = document.get(key)
    if value is not None and not isinstance(value, kind):
        raise _malformed(key, value)
    return value


def _malformed(key: str, value: Any) -> InvalidInputError:
    return InvalidInputError("what the step carried over its wait is malformed", path=f"carry.{key}", value=value)
