"""The installer, as far as it decides something without installing."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from include.local import install

PYTHON = Path(sys.executable)


def test_uv_is_told_where_pip_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://pypi.example.com/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://one.example.com https://two.example.com")
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    assert install.uv_arguments(PYTHON) == [
        *("--index-url", "https://pypi.example.com/simple"),
        *("--extra-index-url", "https://one.example.com"),
        *("--extra-index-url", "https://two.example.com"),
        *("--index-strategy", "unsafe-best-match"),
        *("--find-links", "/wheels"),
    ]


def test_one_index_is_asked_as_uv_does_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        install, "pip_setting", lambda _, key: ["https://one.example.com"] if key == "index-url" else []
    )
    assert install.uv_arguments(PYTHON) == ["--index-url", "https://one.example.com"]


@pytest.mark.parametrize("way", [install.install_with_uv, install.install_with_pip])
def test_nothing_is_installed_without_its_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: Any) -> None:
    """The commands that install, uv's own included, all ask for hashes; a lock without them is refused."""
    ran: list[list[str]] = []

    def run(command: list[Any], **_: Any) -> subprocess.CompletedProcess[str]:
        ran.append([str(one) for one in command])
        return subprocess.CompletedProcess(command, 0, stdout="", stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    assert way(tmp_path / "bin" / "python", ["requirements.txt"])
    installing = [one for one in ran if "install" in one]
    assert installing
    assert all("--require-hashes" in one and "--no-deps" in one for one in installing), installing


def test_uv_trusts_what_pip_trusts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CERT", "/certificates.pem")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert install.uv_environment(PYTHON)["SSL_CERT_FILE"] == "/certificates.pem"


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0)])
def test_a_python_without_a_lock_is_refused(monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit, match=r"3\.11, 3\.12 or 3\.13 is needed.*make PYTHON="):
        install.check_python()


def test_something_else_of_that_name_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(SystemExit, match="no virtual environment"):
        install.make_venv(tmp_path)
    assert (tmp_path / "precious").exists()


@pytest.mark.sandbox  # makes an environment with pip: seconds
def test_an_environment_of_this_python_is_kept_and_a_broken_one_replaced(tmp_path: Path) -> None:
    place = tmp_path / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    mark = place / "mark"
    mark.touch()
    install.make_venv(place)
    assert mark.exists()
    (place / "bin" / "python").unlink()
    assert install.venv_version(place) is None
    install.make_venv(place)
    assert not mark.exists()
    assert install.venv_version(place) == sys.version_info[:2]
