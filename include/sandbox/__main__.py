"""``python -m include.sandbox``: the sandbox as a process. Prints one JSON line with all endpoints when it is ready."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from include.sandbox.clock import SHOWN_KINDS
from include.sandbox.sandbox import SEEDS, Sandbox

PARENT_CHECK_SECONDS = 0.5


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    parent, stopped = os.getppid(), threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    box = Sandbox(
        options.speed,
        options.seed,
        ports_from=options.ports_from,
        region=options.region,
        initialized=not options.uninitialized,
        shown=options.times,
    )
    with box:
        if options.env_file:
            _write_environment(options.env_file, box.environment)
        ready = {"ready": True, "pid": os.getpid(), "endpoints": box.endpoints, "accountId": box.account_id}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        while not stopped.wait(PARENT_CHECK_SECONDS):
            if options.with_parent and os.getppid() != parent:
                break
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include.sandbox", description=__doc__)
    parser.add_argument("--ports-from", type=int, default=18090, help="first of five ports; 0 = free ones")
    parser.add_argument("--speed", type=float, default=60.0, help="simulated seconds per real second")
    parser.add_argument("--times", choices=SHOWN_KINDS, default="simulated", help="which instants answers show")
    parser.add_argument("--seed", choices=SEEDS, default="demo")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--env-file", type=Path, help="write KEY=VALUE lines for clients")
    parser.add_argument("--uninitialized", action="store_true", help="MGN refuses until InitializeService")
    parser.add_argument("--with-parent", action="store_true", help="end when the parent process ends")
    return parser


def _write_environment(path: Path, environment: dict[str, str]) -> None:
    """Only for the owner: it holds the (sandbox's) credentials. Replaced in one step, never half written."""
    draft = path.with_name(path.name + ".draft")
    draft.touch(mode=0o600)
    draft.write_text("".join(f"{key}={value}\n" for key, value in environment.items()))
    draft.replace(path)


if __name__ == "__main__":
    sys.exit(main())
