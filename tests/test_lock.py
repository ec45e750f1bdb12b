"""requirements.txt keeps to the versions with which Airflow was released; where it does not, the reason is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]


def pins(name: str) -> dict[str, set[str]]:
    """Versions by package; a package may have several, by marker."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / name).read_text().splitlines():
        text = line.partition(" #")[0].removesuffix("\\").strip()
        if text and not line.startswith((" ", "#", "-")):
            requirement = Requirement(text)
            found.setdefault(requirement.name, set()).add(str(requirement.specifier))
    return found


def constraints() -> str:
    """The one file of the locked Airflow."""
    (version,) = pins("requirements.txt")["apache-airflow"]
    return f"constraints/airflow-{version.removeprefix('==')}.txt"


def test_the_lock_keeps_to_the_versions_of_airflows_release() -> None:
    lock, held, excepted = pins("requirements.txt"), pins(constraints()), pins("constraints/deviations.txt")
    assert len(held) > 150
    beyond = {name for name, versions in lock.items() if name in held and not versions <= held[name]}
    assert beyond == set(excepted)
    assert {name: lock[name] for name in excepted} == excepted


def test_an_exception_gives_its_reason() -> None:
    for line in (ROOT / "constraints/deviations.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            assert len(line.partition(" # ")[2]) > 20, line


def test_all_that_airflow_itself_brings_is_held() -> None:
    held = set(pins(constraints()))
    for name in pins("requirements.txt"):
        if name.startswith("apache-airflow"):
            assert name in held


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-uv.txt"])
def test_every_pin_has_the_hashes_of_its_files(name: str) -> None:
    blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())
    assert len(blocks) == sum(len(versions) for versions in pins(name).values())
    for block in blocks:
        assert re.search(r"\n    --hash=sha256:[0-9a-f]{64}", block), block.splitlines()[0]
        assert "==" in block.splitlines()[0]


def test_what_installs_asks_for_the_hashes() -> None:
    assert "pip install --no-cache-dir --no-deps --require-hashes -r" in (ROOT / "docker" / "Dockerfile").read_text()
    assert "--generate-hashes\n" in (ROOT / "Makefile").read_text()


def test_make_lock_compiles_within_this_file() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (version,) = pins("requirements.in")["apache-airflow"]
    assert f"AIRFLOW_RELEASE := {version.removeprefix('==')}\n" in makefile
    assert "$(HELD) constraints/deviations.txt $(CONSTRAINTS) |" in makefile
    assert "-c - -c constraints/deviations.txt requirements.in -o requirements.txt" in makefile
