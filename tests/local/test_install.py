"""The installer, as far as it decides something without installing."""

from __future__ import annotations

import sys
import venv
from pathlib import Path

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
        *("--find-links", "/wheels"),
    ]


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
