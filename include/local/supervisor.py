"""Stops the stack when its owner dies without stopping it (SIGKILL, a closed terminal, a crashed test run).

The owner writes one JSON line per session it starts and keeps the pipe open; when the pipe ends, the owner has ended.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from include.local import processes


class Reaper:
    """The owner's side: call ``watch`` for each session, and ``close`` when all are stopped."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "include.local.supervisor"],
            stdin=subprocess.PIPE,
            cwd=root,
            start_new_session=True,
            text=True,
        )

    def watch(self, session: processes.Session) -> None:
        """From now on the session is stopped when this process ends."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(session.as_document()) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """Ends the reaper, which first stops the sessions that still run."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    """Waits for the end of standard input, then stops every session that was named on it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # signals to the owner's terminal or group are for the owner
    watched = [processes.Session(**json.loads(line)) for line in sys.stdin if line.endswith("\n")]
    processes.stop(watched)


if __name__ == "__main__":
    main()
