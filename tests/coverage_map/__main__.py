"""``python -m tests.coverage_map``: prints docs/coverage.md."""

from __future__ import annotations

import contextlib
import io
import sys

from tests.coverage_map.cells import read_map

if __name__ == "__main__":
    said = io.StringIO()
    # Importing Airflow may print; the page goes out alone.
    with contextlib.redirect_stdout(said):
        from tests.coverage_map.page import page

        text = page(read_map())
    sys.stderr.write(said.getvalue())
    sys.stdout.write(text)
