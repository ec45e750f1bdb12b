"""SQLite's write-ahead log: readers do not wait for the writer, which is what "database is locked" is made of."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def switch_on(database: Path) -> None:
    """Sets the journal mode; the file keeps it, so every later connection has it."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
