"""What is a secret and what is none, by name and by shape; and that finding and hiding never differ."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migration_ops.core import secrets
from migration_ops.core.redaction import redacted, redacted_text
from migration_ops.core.secrets import HIDDEN
from tests.core import secret_samples as samples
from tests.core import secret_samples_odd as odd

NAMED_SECRETS = samples.NAMED_SECRETS + odd.NAMED_SECRETS
NAMED_HARMLESS = samples.NAMED_HARMLESS + odd.NAMED_HARMLESS
TEXT_SECRETS = samples.TEXT_SECRETS + odd.TEXT_SECRETS
TEXT_HARMLESS = samples.TEXT_HARMLESS + odd.TEXT_HARMLESS

ROOT = Path(__file__).resolve().parents[2]
ALL_TEXTS = [
    *(text for text, _ in TEXT_SECRETS),
    *TEXT_HARMLESS,
    *(form for one in (*NAMED_SECRETS, *NAMED_HARMLESS) for form in samples.in_forms(*one)),
]


def test_the_tables_are_large_enough_to_mean_something() -> None:
    assert len(NAMED_SECRETS) + len(TEXT_SECRETS) >= 60
    assert len(NAMED_HARMLESS) + len(TEXT_HARMLESS) >= 40


@pytest.mark.parametrize(("name", "value"), NAMED_SECRETS)
class TestNamed:
    def test_it_is_found_and_hidden_as_a_variable(self, name: str, value: str) -> None:
        assert secrets.kind_of(name, value)
        assert redacted({name: value}) == {name: HIDDEN}

    def test_it_is_found_and_hidden_in_text(self, name: str, value: str) -> None:
        for text in samples.in_forms(name, value):
            swept = secrets.sweep_text(text)
            assert swept.kinds, text
            assert len(value) < 3 or value not in swept.clean, swept.clean


@pytest.mark.parametrize(("name", "value"), NAMED_HARMLESS)
class TestHarmless:
    def test_as_a_variable(self, name: str, value: str) -> None:
        assert secrets.kind_of(name, value) is None
        assert redacted({name: value}) == {name: value}

    def test_in_text(self, name: str, value: str) -> None:
        for text in samples.in_forms(name, value):
            assert secrets.sweep_text(text) == secrets.Swept(text)


@pytest.mark.parametrize(("text", "secret"), TEXT_SECRETS)
def test_secrets_in_text(text: str, secret: str) -> None:
    assert secret in text
    assert secrets.kinds_in(text)
    assert secret not in redacted_text(text)
    assert HIDDEN in redacted_text(text)


@pytest.mark.parametrize("text", TEXT_HARMLESS)
def test_harmless_text(text: str) -> None:
    assert secrets.kinds_in(text) == []
    assert redacted_text(text) == text


@pytest.mark.parametrize("text", ALL_TEXTS)
def test_what_is_found_is_hidden_and_nothing_else_is(text: str) -> None:
    assert bool(secrets.kinds_in(text)) == (redacted_text(text) != text)
    assert secrets.kinds_in(secrets.sweep_text(text).clean) == [], "what was hidden once is found no more"


@settings(max_examples=300, deadline=None)
@given(parts=st.lists(st.sampled_from(ALL_TEXTS), min_size=1, max_size=3), joint=st.sampled_from(["\n", " ", "; "]))
def test_whatever_stands_beside_it(parts: list[str], joint: str) -> None:
    text = joint.join(parts)
    swept = secrets.sweep_text(text)
    assert bool(swept.kinds) == (swept.clean != text)


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(ALL_TEXTS)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from([name for name, _ in NAMED_SECRETS] + ["a", "value"]), inner, max_size=3),
        ),
        max_leaves=8,
    )
)
def test_documents_too(document: Any) -> None:
    found = secrets.in_document(document)
    assert bool(found) == (redacted(document) != document)
    assert secrets.in_document(redacted(document)) == []


def test_a_definition_is_searched_by_path() -> None:
    definition = {
        "States": {
            "Call": {
                "Parameters": {"password": "hunter2", "token.$": "$.token", "list": [{"x": samples.KEY_ID}]},
                "Arguments": {"apiKey": "{% $states.input.key %}"},
            }
        }
    }
    assert secrets.in_document(definition) == [
        {"name": "States.Call.Parameters.password", "kind": secrets.IN_CLEAR},
        {"name": "States.Call.Parameters.list[0].x", "kind": "AWS access key"},
    ]


def test_a_name_may_stand_beside_its_value_or_around_it() -> None:
    document = {"env": [{"Name": "DB_PASS", "Value": "hunter2"}], "parameters": {"DbPassword": {"default": "hunter2"}}}
    assert [one["name"] for one in secrets.in_document(document)] == ["env[0].Value", "parameters.DbPassword.default"]


def test_a_finding_never_carries_the_value() -> None:
    found = secrets.in_variables(dict(NAMED_SECRETS))
    assert {one["name"] for one in found} == {name for name, _ in NAMED_SECRETS}
    assert not any(value in json.dumps([one["kind"] for one in found]) for _, value in NAMED_SECRETS if len(value) > 4)


def test_numbers_are_hidden_and_switches_are_not() -> None:
    assert redacted({"a": ({"password": 1, "tokenEnabled": True, "secret": None},)}) == {
        "a": [{"password": HIDDEN, "tokenEnabled": True, "secret": None}]
    }


def test_a_document_too_deep_to_look_at_is_hidden() -> None:
    document: dict[str, Any] = {"password": "hunter2"}
    for _ in range(5_000):
        document = {"a": document}
    assert redacted(document) == HIDDEN


def test_importing_the_engine_loads_no_http_client() -> None:
    code = (
        "import sys; sys.path.insert(0, 'plugins'); import migration_ops.core.redaction; "
        "print([one for one in ('requests', 'boto3', 'airflow', 'detect_secrets') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
