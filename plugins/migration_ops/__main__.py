"""``python -m migration_ops COMMAND``: commands that run outside Airflow. None changes AWS or the ledger."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from migration_ops.core.errors import MigrationError


def conf_schema(_: Sequence[str]) -> int:
    """The JSON schema of a wave's conf."""
    from migration_ops.wave.conf.schema import schema_text

    sys.stdout.write(schema_text())
    return 0


def checks(_: Sequence[str]) -> int:
    """The page about every check of the runbook (docs/checks.md)."""
    from migration_ops.runbook.checks.page import page

    sys.stdout.write(page())
    return 0


def plan(arguments: Sequence[str]) -> int:
    """The plan of a conf file: validated, ordered and hashed without asking AWS; 1 when the conf is refused."""
    from migration_ops.wave.conf.model import parse_conf
    from migration_ops.wave.plan.estimate import estimate
    from migration_ops.wave.plan.plan import build_plan
    from migration_ops.wave.plan.text import render_plan

    parser = argparse.ArgumentParser(prog="migration_ops plan")
    parser.add_argument("conf", type=Path, help="a JSON document, see docs/conf.md")
    now = datetime.now(UTC)
    try:
        document = json.loads(parser.parse_args(arguments).conf.read_text(encoding="utf-8"))
        planned = build_plan(parse_conf(document, now=now))
    except (MigrationError, OSError, json.JSONDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{render_plan(planned, estimate(planned, {}, now), [])}\nPlan hash: {planned.plan_hash}\n")
    return 0


def verify_history(arguments: Sequence[str]) -> int:
    """Whether the ledger's history is complete and unchanged: 0 yes, 1 no, 2 unknown."""
    from migration_ops.ledger.verify_history import main

    return main(list(arguments))


def simulate(arguments: Sequence[str]) -> int:
    """Waves on virtual time, by seed (--seed, --schedules, --depth); 1 when an invariant breaks. In a checkout only."""
    import runpy
    from importlib.util import find_spec

    from migration_ops.core.errors import InvalidInputError

    # An installed package has no include/, so the package never imports it: this runs it as a program.
    if find_spec("include") is None or find_spec("include.simulation") is None:
        error = InvalidInputError("include.simulation is not importable", path="simulate", value=str(Path.cwd()))
        error.hint = "Run it from the root of a checkout of the project."
        sys.stderr.write(f"{error}\n")
        return 2
    before, sys.argv = sys.argv, ["simulate", *arguments]
    try:
        runpy.run_module("include.simulation", run_name="__main__")
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        sys.argv = before
    return 0


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "verify-history": verify_history,
    "conf-schema": conf_schema,
    "checks": checks,
    "plan": plan,
    "simulate": simulate,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code, 2 for an unknown command."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    about = "\n".join(f"  {name:15} {command.__doc__}" for name, command in COMMANDS.items())
    if not given or given[0] not in COMMANDS:
        sys.stderr.write(f"usage: python -m migration_ops COMMAND ...\n\n{about}\n")
        return 0 if given[:1] in (["-h"], ["--help"]) else 2
    return COMMANDS[given[0]](given[1:])


if __name__ == "__main__":
    sys.exit(main())
