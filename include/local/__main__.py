"""``python -m include.local up | down | demo | check-dags``: the commands that the Makefile calls."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "plugins"))  # as in every Airflow component

from include.local import approvals, check_dags, profiles  # noqa: E402
from include.local.demo import run_demo  # noqa: E402
from include.local.errors import LocalError  # noqa: E402
from include.local.running import UP, stop_home  # noqa: E402
from include.local.stack import UI_PORT, LocalStack, home_of  # noqa: E402


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m include.local", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start the sandbox and Airflow in the background")
    demo = commands.add_parser("demo", help="run a whole wave and show it")
    for one in (up, demo):
        one.add_argument("--speed", type=float, default=60.0, help="of the sandbox's clock")
        one.add_argument("--port", type=int, default=None, help=f"of the UI (default {UI_PORT}, or a free one)")
    up.add_argument("--seed", default="demo", help="the sandbox's estate")
    down = commands.add_parser("down", help="stop what up started")
    for one in (up, down):
        one.add_argument("--name", default=UP, help="of the stack")
    demo.add_argument("--wave", type=Path, default=ROOT / "include" / "waves" / "demo.json")
    demo.add_argument("--approve", choices=(approvals.AUTOMATIC, approvals.BY_PERSON), default=approvals.AUTOMATIC)
    commands.add_parser("check-dags", help="every DAG imports and serialises")
    return top


def up(options: argparse.Namespace) -> int:
    """Starts a stack that keeps running after this command."""
    stack = LocalStack(
        home_of(options.name),
        airflow_port=UI_PORT if options.port is None else options.port,
        strict_port=options.port is not None,
        speed=options.speed,
        seed=options.seed,
        settings=profiles.DEMO,
        keep=True,
        say=lambda line: print(f"[up] {line}", flush=True),
    )
    stack.start()
    print(f"[up] UI: {stack.ui_url} (nobody has to log in)")
    print(f"[up] the airflow command beside it: source {stack.home}/env.sh; logs: {stack.home}/logs")
    print("[up] stop it with: make down")
    return 0


def down(options: argparse.Namespace) -> int:
    """Stops a stack; no error when there is none."""
    print("[down] stopped" if stop_home(home_of(options.name)) else "[down] nothing was running")
    return 0


def end_by_signal(number: int, frame: FrameType | None) -> None:
    """Turns SIGTERM and SIGHUP into an exception, so that everything that was started is stopped."""
    raise SystemExit(128 + number)


def main() -> int:
    """Runs one command; returns its exit code. A :class:`LocalError` is printed as one message, without a traceback."""
    options = parser().parse_args()
    signal.signal(signal.SIGTERM, end_by_signal)
    signal.signal(signal.SIGHUP, end_by_signal)
    try:
        if options.command == "up":
            return up(options)
        if options.command == "down":
            return down(options)
        if options.command == "check-dags":
            return check_dags.run()
        return run_demo(options.wave, options.speed, options.approve, options.port)
    except LocalError as error:
        print(f"[{options.command}] {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"[{options.command}] interrupted; everything is stopped", file=sys.stderr)
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
