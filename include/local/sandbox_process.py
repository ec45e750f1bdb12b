"""The sandbox's process: one command, which is ready when it has printed one JSON line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from include.local.processes import Command


def command(root: Path, home: Path, environment: dict[str, str], ports_from: int, speed: float, seed: str) -> Command:
    """The sandbox's command line. Its variables go to ``sandbox.env``, its JSON line goes to ``sandbox.json``."""
    answers, variables = answer_file(home), env_file(home)
    answers.unlink(missing_ok=True)
    variables.unlink(missing_ok=True)
    # wall: MGN shows real times, as AWS does; only the durations between them are shorter
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
    """Where the sandbox writes the variables by which boto3 and the package reach it."""
    return home / "sandbox.env"


def is_ready(home: Path) -> bool:
    """Whether a complete JSON line and the variables are there. Other lines are ignored."""
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
    """The variables of a ready sandbox, such as ``AWS_ENDPOINT_URL``, from ``NAME=value`` lines without quoting."""
    pairs = (line.partition("=") for line in env_file(home).read_text().splitlines())
    return {name: value for name, equals, value in pairs if equals and not name.startswith("#")}
