"""``python -m include.simulation``: schedules from seeds, or every placement of faults; 1 when an invariant breaks."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Iterator, Sequence

from include.simulation.enumeration import every_placement
from include.simulation.faults import Fault, Kind
from include.simulation.schedule import Report, drawn, enumerated
from include.simulation.tally import Tally


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every invariant held, 1 when one did not."""
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this seed; with --schedules the first of them")
    parser.add_argument("--schedules", type=int, help="how many seeds (default 100)")
    parser.add_argument("--depth", type=int, default=0, help="also every placement of up to so many faults")
    parser.add_argument("--faults", help="replay one placement, for example '3:lost,17:killed after'")
    given = parser.parse_args(arguments)
    if given.faults is not None:
        return _replay(enumerated(_faults(given.faults)).run())
    if given.seed is not None and given.schedules is None:
        return _replay(drawn(given.seed).run())
    tally = Tally()
    began = time.process_time()
    # Loaded modules stay in memory: the garbage collector need not scan them for every schedule.
    gc.collect()
    gc.freeze()
    for report in _schedules(given.seed or 0, 100 if given.schedules is None else given.schedules, given.depth):
        tally.add(report)
    seconds = time.process_time() - began
    print(tally.text())
    print(f"\n{seconds:.1f} s of CPU, {1000 * seconds / max(1, tally.schedules):.1f} ms a schedule")
    return 1 if tally.failures else 0


def _schedules(first: int, count: int, depth: int) -> Iterator[Report]:
    if depth:
        yield from every_placement(depth)
    for seed in range(first, first + count):
        yield drawn(seed).run()


def _replay(report: Report) -> int:
    print(report.text())
    print(f"\n{report.name}: {report.ends}, {'green' if report.is_green else 'not green'}")
    return 1 if report.violations else 0


def _faults(text: str) -> tuple[Fault, ...]:
    pairs = (one.split(":", 1) for one in text.split(",") if one.strip())
    return tuple(Fault(int(point), Kind(kind.strip())) for point, kind in pairs)


if __name__ == "__main__":
    sys.exit(main())
