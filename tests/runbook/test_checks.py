"""What every check and reader keeps to, whoever wrote it and in which chapter it is."""

from __future__ import annotations

import ast
import importlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import migration_ops.runbook
from migration_ops.core.errors import InvalidInput, Unknown
from migration_ops.core.facts import Facts, failed
from migration_ops.core.finding import FindingVerdict
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.check import Check, Metadata
from tests.runbook.estates import chapters

HOME = Path(migration_ops.runbook.__file__).parent
CHAPTERS = chapters()
CHECKS = [Check(name, check_id) for name, chapter in CHAPTERS.items() for check_id in chapter.check_ids]
READERS = sorted(path for path in (HOME / "readers").glob("*.py") if path.name != "__init__.py")
MAX_LINES = 60
NOT_FOR_CHECKS = {"airflow", "boto3", "botocore", "requests"}


def path_of(check: Check) -> Path:
    return HOME / check.chapter / f"{check.check_id}.py"


def imported(path: Path) -> set[str]:
    """The whole names of what a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def is_check(path: Path) -> bool:
    """Whether a module of a chapter is a check: it has a function ``judge`` at its top."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(node, ast.FunctionDef) and node.name == "judge" for node in body)


@pytest.mark.parametrize("chapter", CHAPTERS.values(), ids=CHAPTERS)
class TestChapter:
    def test_it_lists_every_check_of_its_folder_once(self, chapter: Any) -> None:
        there = {path.stem for path in (HOME / chapter.name).glob("*.py") if is_check(path)}
        assert Counter(chapter.check_ids) == Counter(there)

    def test_metadata_stands_beside_its_checks_and_nowhere_else(self, chapter: Any) -> None:
        assert {path.stem for path in (HOME / chapter.name).glob("*.json")} == set(chapter.check_ids)

    def test_it_lists_readers_that_exist_once_and_needs_each(self, chapter: Any) -> None:
        assert len(set(chapter.readers)) == len(chapter.readers)
        assert set(chapter.readers) <= {path.stem for path in READERS}
        assert set(chapter.readers) == {name for check in chapter.checks for name in check.metadata.reads}


def test_an_id_means_one_check() -> None:
    """Reports of several chapters, planted problems and the runbook's table name a check by its id alone."""
    assert [check_id for check_id, number in Counter(one.check_id for one in CHECKS).items() if number > 1] == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: f"{one.chapter}.{one.check_id}")
class TestCheck:
    def test_it_is_short_and_says_what_it_judges(self, check: Check) -> None:
        text = path_of(check).read_text(encoding="utf-8")
        assert len(text.splitlines()) <= MAX_LINES
        assert ast.get_docstring(ast.parse(text))

    def test_it_only_judges(self, check: Check) -> None:
        names = {name.split(".")[0] for name in imported(path_of(check))}
        assert not names & NOT_FOR_CHECKS
        assert not {name for name in imported(path_of(check)) if name.startswith("migration_ops.runbook.read")}

    def test_its_metadata_is_complete(self, check: Check) -> None:
        meta = check.metadata
        assert meta.check_id == check.check_id
        assert meta.empty in ("unknown", "ok")
        for text in (meta.title, meta.section, meta.risk, meta.remedy):
            assert text.strip() == text != ""
        assert meta.risk[-1] == meta.remedy[-1] == ".", "whole sentences"

    def test_its_section_is_one_of_the_runbooks(self, check: Check) -> None:
        chapter = check.metadata.section.split(",")[0]
        assert chapter in {"Daily Operations", "Monitoring & Alerts", "Performance Tuning", "Maintenance Tasks"}

    def test_what_it_reads_is_read_in_its_chapter(self, check: Check) -> None:
        assert set(check.metadata.reads) <= set(CHAPTERS[check.chapter].readers)
        assert len(set(check.metadata.reads)) == len(check.metadata.reads)

    def test_of_nothing_it_says_what_its_metadata_says(self, check: Check) -> None:
        findings = check.run(Facts(_with(check.metadata.about, [])), Thresholds())
        wanted = FindingVerdict.OK if check.metadata.empty == "ok" else FindingVerdict.UNKNOWN
        assert [one.verdict for one in findings] == [wanted]

    @pytest.mark.parametrize("broken", [failed("x:y", Unknown("refused")), None])
    def test_of_what_was_not_read_it_knows_nothing(self, check: Check, broken: Any) -> None:
        findings = check.run(Facts(_with(check.metadata.about, broken)), Thresholds())
        assert [(one.verdict, one.resource) for one in findings] == [(FindingVerdict.UNKNOWN, "*")]

    def test_of_a_reader_that_failed_it_knows_nothing(self, check: Check) -> None:
        estate = {name: failed(f"reader {name}", Unknown("refused")) for name in check.metadata.reads}
        findings = check.run(Facts(estate), Thresholds())
        assert [one.verdict for one in findings] == [FindingVerdict.UNKNOWN]

    def test_of_a_thing_without_any_member_it_never_says_ok(self, check: Check) -> None:
        """Absent is not zero: a document of which nothing is known cannot be well."""
        findings = check.run(Facts(_with(check.metadata.about, [{"name": "bare"}])), Thresholds())
        assert FindingVerdict.OK not in {one.verdict for one in findings}


def _with(about: str, value: Any) -> dict[str, Any]:
    """``{"sqs": {"queues": value}}`` for ``sqs.queues``."""
    document: Any = value
    for name in reversed(about.split(".")):
        document = {name: document}
    return dict(document)


@pytest.mark.parametrize("path", READERS, ids=lambda path: path.stem)
class TestReader:
    def test_it_reads_without_airflow(self, path: Path) -> None:
        assert "airflow" not in {name.split(".")[0] for name in imported(path)}

    def test_it_says_what_it_answers(self, path: Path) -> None:
        module = importlib.import_module(f"migration_ops.runbook.readers.{path.stem}")
        assert module.__doc__
        if hasattr(module, "read"):
            assert module.read.__doc__

    def test_it_waits_for_nothing(self, path: Path) -> None:
        assert "time.sleep" not in path.read_text(encoding="utf-8")


class TestMetadata:
    GOOD = {
        "id": "one",
        "title": "One",
        "about": "sqs.queues",
        "reads": ["sqs"],
        "route": "warn",
        "section": "Daily Operations",
        "risk": "Some.",
        "remedy": "This.",
    }

    @pytest.mark.parametrize(
        "change",
        [{"id": "two"}, {"about": "lambda.functions"}, {"reads": []}, {"surprise": 1}],
        ids=["another id", "about is not read", "reads nothing", "an unknown member"],
    )
    def test_a_wrong_file_is_refused(self, tmp_path: Path, change: dict[str, Any]) -> None:
        path = tmp_path / "one.json"
        path.write_text(json.dumps(self.GOOD))
        assert Metadata.from_file(path).about == "sqs.queues"
        path.write_text(json.dumps(self.GOOD | change))
        with pytest.raises(InvalidInput):
            Metadata.from_file(path)

    def test_one_that_lacks_a_member_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "one.json"
        for name in ("title", "about", "section", "risk", "remedy"):
            path.write_text(json.dumps({key: value for key, value in self.GOOD.items() if key != name}))
            with pytest.raises((InvalidInput, KeyError)):
                Metadata.from_file(path)
