"""(h) What importing each DAG file costs beyond Airflow's own imports: each task of a DAG pays it once."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks.report import table
from tests.dags.dag_files import FILES
from tests.dags.importer import Importer

REPEATS = 5
GOAL_SECONDS = 0.3


def report() -> str:
    """The table, the slowest file first."""
    with tempfile.TemporaryDirectory(prefix="imports-") as home:
        importer = Importer(Path(home))
        try:
            rows = sorted((_row(importer, path) for path in FILES), key=lambda row: -row[2])
        finally:
            importer.close()
    return "\n\n".join(
        (
            "## (h) Importing a DAG file",
            table(("file", "modules", "processor seconds"), rows),
            f"The best of {REPEATS}, beyond what Airflow itself has loaded. The goal is {GOAL_SECONDS} s.",
        )
    )


def _row(importer: Importer, path: Path) -> tuple[str, int, float]:
    answers = [importer.run(path) for _ in range(REPEATS)]
    if errors := [one.error for one in answers if one.error]:
        raise RuntimeError(errors[0])
    return f"`{path.name}`", len(answers[0].loaded or ()), min(one.seconds for one in answers)
