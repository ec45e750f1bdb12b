"""What was read, as plain JSON in which a read that failed is visible and cannot be taken for "there is none"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migration_ops.core.errors import MigrationError, Unknown

# The one key of a document that stands where a value could not be read.
NOT_READ = "notRead"
# A reader's document says so when resources.yaml has `include: []` for its kind: then none is no fault.
NONE_EXPECTED = "noneExpected"


class NotRead(Unknown):
    """A check asked for what could not be read, or what AWS did not answer. Absent is not zero."""

    code = "NOT_READ"
    hint = "Mend what the reason names (a permission, an outage), then clear the check: it reads anew."


def failed(operation: str, error: MigrationError) -> dict[str, Any]:
    """The document that stands for a value which could not be read."""
    return {NOT_READ: {"operation": operation, "code": error.code, "message": error.message[:500]}}


def is_failed(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {NOT_READ}


class Facts(Mapping[str, Any]):
    """
    A document that was read. Whoever touches a part that was not read gets :class:`NotRead`, never a default.

    Members that are documents come out as ``Facts``, lists of documents as lists of ``Facts``.

    :param document: plain JSON.
    :param path: where it stands, for messages.
    """

    def __init__(self, document: Mapping[str, Any], path: str = "") -> None:
        self._document = document
        self._path = path

    def __getitem__(self, name: str) -> Any:
        document = self._read()
        if name not in document or document[name] is None:
            raise NotRead(f"{self._at(name)} was not answered")
        return self._wrapped(document[name], self._at(name))

    def maybe(self, name: str, default: Any = None) -> Any:
        """For a member that AWS leaves out when there is none of it.

        :raises NotRead: reading it failed: that is not "none".
        """
        return self[name] if self._read().get(name) is not None else default

    def at(self, path: str) -> Any:
        """``"lambda.functions"``: a member of a member."""
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
        """The document; one that stands for a failure, as an entry of a list may, gives nothing away."""
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
    """Entries of lists that were not read stay in their place, so that others can be judged; touching one raises."""
    if isinstance(value, Mapping):
        return Facts(value, path)
    if isinstance(value, list):
        return [_inside(one, f"{path}[{number}]") for number, one in enumerate(value)]
    return value


def _not_read(document: Mapping[str, Any]) -> NotRead:
    why = document[NOT_READ]
    return NotRead(f"{why['operation']}: {why['message']}", operation=why["operation"], awsCode=why["code"])
