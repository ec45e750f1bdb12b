"""The level of a line: by the function, by the query on the sandbox's evaluator, and by the pattern of the reader."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from include.sandbox.insights.evaluator import run
from include.sandbox.insights.events import events_of
from include.sandbox.insights.language import parse
from include.sandbox.insights.service import MAX_QUERY_CHARACTERS
from include.sandbox.moto.log_filters import TermsFilter
from migration_ops.aws.inventory.logs import PATTERN
from migration_ops.core import log_levels
from migration_ops.core.log_levels import is_error, level_of
from migration_ops.runbook.insights.query import read_query
from tests.core.log_samples import ERRORS, OTHERS

SAMPLES = [*((one, True) for one in ERRORS), *((one, False) for one in OTHERS)]
QUERY = read_query("recent_errors")
# As AWS documents it for filter patterns.
MAX_PATTERN_CHARACTERS = 1_024


def errors_by_query(text: str) -> int:
    stored = [SimpleNamespace(timestamp=1_764_099_000_000, event_id=1, message=text)]
    stream = SimpleNamespace(log_stream_name="s", events=stored)
    group = SimpleNamespace(name="/aws/lambda/f", streams={"s": stream})
    rows = run(parse(QUERY.filled({})), events_of([group], "1", 1_764_098_000, 1_764_100_000)).rows
    return sum(int(row["errors"]) for row in rows)


def test_there_are_enough_samples() -> None:
    assert len(SAMPLES) >= 40


@pytest.mark.parametrize(("text", "expected"), SAMPLES)
class TestSamples:
    def test_the_function_knows(self, text: str, expected: bool) -> None:
        assert is_error(text) is expected

    def test_the_query_agrees(self, text: str, expected: bool) -> None:
        assert errors_by_query(text) == (1 if is_error(text) else 0)

    def test_the_readers_pattern_leaves_no_error_out(self, text: str, expected: bool) -> None:
        assert TermsFilter(PATTERN).matches(text) or not is_error(text)


def test_aws_takes_query_and_pattern() -> None:
    assert len(QUERY.text) <= MAX_QUERY_CHARACTERS
    assert len(PATTERN) <= MAX_PATTERN_CHARACTERS
    assert "(?=" not in QUERY.text
    assert "(?!" not in QUERY.text
    assert "(?<" not in QUERY.text


@pytest.mark.parametrize(
    "name",
    [
        *("IS_JSON", "ERROR_VALUE", "ERROR_HEAD", "OTHER_HEAD", "SMALL_HEAD", "IN_PAIRS", "UNSTATED"),
        *("CUT_ERROR", "CUT_OTHER", "CUT_INSIDE"),
    ],
)
def test_the_querys_patterns_are_those_of_the_function(name: str) -> None:
    assert f"/{getattr(log_levels, name)}/" in QUERY.text


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("[WARNING] x", "WARNING"),
        ("DEBUG x", "DEBUG"),
        ('{"level": "warn"}', "WARNING"),
        ('{"level": "info"}', "INFO"),
        ("INFO x", "INFO"),
        ("CRITICAL x", "ERROR"),
        ("x", None),
        ('{"level": "', None),
        ('{"level":"warn","message":"cut he', "WARNING"),
        ('{"level":30,"message":"cut he', "INFO"),
        ("{req-42} DEBUG x", "DEBUG"),
        ('{"a":1,' * 50_000, None),
        ('{"a":"' + "\\" * 300_000, None),
        ("[" * 300_000, None),
        ("a - " * 70_000, None),
        ('{"a":' * 50_000, None),
    ],
)
def test_levels(text: str, level: str | None) -> None:
    assert level_of(text) == level
