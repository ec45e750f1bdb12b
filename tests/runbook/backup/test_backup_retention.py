"""Old backups go; the last verified one, unfinished young ones and what nobody can place stay."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from migration_ops.core.errors import StepFailed
from migration_ops.runbook.backup.keys import Found, found_in
from migration_ops.runbook.backup.retention import expire, sort_out
from migration_ops.runbook.backup.store import Stored
from migration_ops.runbook.backup.verify import mark_verified, verify_backup
from tests.runbook.backup.lab import Lab, days_ago, odd_items

TODAY = date(2026, 7, 1)


def backup(day: date, run: str = "r", *, finished: bool = True, verified: bool = True) -> Found:
    base = f"backups/t/{day:%Y/%m/%d}/{run}"
    marks = [name for name, is_there in (("manifest.json", finished), ("verified.json", verified)) if is_there]
    names = ["part-000-00000.jsonl.gz", *marks]
    return Found(base, day, [f"{base}/{name}" for name in names])


OLD, YOUNG = date(2026, 1, 1), date(2026, 6, 30)


def test_only_old_finished_ones_expire() -> None:
    old, young = backup(OLD), backup(YOUNG)
    done = sort_out([old, young], [], young.base, TODAY, 30)
    assert (done.expired, done.kept) == ((old,), (young,))


def test_the_last_verified_one_never_expires() -> None:
    old, older = backup(OLD, "b"), backup(date(2025, 1, 1), "a")
    done = sort_out([older, old], [], old.base, TODAY, 30)
    assert (done.expired, done.kept) == ((older,), (old,))


def test_nothing_expires_when_none_was_verified() -> None:
    old = backup(OLD, verified=False)
    assert sort_out([old], [], None, TODAY, 30).expired == ()


def test_unfinished_ones_are_told_apart() -> None:
    old, young = backup(OLD, finished=False, verified=False), backup(YOUNG, finished=False, verified=False)
    done = sort_out([old, young], [], None, TODAY, 30)
    assert (done.incomplete, done.left, done.kept, done.expired) == ((old,), (young,), (), ())


@pytest.mark.parametrize("days", [29, 30, 31])
def test_the_limit_is_in_days(days: int) -> None:
    day = date.fromordinal(TODAY.toordinal() - days)
    assert bool(sort_out([backup(day)], [], "another", TODAY, 30).expired) is (days > 30)


@pytest.mark.parametrize(
    "key",
    ["backups/t/2026/13/01/r/manifest.json", "backups/t/manifest.json", "backups/t/2026/1/1/r/x", "backups/t/readme"],
)
def test_a_key_without_a_date_is_nobodys(key: str) -> None:
    found, strange = found_in([Stored(key, 1)])
    assert (found, strange) == ([], [key])


def test_what_makes_it_a_backup_goes_first() -> None:
    names = [one.rsplit("/", 1)[-1] for one in backup(OLD).keys_to_delete]
    assert names[:2] == ["verified.json", "manifest.json"]


def _verified(lab: Lab, run_id: str, days: int) -> str:
    base, _ = lab.back_up(run_id, days_ago(days))
    mark_verified(lab.store, base, verify_backup(lab.store, base), datetime.now(UTC))
    return base


def _bases(lab: Lab) -> set[str]:
    return {one.base for one in found_in(lab.store.objects("backups/"))[0]}


def test_in_the_bucket(lab: Lab) -> None:
    lab.put(list(odd_items(20)))
    _verified(lab, "old", 400)
    young = _verified(lab, "young", 3)
    lab.back_up("newest-but-unread", days_ago(1))
    lab.s3.put_object(Bucket=lab.bucket, Key=f"{lab.base('killed', days_ago(500))}/part-000-00000.jsonl.gz", Body=b"")
    lab.s3.put_object(Bucket=lab.bucket, Key=f"backups/{lab.table}/notes.txt", Body=b"")
    done = expire(lab.store, lab.table, datetime.now(UTC).date(), 365)
    assert [one.base.rsplit("/", 1)[-1] for one in done.expired] == ["old"]
    assert [one.base.rsplit("/", 1)[-1] for one in done.incomplete] == ["killed"]
    assert done.strange == (f"backups/{lab.table}/notes.txt",)
    assert _bases(lab) == {young, lab.base("newest-but-unread", days_ago(1))}
    assert len(list(lab.store.objects(f"backups/{lab.table}/notes.txt"))) == 1


def test_the_only_verified_one_stays_when_it_is_old(lab: Lab) -> None:
    old = _verified(lab, "old", 900)
    lab.back_up("unread", days_ago(800))
    expire(lab.store, lab.table, datetime.now(UTC).date(), 365)
    assert _bases(lab) == {old}


def test_a_marked_one_whose_manifest_was_changed_protects_nothing_and_counts_for_nothing(lab: Lab) -> None:
    lab.put(list(odd_items(5)))
    good, edited = _verified(lab, "good", 800), _verified(lab, "edited", 700)
    document = lab.back_up("edited", days_ago(700))[1].as_document() | {"items": 4}
    lab.store.put_document(f"{edited}/manifest.json", document)
    expire(lab.store, lab.table, datetime.now(UTC).date(), 365)
    assert good in _bases(lab)


def test_a_refused_deletion_is_seen(lab: Lab) -> None:
    _verified(lab, "old", 900)
    _verified(lab, "young", 1)

    class Refusing:
        meta = lab.s3.meta

        def __getattr__(self, name: str) -> object:
            return getattr(lab.s3, name)

        def delete_objects(self, **_: object) -> dict[str, object]:
            return {"Errors": [{"Key": "k", "Code": "AccessDenied"}]}

    store = type(lab.store)(Refusing(), lab.bucket)
    with pytest.raises(StepFailed, match="AccessDenied"):
        expire(store, lab.table, datetime.now(UTC).date(), 365)
