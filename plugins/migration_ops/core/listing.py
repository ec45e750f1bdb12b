"""A list that is read once per run and whose entries checks judge one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Listing:
    """
    One list in the document that a reader returns.

    :param reader: the reader's name in a run: in its task instance, its snapshot and messages.
    :param part: the list's name in that document; empty for the whole document.
    :param read: reads the document with an :class:`~migration_ops.aws.reader.AwsReader`.
    """

    reader: str
    part: str
    read: Callable[[Any], dict[str, Any]]

    @property
    def path(self) -> str:
        """The list's path in a run's snapshot: ``sqs.queues``."""
        return f"{self.reader}.{self.part}" if self.part else self.reader
