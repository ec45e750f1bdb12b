"""``python -m tests.mutation [--workers N] [module …]``: a Markdown table of mutants, killed, timed out and survived.

Survivors are named on stderr. ``WORKERS`` in the environment is the same as ``--workers``; without both, as many as
there are processors. Ends with 1 when a mutant survived, with 2 when the tests fail without any mutant.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.mutation.alone import PACKAGE, run_alone
from tests.mutation.forked import run_forked
from tests.mutation.modules import TESTED
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.outcome import Outcome, TestsFailedError


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.mutation")
    parser.add_argument("--workers", type=int, default=int(os.environ.get("WORKERS") or os.cpu_count() or 1))
    parser.add_argument("modules", nargs="*", metavar="module", help="of tests/mutation/modules.py; none: all of them")
    parser.add_argument("--quick", action="store_true", help="do not run survivors of a fork alone as well")
    given = parser.parse_args(arguments)
    survived = 0
    print("| Module | Mutants | Killed | Timed out | Survived |\n| :-- | --: | --: | --: | --: |", flush=True)
    for name in given.modules or list(TESTED):
        try:
            survived += _report(name, given.workers, given.quick)
        except TestsFailedError as error:
            print(error, file=sys.stderr)
            return 2
    return 1 if survived else 0


def _report(name: str, workers: int, quick: bool) -> int:
    mutants = list(mutants_of((PACKAGE / name).read_text()))
    outcomes = _outcomes_of(name, mutants, workers, quick)
    counted = Counter(outcomes)
    figures = [len(mutants), counted[Outcome.KILLED], counted[Outcome.TIMED_OUT], counted[Outcome.SURVIVED]]
    print(f"| `{name}` | {' | '.join(str(one) for one in figures)} |", flush=True)
    for mutant, outcome in zip(mutants, outcomes, strict=True):
        if outcome is not Outcome.KILLED:
            print(f"- {outcome.value}: `{name}:{mutant.line}` {mutant.change}", file=sys.stderr, flush=True)
    return counted[Outcome.SURVIVED]


def _outcomes_of(name: str, mutants: list[Mutant], workers: int, quick: bool) -> list[Outcome]:
    """A survivor of a fork is run alone too: there the mutant is also seen by what is done at import."""
    forked = run_forked(name, mutants, TESTED[name], workers)
    unsure = (None,) if quick else (None, Outcome.SURVIVED)
    again = [place for place, one in forked.outcomes.items() if one in unsure]
    limit = forked.limit_seconds + 60.0

    def alone(place: int) -> Outcome:
        return run_alone(name, mutants[place].source, TESTED[name], limit)

    with ThreadPoolExecutor(max_workers=workers) as pool:
        decided = dict(zip(again, pool.map(alone, again), strict=True))
    return [decided.get(place) or forked.outcomes[place] or Outcome.SURVIVED for place in range(len(mutants))]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
