"""The sandbox as the stack starts it: one command, ready when it has printed one JSON line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from include.local.processes import Command


def command(root: Path, home: Path, environment: dict[str, str], ports_from: int, speed: float, seed: str) -> Command:
    """The sandbox's command line. Its variables land in ``sandbox.env``, its one line in ``sandbox.json``."""
    answers, variables = answer_file(home), env_file(home)
    answers.unlink(missing_ok=True)
    variables.unlink(missing_ok=True)
    # wall: MGN shows the instants at which things really happen, as AWS does; only what lies between them is shortened
    options = {"--ports-from": ports_from, "--speed": speed, "--times": "wall", "--seed": seed, "--env-file": variables}
    arguments = [str(part) for option in options.items() for part in option]
    return Command(
        name="sandbox",
        arguments=[sys.executable, "-m", "include.sandbox", *arguments],
        environment=environment,
        cwd=root,
        log=home / "logs" / "sandbox.log",
        answers=answers,
    )


def answer_file(home: Path) -> Path:
    """Where the sandbox's standard output goes."""
    return home / "sandbox.json"


def env_file(home: Path) -> Path:
    """Where the sandbox writes the variables that lead boto3 and the package to it."""
    return home / "sandbox.env"


def is_ready(home: Path) -> bool:
    """Whether the one line is there, whole, and the variables with it. Other lines are passed over."""
    if not answer_file(home).exists() or not env_file(home).exists():
        return False
    whole_lines = answer_file(home).read_text().split("\n")[:-1]
    return any(_is_document(line) for line in whole_lines)


def _is_document(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def read_variables(home: Path) -> dict[str, str]:
    """The variables of a ready sandbox, ``AWS_ENDPOINT_URL`` and so on: ``NAME=value`` lines, values as they stand."""
    pairs = (line.partition("=") for line in env_file(home).read_text().splitlines())
    return {name: value for name, equals, value in pairs if equals and not name.startswith("#")}
