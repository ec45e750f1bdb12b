"""Archive copies: which are believed, which are broken, and which are not known."""

from __future__ import annotations

from typing import Any

import pytest

from migration_ops.aws.evidence_store import EvidenceMismatchError
from migration_ops.core.errors import MigrationError, RefusedError, ThrottledError
from migration_ops.ledger.archived_copies import is_absent, read_copies
from migration_ops.ledger.items import history_key
from tests.ledger.archived import NAME, Archived


@pytest.fixture
def archived() -> Archived:
    return Archived()


def lines(*numbers: int) -> list[str]:
    return [history_key(NAME, one) for one in numbers]


def test_copies_are_read_back_to_the_first_line(archived: Archived) -> None:
    found = archived.read()
    assert list(found.lines) == lines(1, 2, 3, 4)
    assert found.lines[history_key(NAME, 2)] == archived.memory.items[history_key(NAME, 2)]
    assert found.judgement.problems == []
    assert archived.store.asked == ["archive/4", "archive/2"]


def test_a_copy_with_the_first_line_is_the_last_that_is_read(archived: Archived) -> None:
    first = archived.store.documents["archive/2"]["history"]
    archived.store.documents["archive/4"]["history"] = [*first, *archived.store.documents["archive/4"]["history"]]
    assert list(archived.read().lines) == lines(1, 2, 3, 4)
    assert archived.store.asked == ["archive/4"]


@pytest.mark.parametrize("before", [4, 5])
def test_copies_that_name_each_other_end(archived: Archived, before: int) -> None:
    """A copy whose record names itself, or a later one, would be read for ever."""
    archived.edit(archivedSequence=before, archiveKey="archive/4")
    found = archived.read()
    assert (archived.store.asked, list(found.lines)) == (["archive/4"], lines(3, 4))


def test_a_record_that_is_not_archived_has_no_copy(archived: Archived) -> None:
    for sequence in (0, -1):
        assert archived.read(archivedSequence=sequence).lines == {}
    assert archived.store.asked == []


@pytest.mark.parametrize("key", ["", "waves/4", "archives/4"])
def test_a_record_that_names_no_copy_is_broken(archived: Archived, key: str) -> None:
    [found] = archived.read(archiveKey=key).judgement.broken
    assert "names no copy" in found
    assert archived.store.asked == []


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"migrationId": "mig-web002"}, "archive/4 is the copy of another migration"),
        ({"historySequence": 3}, "archive/4 ends elsewhere than at line 4"),
        ({"historyDigest": "0" * 64}, "archive/4 ends with another line than the record says"),
        ({"instanceId": "i-2"}, "the record in archive/4 was edited"),
    ],
)
def test_a_copy_that_contradicts_is_broken_and_not_used(
    archived: Archived, attributes: dict[str, Any], words: str
) -> None:
    archived.edit(**attributes)
    found = archived.read()
    assert f"{NAME}: {words}" in found.judgement.broken
    assert found.lines == {}


def test_an_edited_record_is_the_only_finding(archived: Archived) -> None:
    archived.edit(instanceId="i-2")
    assert archived.read().judgement.broken == (f"{NAME}: the record in archive/4 was edited",)


def test_a_copy_without_its_last_line_or_its_digest_is_compared_with_nothing(archived: Archived) -> None:
    archived.edit(instanceId="i-2")
    last = archived.store.documents["archive/4"]["history"].pop()
    assert archived.read().judgement.broken == ()
    archived.store.documents["archive/4"]["history"].append({**last, "recordDigest": ""})
    assert archived.read().judgement.broken == ()


ABSENT = [RefusedError("no", awsCode=code) for code in ("NoSuchKey", "NoSuchBucket", "404", "NotFound")]


@pytest.mark.parametrize("error", ABSENT, ids=lambda one: one.context["awsCode"])
def test_a_copy_that_is_not_there_is_broken(archived: Archived, error: MigrationError) -> None:
    archived.store.documents["archive/4"] = error
    assert is_absent(error)
    [found] = archived.read().judgement.broken
    assert "there is no archive/4" in found


@pytest.mark.parametrize("error", [RefusedError("no", awsCode="AccessDenied"), RefusedError("no"), ThrottledError("x")])
def test_a_copy_that_could_not_be_read_is_not_known(archived: Archived, error: MigrationError) -> None:
    archived.store.documents["archive/4"] = error
    assert not is_absent(error)
    judgement = archived.read().judgement
    assert judgement.broken == ()
    assert "could not be read" in judgement.unknown[0]


def test_without_a_store_copies_are_not_known(archived: Archived) -> None:
    judgement = read_copies(NAME, archived.item, None).judgement
    assert (judgement.broken, len(judgement.unknown)) == ((), 1)


def test_a_copy_that_was_changed_is_broken(archived: Archived) -> None:
    archived.store.documents["archive/4"] = EvidenceMismatchError("other digest")
    assert "the copy was changed" in archived.read().judgement.broken[0]


@pytest.mark.parametrize("text", ["{", "[]", "1", '{"record": {}}', '{"record": {}, "history": [{}]}'])
def test_what_is_no_copy_is_broken(archived: Archived, text: str) -> None:
    archived.store.documents["archive/4"] = text
    assert "is no archive copy" in archived.read().judgement.broken[0]


def test_what_was_read_before_an_unreadable_copy_is_kept(archived: Archived) -> None:
    archived.store.documents["archive/2"] = ThrottledError("slow")
    found = archived.read()
    assert list(found.lines) == lines(3, 4)
    assert len(found.judgement.unknown) == 1
