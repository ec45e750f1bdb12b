"""When the sandbox counts as ready, and what is read from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.local import sandbox_process


@pytest.mark.parametrize(
    ("answer", "ready"),
    [
        ("", False),
        ('{"mgn": "http://127.0.0.1:1"}', False),  # the line has not ended: it may be half of it
        ('{"mgn": "http://127.0.0.1:1"}\n', True),
        ("a warning of a server\n", False),
        ('a warning of a server\n{"mgn": "x"}\n', True),
        ("[]\n", False),
    ],
)
def test_ready_is_one_whole_document(tmp_path: Path, answer: str, ready: bool) -> None:
    sandbox_process.env_file(tmp_path).write_text("A=1\n")
    sandbox_process.answer_file(tmp_path).write_text(answer)
    assert sandbox_process.is_ready(tmp_path) is ready


def test_not_ready_without_its_variables(tmp_path: Path) -> None:
    sandbox_process.answer_file(tmp_path).write_text("{}\n")
    assert sandbox_process.is_ready(tmp_path) is False


def test_variables_are_taken_as_they_stand(tmp_path: Path) -> None:
    sandbox_process.env_file(tmp_path).write_text('# made by the sandbox\n\nA=http://127.0.0.1:1\nB={"a": "x=y"}\nC=\n')
    assert sandbox_process.read_variables(tmp_path) == {"A": "http://127.0.0.1:1", "B": '{"a": "x=y"}', "C": ""}


def test_an_old_answer_does_not_count(tmp_path: Path) -> None:
    sandbox_process.answer_file(tmp_path).write_text("{}\n")
    sandbox_process.env_file(tmp_path).write_text("A=1\n")
    sandbox_process.command(tmp_path, tmp_path, {}, 0, 60, "demo")
    assert sandbox_process.is_ready(tmp_path) is False
