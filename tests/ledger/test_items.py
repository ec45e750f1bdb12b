"""Records survive the way into DynamoDB's values and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration_ops.core.documents import canonical, iso
from migration_ops.core.errors import InvalidInputError
from migration_ops.core.states import Phase
from migration_ops.ledger.chain import digest_of, entry_item, entry_of, next_entry
from migration_ops.ledger.items import (
    ERROR_MESSAGE_CHARACTERS,
    KEY,
    document_of,
    from_value,
    record_of,
    same_format,
    to_item,
    to_value,
)
from migration_ops.ledger.protocol import Intent, Record
from tests.ledger.builders import a_record

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
words = texts.filter(bool)
# DynamoDB numbers: 38 digits, 1e-130 to 1e126. Beyond 2**53 a whole float comes back as int.
numbers = st.integers(-(10**37), 10**37) | st.floats(-(2.0**53), 2.0**53).filter(lambda n: n == 0 or abs(n) > 1e-100)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
intents = st.builds(
    Intent,
    action=words,
    intent_id=words,
    attempt=st.integers(1, 99),
    written_at=words,
    job_id=st.none() | words,
    outcome=st.none() | words,
)
records = st.builds(
    Record,
    migration_id=words,
    wave=texts,
    app_name=texts,
    source_server_id=texts,
    phase=st.sampled_from(Phase),
    version=st.integers(0, 10**9),
    correlation_id=st.none() | words,
    dag_run_id=st.none() | words,
    job_id=st.none() | words,
    instance_id=st.none() | words,
    replication_lag_seconds=st.none() | st.floats(0, 1e9).filter(lambda n: n == 0 or n > 1e-100),
    intents=st.dictionaries(texts, intents, max_size=3),
    facts=st.dictionaries(texts, values, max_size=4),
    error_code=st.none() | words,
    error_message=st.none() | words,
    created_at=st.none() | words,
    updated_at=st.none() | words,
    history_sequence=st.integers(0, 10**6),
    history_digest=texts,
)


@given(records)
def test_round_trip(record: Record) -> None:
    assert record_of(to_item(document_of(record)) | {KEY: {"S": record.migration_id}}) == record


@given(words, words, st.dictionaries(texts, values, max_size=4))
def test_a_line_keeps_its_digest(at: str, event: str, detail: dict[str, Any]) -> None:
    entry = next_entry(a_record(), at, "PLANNED", event, detail)
    back = entry_of(entry_item(entry))
    assert back == entry
    assert digest_of(back) == back.digest


def test_lag_zero_is_not_absent() -> None:
    assert to_item(document_of(a_record(replication_lag_seconds=0.0)))["replicationLag"] == {"N": "0.0"}
    assert "replicationLag" not in to_item(document_of(a_record()))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, 10**60, {1: 2}, {"a": object()}, {"a", "b"}])
def test_what_dynamodb_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError):
        to_value(value)


@pytest.mark.parametrize("detail", [{"a": object()}, {"a": float("nan")}])
def test_what_is_not_json_is_refused(detail: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        canonical(detail)


def test_enums_are_written_as_text_and_tuples_as_lists() -> None:
    assert from_value(to_value({"a": (Phase.READY, 1)})) == {"a": ["READY", 1]}


def test_a_long_message_is_cut_visibly() -> None:
    long = to_item(document_of(a_record(error_message="x" * 9_999)))["errorMessage"]["S"]
    assert long.startswith("x" * ERROR_MESSAGE_CHARACTERS)
    assert long.endswith("[truncated: 9999 characters]")


@pytest.mark.parametrize("spoilt", ["phase", "version", KEY])
def test_a_foreign_item_is_refused(spoilt: str) -> None:
    item = to_item(document_of(a_record())) | {KEY: {"S": "mig-a"}}
    with pytest.raises(InvalidInputError):
        record_of({name: value for name, value in item.items() if name != spoilt})


def test_times_have_one_format() -> None:
    assert same_format("2030-01-01T02:00:00+02:00") == same_format("2030-01-01T00:00:00Z") == "2030-01-01T00:00:00.000Z"
    with pytest.raises(InvalidInputError):
        iso(datetime(2030, 1, 1))  # noqa: DTZ001
    with pytest.raises(InvalidInputError):
        same_format("yesterday")
