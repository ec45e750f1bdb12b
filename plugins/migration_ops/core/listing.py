"""A list that is read once a run and judged entry by entry: what checks are about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Listing:
    """
    One list of what a read answers.

    :param reader: the read's name in a run: its task instance, its snapshot and messages carry it.
    :param part: the list's name in the document that is read; empty for the whole document.
    :param read: reads the document with an :class:`~migration_ops.aws.reader.Reader`.
    """

    reader: str
    part: str
    read: Callable[[Any], dict[str, Any]]

    @property
    def path(self) -> str:
        """Where it stands in a run's snapshot: ``sqs.queues``."""
        return f"{self.reader}.{self.part}" if self.part else self.reader
