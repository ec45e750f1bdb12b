"""Campaigns: parts on several processors, in shards, and resumed; the result is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.simulation import campaign
from include.simulation.__main__ import main
from include.simulation.campaign import Campaign, OtherCampaignError, Part, Placements, Seeds, Shard, placements, seeds
from include.simulation.faults import Fault, Kind
from include.simulation.tally import Tally
from migration_ops.wave.steps import finalize

# Short ones: the last calls of the wave.
LAST = (Fault(30, Kind.REFUSED), Fault(31, Kind.LATE), Fault(31, Kind.KILLED_AFTER))
PARTS: list[Part] = [Placements((), 0), *(Placements((fault,), 2) for fault in LAST)]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the parts that are played."""
    names: list[str] = []
    play = campaign._play

    def noting(part: Part) -> tuple[str, Tally, float]:
        names.append(part.name)
        return play(part)

    monkeypatch.setattr(campaign, "_play", noting)
    return names


def test_two_processes_find_what_one_finds() -> None:
    alone, together = Campaign(PARTS).run(), Campaign(PARTS, processes=2).run()
    assert alone.schedules > len(PARTS)
    assert alone.as_document() | {"coverage": 0} == together.as_document() | {"coverage": 0}
    assert alone.coverage == together.coverage


def test_shards_are_everything_and_nothing_twice() -> None:
    shards = [Shard(number, 3).of(PARTS) for number in (1, 2, 3)]
    assert sorted(part.name for shard in shards for part in shard) == sorted(part.name for part in PARTS)


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b"])
def test_a_shard_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Shard.parse(text)


def test_the_parts_of_a_depth_are_its_placements() -> None:
    found = placements(2)
    assert len({part.name for part in found}) == len(found) == 161
    assert placements(1) == [Placements((), 1)]


def test_the_parts_of_seeds_are_these_seeds() -> None:
    assert seeds(7, 60) == [Seeds(7, 25), Seeds(32, 25), Seeds(57, 10)]
    assert len(seeds(0, 1_000_000)) == 1_000
    assert seeds(7, 0) == []


def test_it_goes_on_after_the_last_whole_part(tmp_path: Path, played: list[str]) -> None:
    state = tmp_path / "state"
    whole = Campaign(PARTS, state).run()
    lines = state.read_text(encoding="utf-8").splitlines(keepends=True)
    # Stopped in the third part, while the second one's line was being written.
    state.write_text("".join(lines[:2]) + lines[2][:40], encoding="utf-8")
    played.clear()
    again = Campaign(PARTS, state)
    assert again.run().as_document() == whole.as_document()
    assert played == [part.name for part in PARTS[1:]]
    assert again.schedules == whole.schedules - 1
    assert state.read_text(encoding="utf-8").splitlines(keepends=True) == lines


def test_what_is_done_is_not_played_again(tmp_path: Path, played: list[str]) -> None:
    Campaign(PARTS[:2], tmp_path / "state").run()
    played.clear()
    assert Campaign(PARTS[:2], tmp_path / "state").run().schedules > 2
    assert played == []


def test_the_state_of_another_campaign_is_refused(tmp_path: Path) -> None:
    Campaign(PARTS[:1], tmp_path / "state").run()
    with pytest.raises(OtherCampaignError, match="of another campaign"):
        Campaign(PARTS[:2], tmp_path / "state").run()


def test_the_state_of_a_package_that_behaves_otherwise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--depth", "1", "--schedules", "0", "--shard", "1/1", "--state", str(tmp_path / "state")]
    monkeypatch.setattr(campaign, "placements", lambda depth: PARTS[:1])
    Campaign(PARTS[:1], tmp_path / "state").run()
    monkeypatch.setattr(finalize, "_finalize", lambda *_: None)
    assert main(command) == 2
    assert "of another campaign" in capsys.readouterr().err


def test_the_last_line_counts_and_names_what_replays_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(finalize, "_finalize", lambda *_: None)
    tally = Campaign([PARTS[0]], tmp_path / "state").run()
    assert tally.verdict().splitlines() == [
        "1 schedules, 1 broke an invariant",
        'python -m include.simulation --faults "no fault"    # finalized',
    ]
    # Also from the state, without playing it again.
    assert Campaign([PARTS[0]], tmp_path / "state").run().verdict() == tally.verdict()
    assert main(["--schedules", "1", "--seed", "0"]) == 1
    last = ["1 schedules, 1 broke an invariant", "python -m include.simulation --seed 0    # finalized"]
    assert capsys.readouterr().out.splitlines()[-2:] == last


def test_progress_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    Campaign(PARTS, say=said.append).run()
    assert said[0].startswith("1 of 4 parts, 1 schedules, 0 broke an invariant")
    assert said[-1].startswith("4 of 4 parts")
