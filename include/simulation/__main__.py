"""``python -m include.simulation``: schedules from seeds, or every placement of faults; 1 when an invariant breaks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

# The steps are the package's own, which is on the path in Airflow's processes only.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins"))

from include.simulation.campaign import Campaign, OtherCampaignError, Part, Shard, placements, processors, seeds
from include.simulation.faults import Fault, Kind
from include.simulation.schedule import Report, drawn, enumerated


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every invariant held, 1 when one did not, 2 when the state file is of another campaign."""
    given = _parser().parse_args(arguments)
    if given.faults is not None:
        return _replay(enumerated(_faults(given.faults)).run())
    if given.seed is not None and given.schedules is None:
        return _replay(drawn(given.seed).run())
    campaign = Campaign(given.shard.of(_parts(given)), given.state, given.processes, _say)
    try:
        tally = campaign.run()
    except OtherCampaignError as error:
        print(error, file=sys.stderr)
        return 2
    print(tally.text())
    cost = f"{campaign.seconds:.1f} s of CPU, {campaign.cost_ms:.1f} ms a schedule"
    print(f"\n{cost}\n{tally.verdict()}")
    return 1 if tally.failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this seed; with --schedules the first of them")
    parser.add_argument("--schedules", type=int, help="how many seeds (default 100)")
    parser.add_argument("--depth", type=int, default=0, help="also every placement of up to so many faults")
    parser.add_argument("--faults", help="replay one placement, for example '3:lost,17:killed after'")
    parser.add_argument("--processes", type=int, default=processors(), help="at a time (default: all processors)")
    parser.add_argument("--shard", type=Shard.parse, default=Shard(), help="only a part of it all, for example 1/4")
    parser.add_argument("--state", type=Path, help="file that notes what is done; the next run goes on from there")
    return parser


def _parts(given: argparse.Namespace) -> list[Part]:
    count = 100 if given.schedules is None else given.schedules
    return [*(placements(given.depth) if given.depth else ()), *seeds(given.seed or 0, count)]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _replay(report: Report) -> int:
    print(report.text())
    print(f"\n{report.name}: {report.ends}, {'green' if report.is_green else 'not green'}")
    return 1 if report.violations else 0


def _faults(text: str) -> tuple[Fault, ...]:
    pairs = (one.split(":", 1) for one in text.split(",") if one.strip())
    return tuple(Fault(int(point), Kind(kind.strip())) for point, kind in pairs)


if __name__ == "__main__":
    sys.exit(main())
