"""Details that are too large for their line: read only where a line says so, and compared with its digest."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from migration_ops.aws.evidence_store import EvidenceMismatchError
from migration_ops.core.errors import RefusedError, ThrottledError
from migration_ops.ledger.chain import next_entry
from migration_ops.ledger.judgement import Judgement
from migration_ops.ledger.line_evidence import of_evidence
from tests.ledger.builders import a_record

BODY = b"a large detail"
PUT_AWAY = {"bytes": len(BODY), "sha256": hashlib.sha256(BODY).hexdigest(), "evidenceKey": "ledger/1"}


class Evidence:
    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, []

    def get(self, key: str) -> Any:
        self.asked.append(key)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def judged(answer: Any, detail: dict[str, Any] = PUT_AWAY) -> tuple[Judgement, Evidence]:
    entry = next_entry(a_record(), "2030-01-01T00:00:00.000Z", "PLANNED", "x", detail)
    store: Any = Evidence(answer)
    return of_evidence([entry], store), store


def test_a_large_detail_is_what_its_line_says() -> None:
    found, store = judged(BODY)
    assert (found, store.asked) == (Judgement(), ["ledger/1"])
    assert "not what the line says" in judged(b"another")[0].broken[0]


@pytest.mark.parametrize("left_out", ["", "bytes", "sha256", "evidenceKey"])
def test_only_such_a_detail_is_read(left_out: str) -> None:
    detail = {"lag": 1} | {key: value for key, value in PUT_AWAY.items() if key != left_out and left_out}
    found, store = judged(BODY, detail)
    assert (found, store.asked) == (Judgement(), [])
    fewer = {key: value for key, value in PUT_AWAY.items() if key != left_out}
    assert judged(BODY, fewer)[1].asked == ([] if left_out else ["ledger/1"])


@pytest.mark.parametrize(
    ("answer", "is_broken", "words"),
    [
        (EvidenceMismatchError("other"), True, "which was changed"),
        (RefusedError("no", awsCode="NoSuchKey"), True, "which is not there"),
        (RefusedError("no", awsCode="AccessDenied"), False, "could not be read"),
        (ThrottledError("slow"), False, "could not be read"),
    ],
)
def test_a_detail_that_cannot_be_read(answer: Exception, is_broken: bool, words: str) -> None:
    found, _ = judged(answer)
    assert (len(found.broken), len(found.unknown)) == ((1, 0) if is_broken else (0, 1))
    assert words in found.problems[0]


def test_without_a_bucket_a_detail_is_not_known() -> None:
    entry = next_entry(a_record(), "2030-01-01T00:00:00.000Z", "PLANNED", "x", PUT_AWAY)
    assert "no bucket is named" in of_evidence([entry], None).unknown[0]
