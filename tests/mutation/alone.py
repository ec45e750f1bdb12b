"""One mutant in a process of its own, in a copy of the package that comes first on the path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutation.modules import options_of
from tests.mutation.outcome import Outcome, TestsFailedError

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "plugins" / "migration_ops"
# pytest's: tests failed; a module could not be imported by a test; nor by a conftest.
_FAILED = {1, 2, 4}
# Loading every plugin that is installed takes longer than most of these tests.
_ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
_OPTIONS = ["-x", "-q", "-p", "pytest_timeout", "-p", "no:cacheprovider"]


def run_alone(name: str, source: str, paths: list[str], limit_seconds: float) -> Outcome:
    """:param source: of the module ``name``, instead of its own.
    :raises TestsFailedError: the tests could not be run.
    """
    with tempfile.TemporaryDirectory(prefix="mutant-") as home:
        copied = Path(home) / "migration_ops"
        shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
        (copied / name).write_text(source)
        tests = [*_OPTIONS, *options_of(name), "-o", f"pythonpath={home} .", *paths]
        environment = os.environ | {"PYTHONPATH": home} | _ENVIRONMENT
        command = [sys.executable, "-m", "pytest", *tests]
        try:
            run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=limit_seconds)
        except subprocess.TimeoutExpired:
            return Outcome.TIMED_OUT
        if run.returncode == 0:
            return Outcome.SURVIVED
        if run.returncode not in _FAILED:
            raise TestsFailedError(f"{name}: pytest ended with {run.returncode}\n{run.stdout.decode()[-2000:]}")
        return Outcome.KILLED
