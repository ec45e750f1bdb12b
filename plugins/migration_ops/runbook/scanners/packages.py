"""The Python packages of this installation: locked, installed, and newer versions. Changes nothing."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migration_ops.core.errors import InstallationError, UnknownError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PROJECT_LOCK = Path(__file__).resolve().parents[4] / "requirements.txt"
# Lines that are no requirement: comments and options (--hash, --index-url). Includes of other files are refused.
_NO_REQUIREMENT = re.compile(r"^\s*(#|$|--(?!requirement|editable|constraint))")


def locked(path: Path) -> dict[str, str]:
    """Version by name (PEP 503) of what the lock asks for on this Python and platform.

    :raises InstallationError: the file is missing, empty, or has a line that is not ``name==version``.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InstallationError(f"the lock cannot be read: {type(error).__name__}", path=str(path)) from error
    found: dict[str, str] = {canonical_name(one.name): _version(one, path) for one in _requirements(lines, path)}
    if not found:
        raise InstallationError("the lock names no package", path=str(path))
    return found


def canonical_name(name: str) -> str:
    """A package's name as PEP 503 writes it."""
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def _requirements(lines: Iterable[str], path: Path) -> Iterator[Requirement]:
    # Imported late: DAG files, which only name checks, are parsed all the time.
    from packaging.requirements import InvalidRequirement, Requirement

    for number, line in enumerate(lines, start=1):
        if _NO_REQUIREMENT.match(line):
            continue
        text = re.sub(r"(^|\s)#.*$", "", line).strip().removesuffix("\\").strip()
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise InstallationError(
                "the lock has a line that is no requirement", path=str(path), line=number
            ) from error
        if requirement.marker is None or requirement.marker.evaluate():
            yield requirement


def _version(requirement: Requirement, path: Path) -> str:
    pins = [one.version for one in requirement.specifier if one.operator in ("==", "===")]
    if len(pins) != 1 or "*" in pins[0]:
        raise InstallationError("the lock has a line without one version", path=str(path), package=requirement.name)
    return pins[0]


def installed() -> dict[str, str]:
    """Version by name of what this interpreter would import; the first on the path counts, as for imports."""
    found: dict[str, str] = {}
    for one in distributions():
        name = one.metadata["Name"]
        if name:
            found.setdefault(canonical_name(name), one.version)
    return found


def listed(command: str, which: str, timeout_seconds: float) -> list[dict[str, Any]]:
    """What ``pip list --format json`` answers for ``--outdated`` or ``--uptodate``.

    :param command: words of the command, as a shell would split them; empty is this interpreter's pip. No shell runs.
    :raises UnknownError: it cannot be run, fails, answers something else, or takes too long. Its own output is left
        out: it may contain an index's address with its password.
    """
    try:
        words = shlex.split(command) or [sys.executable, "-m", "pip", "list", "--disable-pip-version-check"]
        # The words come from the installation's setting or the line above, none from a run's params.
        ran = subprocess.run(  # noqa: S603
            [*words, "--format", "json", which], capture_output=True, timeout=timeout_seconds, check=False, text=True
        )
    except subprocess.TimeoutExpired as error:
        raise UnknownError(f"the package index did not answer within {timeout_seconds:g} s") from error
    except (OSError, ValueError) as error:
        raise UnknownError(f"pip cannot be run: {type(error).__name__}") from error
    if ran.returncode:
        raise UnknownError(f"pip ended with status {ran.returncode}", command=words[0])
    try:
        return [dict(one) for one in json.loads(ran.stdout)]
    except (TypeError, ValueError) as error:
        raise UnknownError("pip did not answer JSON", command=words[0]) from error
