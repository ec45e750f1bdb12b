"""Text of a conf made to fit a tag's value: what every service takes, and two names stay two."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration_ops.core.field_text import TAG_VALUE_CHARACTERS, distinct_tag_value


@pytest.mark.parametrize(
    "text",
    [
        "wave-3",
        "billing db",
        "Köln",
        "東京",
        "a+b=c._:/@-",
        "manual__2026-01-01T00:00:00+00:00",
        "x" * 256,
        "aw:s",
        "1",
    ],
)
def test_what_fits_stays_as_it_is(text: str) -> None:
    assert distinct_tag_value(text) == text


@pytest.mark.parametrize(
    ("text", "still_said"),
    [
        ("Wave [3] 50%", "Wave -3- 50-"),
        ("Finance (EU) & R&D, phase #2", "Finance -EU- - R-D- phase -2"),
        ("aws:mine", "aws-mine"),
        ("AWS:mine", "aws-mine"),
        ("a\u0308bc", "äbc"),
        ("x" * 257, "x" * 247),
        ("🚀", "-"),
    ],
)
def test_what_does_not_fit_still_says_what_it_is(text: str, still_said: str) -> None:
    assert re.fullmatch(re.escape(still_said) + "-[0-9a-f]{8}", distinct_tag_value(text))


def test_names_that_differ_in_what_was_changed_stay_two() -> None:
    names = ["a(b", "a)b", "a-b", "a[b", "x" * 300, "x" * 301, "aws:a", "Aws:a", "aws-a"]
    assert len({distinct_tag_value(name) for name in names}) == len(names)


@given(st.text(min_size=1, max_size=400))
def test_every_value_fits_and_fits_again(text: str) -> None:
    value = distinct_tag_value(text)
    assert 0 < len(value) <= TAG_VALUE_CHARACTERS
    assert all(one.isalnum() or one in "+-=._:/@ " for one in value)
    assert not value.lower().startswith("aws:")
    assert distinct_tag_value(value) == value
