"""The packages of this installation: a lock is read whole or not at all, and a silent index is no up-to-date one."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from include.sandbox.estates import fake_pip
from migration_ops.core.errors import InvalidInputError, UnknownError
from migration_ops.runbook.scanners import packages
from migration_ops.runbook.scanners.dependencies import OUTDATED, UP_TO_DATE


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "requirements.txt"


class TestLock:
    def test_the_projects_own_lock_can_be_read(self) -> None:
        found = packages.locked(packages.PROJECT_LOCK)
        assert found["apache-airflow"] == "3.3.2"
        assert len(found) > 100

    def test_names_are_normal_and_what_is_for_other_pythons_is_left_out(self, lock: Path) -> None:
        lock.write_text(
            "# compiled\n"
            "--index-url https://user:secret@index.example/simple\n"
            "Jinja2==3.1.6\n"
            "    # via flask\n"
            "zope.interface[test]==7.0 ; python_version >= '3'\n"
            "old-one==1.0 ; python_version < '3'\n"
            "old-one==2.0 ; python_version >= '3'  # the other one\n"
            "hashed==1.2.3 \\\n"
            "    --hash=sha256:00\n"
        )
        assert packages.locked(lock) == {
            "jinja2": "3.1.6",
            "zope-interface": "7.0",
            "old-one": "2.0",
            "hashed": "1.2.3",
        }

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "# nothing\n",
            "requests\n",
            "requests>=2\n",
            "requests==2.*\n",
            "-r other.txt\n",
            "a==1\n--requirement x\n",
            "a b\n",
        ],
    )
    def test_a_lock_that_is_none_is_refused(self, lock: Path, text: str) -> None:
        lock.write_text(text)
        with pytest.raises(InvalidInputError) as caught:
            packages.locked(lock)
        assert "Correct the conf" not in caught.value.hint

    def test_a_lock_that_is_not_there_is_refused(self, lock: Path) -> None:
        with pytest.raises(InvalidInputError, match="FileNotFoundError"):
            packages.locked(lock)


def test_what_is_installed_is_what_python_would_import() -> None:
    import yaml

    assert packages.installed()["pyyaml"] == yaml.__version__


def pip(*words: str) -> str:
    return shlex.join([sys.executable, fake_pip.__file__, *words])


def script(text: str) -> str:
    return shlex.join([sys.executable, "-c", text])


class TestListed:
    def test_every_package_is_in_one_of_the_two_lists(self) -> None:
        command = pip("--newer", "PyYAML")
        newer = [one["name"] for one in packages.listed(command, OUTDATED, 60)]
        current = [one["name"] for one in packages.listed(command, UP_TO_DATE, 60)]
        assert newer == ["PyYAML"]
        assert "PyYAML" not in current
        assert len(current) > 100

    @pytest.mark.parametrize(
        ("command", "match"),
        [
            (script("import sys; sys.exit(3)"), "status 3"),
            (script("print('WARNING: no index')"), "did not answer JSON"),
            (script("print('{}'); print('[]')"), "did not answer JSON"),
            (script("print('[1]')"), "did not answer JSON"),
            ("/no/such/pip", "cannot be run: FileNotFoundError"),
            ("'unfinished", "cannot be run: ValueError"),
        ],
    )
    def test_what_is_no_answer_is_unknown(self, command: str, match: str) -> None:
        with pytest.raises(UnknownError, match=match):
            packages.listed(command, OUTDATED, 60)

    def test_it_takes_no_longer_than_it_may(self) -> None:
        with pytest.raises(UnknownError, match=r"within 0\.2 s"):
            packages.listed(script("import time; time.sleep(60)"), OUTDATED, 0.2)

    def test_an_indexs_password_is_in_no_message(self) -> None:
        command = script("import sys; sys.stderr.write('https://user:secret@index.example failed'); sys.exit(1)")
        with pytest.raises(UnknownError) as error:
            packages.listed(command, OUTDATED, 60)
        assert "index.example" not in str(error.value)

    def test_no_shell_runs(self, tmp_path: Path) -> None:
        with pytest.raises(UnknownError):
            packages.listed(f"true; touch {tmp_path}/made", OUTDATED, 10)
        assert list(tmp_path.iterdir()) == []
