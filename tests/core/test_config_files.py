"""The runbook's files: what would silently drop or switch off something is refused, and the file is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from migration_ops.core.config import DIRECTORY, read_config
from migration_ops.core.errors import InstallationError

ACCEPTED = "accepted:\n- {{check: c, resource: r, reason: x, who: y, ticket: z, until: {until}}}\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for one in DIRECTORY.glob("*.yaml"):
        shutil.copy(one, tmp_path)
    return tmp_path


@pytest.mark.parametrize("until", ["2027-02-29", "2027-13-01", "2027-04-31", "0000-01-01"])
def test_a_day_that_does_not_exist_is_refused_by_the_name_of_its_file(directory: Path, until: str) -> None:
    (directory / "accepted.yaml").write_text(ACCEPTED.format(until=until))
    with pytest.raises(InstallationError, match=r"accepted\.yaml"):
        read_config(directory)


def test_a_leap_day_is_a_day(directory: Path) -> None:
    (directory / "accepted.yaml").write_text(ACCEPTED.format(until="2028-02-29"))
    assert read_config(directory).accepted.accepted[0].until.isoformat() == "2028-02-29"


def test_a_file_in_another_encoding_is_refused_by_its_name(directory: Path) -> None:
    (directory / "resources.yaml").write_bytes("queues: {include: [größe]}".encode("latin-1"))
    with pytest.raises(InstallationError, match=r"resources\.yaml"):
        read_config(directory)


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        ("resources.yaml", 'queues: {include: ["orders-*"]}\nqueues: {include: ["migration-*"]}\n', "queues"),
        ("resources.yaml", "queues: {include: [a], exclude: [], include: [b]}\n", "include"),
        ("thresholds.yaml", "queues:\n  maxVisible: 5\n  maxVisible: 5000\n", "maxVisible"),
        ("accepted.yaml", ACCEPTED.format(until="2027-03-31") + "accepted: []\n", "accepted"),
    ],
)
def test_a_key_that_is_there_twice_would_drop_the_first(directory: Path, name: str, text: str, key: str) -> None:
    (directory / name).write_text(text)
    with pytest.raises(InstallationError, match=f"{key} is there twice"):
        read_config(directory)


def test_no_limit_is_infinite(directory: Path) -> None:
    (directory / "thresholds.yaml").write_text("weekly: {maxDurationGrowthPercent: .inf}\n")
    with pytest.raises(InstallationError, match="maxDurationGrowthPercent"):
        read_config(directory)
