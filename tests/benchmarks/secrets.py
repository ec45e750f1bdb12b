"""(g) Finding secrets in the longest line that CloudWatch Logs takes, written to be slow to look at."""

from __future__ import annotations

import time

from migration_ops.core.secrets import kinds_in
from tests.benchmarks.report import table

LINE_BYTES = 262_144
GOAL_SECONDS = 0.7
# What a pattern could run over again and again: beginnings of names, tokens, URLs, quotes and documents.
PIECES = (
    *("a-", "a_", "a.", "key-", "key: a, ", "a=1,", "password", "password='", 'token="', "password: |\n a\n"),
    *("--token ", "= ", "eyJaaaaa-", "eyJaaaaaa.", "x://a:", "AKIA", "-----BEGIN A ", "sk-T3BlbkFJ", "curl ", " -u"),
    *("//:_authToken=", "bearer ", "SG.a", "aB3", "A1b/", '{"a":'),
)


def report() -> str:
    """The table, the slowest line first."""
    kinds_in("the patterns of detect-secrets are loaded with the first text")
    measured = sorted(((_seconds(one), one) for one in PIECES), reverse=True)
    rows = [(f"`{piece!r}`", seconds) for seconds, piece in measured[:10]]
    return "\n\n".join(
        (
            f"## (g) Secrets in a line of {LINE_BYTES // 1024} KB",
            table(("the line repeats", "seconds"), rows),
            f"The slowest ten of {len(PIECES)}; processor time of one process. The goal is {GOAL_SECONDS} s.",
        )
    )


def _seconds(piece: str) -> float:
    line = piece * (LINE_BYTES // len(piece))
    began = time.process_time()
    kinds_in(line)
    return time.process_time() - began
