"""What every check and reader keeps to, whoever wrote it and in which chapter it is."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import migration_ops
from migration_ops.core.errors import InvalidInputError, UnknownError
from migration_ops.core.facts import Snapshot, failed
from migration_ops.core.finding import FindingStatus
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.check import REGISTRY, Check, check
from tests.runbook.estates import chapters

PACKAGE = Path(migration_ops.__file__).parent


def module_of(function: Any) -> Path:
    return Path(inspect.getfile(function))


CHAPTERS = chapters()
CHECKS = [Check(name, check_id) for name, chapter in CHAPTERS.items() for check_id in chapter.check_ids]
# Where the lists are read that checks are about.
READERS = sorted({module_of(one.read) for check in CHECKS for one in (check.metadata.listing, *check.metadata.also)})
MAX_LINES = 60
NOT_FOR_CHECKS = {"airflow", "boto3", "botocore", "requests"}


def path_of(check: Check) -> Path:
    return module_of(check.judge)


def imported(path: Path) -> set[str]:
    """The whole names of what a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("chapter", CHAPTERS.values(), ids=CHAPTERS)
class TestChapter:
    def test_it_has_checks_each_once(self, chapter: Any) -> None:
        assert chapter.checks
        assert len(set(chapter.check_ids)) == len(chapter.check_ids)

    def test_it_reads_what_its_checks_need_once_and_nothing_else(self, chapter: Any) -> None:
        assert len(set(chapter.readers)) == len(chapter.readers)
        assert set(chapter.readers) == {name for check in chapter.checks for name in check.metadata.reads}


def test_every_check_is_in_a_chapter() -> None:
    assert {one.check_id for one in CHECKS} == set(REGISTRY)


def test_a_read_is_named_by_one_listing_only() -> None:
    """A name means one function: tasks, snapshots and messages know a read by its name alone."""
    named: dict[str, set[Any]] = {}
    for one in CHECKS:
        for listing in (one.metadata.listing, *one.metadata.also):
            named.setdefault(listing.reader, set()).add(listing.read)
    assert {name: reads for name, reads in named.items() if len(reads) > 1} == {}


def test_a_second_check_of_one_id_is_refused() -> None:
    one = CHECKS[0]
    meta = one.metadata
    again = check(meta.chapter, about=meta.listing, title="A", section="B", risk="C.", remedy="D.")
    with pytest.raises(InvalidInputError):
        again(one.judge)


def test_a_check_of_another_chapter_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        _ = Check("no such chapter", CHECKS[0].check_id).metadata


def test_an_id_means_one_check() -> None:
    """Reports of several chapters, planted problems and the runbook's table name a check by its id alone."""
    assert [check_id for check_id, number in Counter(one.check_id for one in CHECKS).items() if number > 1] == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: f"{one.chapter}.{one.check_id}")
class TestCheck:
    def test_it_is_short_and_says_what_it_judges(self, check: Check) -> None:
        assert len(inspect.getsource(check.judge).splitlines()) <= MAX_LINES
        assert check.judge.__doc__

    def test_it_only_judges(self, check: Check) -> None:
        names = {name.split(".")[0] for name in imported(path_of(check))}
        assert not names & NOT_FOR_CHECKS

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
        findings = check.run(Snapshot(_with(check.metadata.about, [])), Thresholds())
        wanted = FindingStatus.OK if check.metadata.empty == "ok" else FindingStatus.UNKNOWN
        assert [one.verdict for one in findings] == [wanted]

    @pytest.mark.parametrize("broken", [failed("x:y", UnknownError("refused")), None])
    def test_of_what_was_not_read_it_knows_nothing(self, check: Check, broken: Any) -> None:
        findings = check.run(Snapshot(_with(check.metadata.about, broken)), Thresholds())
        assert [(one.verdict, one.resource) for one in findings] == [(FindingStatus.UNKNOWN, "*")]

    def test_of_a_reader_that_failed_it_knows_nothing(self, check: Check) -> None:
        estate = {name: failed(f"reader {name}", UnknownError("refused")) for name in check.metadata.reads}
        findings = check.run(Snapshot(estate), Thresholds())
        assert [one.verdict for one in findings] == [FindingStatus.UNKNOWN]

    def test_of_a_thing_without_any_member_it_never_says_ok(self, check: Check) -> None:
        """Absent is not zero: a document of which nothing is known cannot be well."""
        findings = check.run(Snapshot(_with(check.metadata.about, [{"name": "bare"}])), Thresholds())
        assert FindingStatus.OK not in {one.verdict for one in findings}


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
        module = importlib.import_module(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))
        assert module.__doc__
        assert module.read.__doc__

    def test_it_waits_for_nothing(self, path: Path) -> None:
        assert "time.sleep" not in path.read_text(encoding="utf-8")
