"""SQLite's write-ahead log: with it readers do not wait for the writer, which avoids "database is locked"."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def switch_on(database: Path) -> None:
    """Sets the journal mode. The file keeps it for all later connections."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
