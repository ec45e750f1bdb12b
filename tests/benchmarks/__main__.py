"""``python -m tests.benchmarks [all]``, or one of NAMES instead of all: Markdown tables.

``slots`` is the last part of ``walltime`` alone, ``health-dag`` the health check on an Airflow.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "plugins"))  # as in every Airflow component
NAMES = ("calls", "poll", "walltime", "health", "health-dag", "backup", "secrets", "imports")


def main() -> int:
    """Runs the chosen benchmarks, one after the other."""
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    options.add_argument("which", nargs="?", default="all", choices=(*NAMES, "slots", "all"))
    which = options.parse_args().which
    signal.signal(signal.SIGTERM, _end_by_signal)
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        # Before Airflow is imported: it would write its configuration to the person's home.
        os.environ["AIRFLOW_HOME"] = home
        os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
        _run([which] if which != "all" else list(NAMES))
    return 0


def _run(names: list[str]) -> None:
    # Not before the environment is set: these import Airflow.
    from tests.benchmarks import backup, calls, health, health_on_airflow, imports, poll, report, secrets, walltime

    reports = {"calls": calls.report, "poll": poll.report, "walltime": walltime.report, "health": health.report}
    reports["health-dag"] = health_on_airflow.report
    reports["backup"] = backup.report
    reports["secrets"] = secrets.report
    reports["imports"] = imports.report
    reports["slots"] = walltime.report_of_slots
    print(f"# Benchmarks\n\n{report.machine()}", flush=True)
    for name in names:
        print(f"\n{reports[name]()}", flush=True)


def _end_by_signal(number: int, frame: FrameType | None) -> None:
    """An exception, so that everything started is stopped on the way out."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
