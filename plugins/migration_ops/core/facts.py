"""What was read, as plain JSON. A failed read stays visible in it and cannot be mistaken for "there is none"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migration_ops.core.errors import MigrationError, UnknownError

# The only key of a document that stands in place of a value that could not be read.
NOT_READ = "notRead"
# In a reader's document: lists that may be empty without a fault (True: all), see ``expectations``.
NONE_EXPECTED = "noneExpected"
# In a reader's document, by list: names of our own resources that AWS did not list.
OWN_MISSING = "ownMissing"
# In an entry of a list: why findings about it are at most a WARNING (resources.yaml, warnOnly).
WARN_ONLY = "warnOnly"


class NotReadError(UnknownError):
    """A check needs a value that could not be read, or that AWS's answer does not have. Absent is not zero."""

    code = "NOT_READ"
    hint = "Fix what the reason names (a permission, an outage), then clear the check: it reads again."


def failed(operation: str, error: MigrationError) -> dict[str, Any]:
    """The document that stands in place of a value that could not be read; the message is cut at 500 characters."""
    return {NOT_READ: {"operation": operation, "code": error.code, "message": error.message[:500]}}


def is_failed(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {NOT_READ}


class Snapshot(Mapping[str, Any]):
    """
    A document that was read. Access to a part that is missing or was not read raises :class:`NotReadError`.

    Members that are documents are returned as ``Snapshot``, lists of documents as lists of ``Snapshot``.

    :param document: plain JSON.
    :param path: where the document stands in the whole, for messages.
    """

    def __init__(self, document: Mapping[str, Any], path: str = "") -> None:
        self._document = document
        self._path = path

    def __getitem__(self, name: str) -> Any:
        document = self._read()
        if name not in document or document[name] is None:
            raise NotReadError(f"{self._at(name)} was not answered")
        return self._wrapped(document[name], self._at(name))

    def optional(self, name: str, default: Any = None) -> Any:
        """A member that AWS leaves out when there is none; then ``default``.

        :raises NotReadError: reading it failed: that is not "none".
        """
        return self[name] if self._read().get(name) is not None else default

    def path(self, path: str) -> Any:
        """The member at a dotted path: ``"lambda.functions"``."""
        found: Any = self
        for name in path.split("."):
            found = found[name]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def plain(self) -> dict[str, Any]:
        """The document itself, for evidence."""
        return dict(self._read())

    def _read(self) -> Mapping[str, Any]:
        """The document; raises when it stands for a failed read, as an entry of a list may."""
        if is_failed(self._document):
            raise _not_read(self._document)
        return self._document

    def _at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def _wrapped(self, value: Any, path: str) -> Any:
        if is_failed(value):
            raise _not_read(value)
        return _inside(value, path)


def _inside(value: Any, path: str) -> Any:
    """Entries of lists that were not read stay in place, so that the others can be judged; access to one raises."""
    if isinstance(value, Mapping):
        return Snapshot(value, path)
    if isinstance(value, list):
        return [_inside(one, f"{path}[{number}]") for number, one in enumerate(value)]
    return value


def _not_read(document: Mapping[str, Any]) -> NotReadError:
    why = document[NOT_READ]
    return NotReadError(f"{why['operation']}: {why['message']}", operation=why["operation"], awsCode=why["code"])
