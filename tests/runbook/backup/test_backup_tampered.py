"""Whatever is changed in a finished backup is found when it is read back, and before a restore uses it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from migration_ops.core.errors import MigrationError
from migration_ops.runbook.backup.export import look_at_export, seal_export, start_export
from migration_ops.runbook.backup.manifest import BackupNotWhole, Manifest, NoBackup, manifest_key
from migration_ops.runbook.backup.restore import create_target, load
from migration_ops.runbook.backup.store import document_bytes
from migration_ops.runbook.backup.verify import latest_verified, mark_verified, verify_backup
from tests.runbook.backup.lab import Lab, odd_items


def edited(body: bytes) -> bytes:
    return gzip.compress(gzip.decompress(body).replace(b'"BOOL":true', b'"BOOL":false'))


def one_line_less(body: bytes) -> bytes:
    return gzip.compress(b"".join(gzip.decompress(body).splitlines(keepends=True)[1:]))


def one_line_twice(body: bytes) -> bytes:
    lines = gzip.decompress(body).splitlines(keepends=True)
    return gzip.compress(b"".join([*lines, lines[0]]))


def no_item(body: bytes) -> bytes:
    return gzip.compress(gzip.decompress(body) + b"not JSON\n")


CHANGES: list[Callable[[bytes], bytes]] = [
    edited,
    one_line_less,
    one_line_twice,
    no_item,
    lambda body: body[:-20],
    lambda body: body + b"\x00",
    lambda body: body[:50] + bytes([body[50] ^ 1]) + body[51:],
    lambda _: b"",
    lambda _: b"plain text",
    lambda body: body + gzip.compress(gzip.decompress(body)),
]
NAMES = ["edited", "less", "twice", "no item", "cut", "longer", "a bit", "empty", "no gzip", "doubled"]


@pytest.fixture
def made(lab: Lab) -> tuple[str, Manifest]:
    lab.put(list(odd_items(200)))
    base, manifest = lab.back_up(segments=3)
    mark_verified(lab.store, base, verify_backup(lab.store, base), datetime.now(UTC))
    return base, manifest


@pytest.mark.parametrize("change", CHANGES, ids=NAMES)
def test_a_changed_part_is_found(lab: Lab, made: tuple[str, Manifest], change: Callable[[bytes], bytes]) -> None:
    base, manifest = made
    part = manifest.parts[1]
    lab.store.put(part.key, change(lab.store.get(part.key)), "application/gzip")
    problems = verify_backup(lab.store, base).problems
    assert any(one.startswith(part.key) for one in problems)
    create_target(lab.dynamodb, "restored", manifest, lab.table, "run-r")
    with pytest.raises(BackupNotWhole):
        load(lab.dynamodb, lab.store, manifest, "restored")


def test_the_same_lines_compressed_anew_are_not_the_same_object(lab: Lab, made: tuple[str, Manifest]) -> None:
    part = made[1].parts[0]
    lab.store.put(part.key, gzip.compress(gzip.decompress(lab.store.get(part.key))), "application/gzip")
    assert verify_backup(lab.store, made[0]).problems[0].startswith(f"{part.key}: bytes is")


def test_a_missing_part_is_found(lab: Lab, made: tuple[str, Manifest]) -> None:
    base, manifest = made
    lab.s3.delete_object(Bucket=lab.bucket, Key=manifest.parts[2].key)
    problems = verify_backup(lab.store, base).problems
    assert problems[0] == f"{manifest.parts[2].key}: the part is missing"
    with pytest.raises(BackupNotWhole):
        load(lab.dynamodb, lab.store, manifest, "restored")


def test_swapped_parts_are_found(lab: Lab, made: tuple[str, Manifest]) -> None:
    one, other = made[1].parts[:2]
    bodies = lab.store.get(one.key), lab.store.get(other.key)
    lab.store.put(one.key, bodies[1], "application/gzip")
    lab.store.put(other.key, bodies[0], "application/gzip")
    assert verify_backup(lab.store, made[0]).problems


@pytest.mark.parametrize("name", ["items", "digest", "table", "consistentAt", "parts", "createTable", "writtenDuring"])
def test_an_edited_manifest_is_found(lab: Lab, made: tuple[str, Manifest], name: str) -> None:
    base, manifest = made
    document = manifest.as_document()
    document[name] = {"items": 1, "parts": []}.get(name, "changed")
    lab.store.put_document(manifest_key(base), document)
    with pytest.raises(BackupNotWhole, match="edited"):
        verify_backup(lab.store, base)
    with pytest.raises(NoBackup):
        latest_verified(lab.store, lab.table)


def test_a_manifest_edited_with_care_is_not_the_one_that_was_verified(lab: Lab, made: tuple[str, Manifest]) -> None:
    """Its own digest can be made to fit; what was verified was another, and the parts say otherwise."""
    base, manifest = made
    shorter = Manifest(**{**vars(manifest), "parts": manifest.parts[1:]})
    lab.store.put_document(manifest_key(base), shorter.as_document())
    assert verify_backup(lab.store, base).problems
    with pytest.raises(NoBackup):
        latest_verified(lab.store, lab.table)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"\xff", document_bytes({"format": "other/1"})])
def test_what_is_no_manifest_is_no_backup(lab: Lab, made: tuple[str, Manifest], body: bytes) -> None:
    lab.store.put(manifest_key(made[0]), body, "application/json")
    with pytest.raises(BackupNotWhole):
        verify_backup(lab.store, made[0])


def test_a_manifest_that_names_objects_elsewhere_is_found(lab: Lab, made: tuple[str, Manifest]) -> None:
    base, manifest = made
    part = manifest.parts[0]
    lab.s3.copy_object(Bucket=lab.bucket, Key="elsewhere", CopySource={"Bucket": lab.bucket, "Key": part.key})
    moved = type(part)("elsewhere", part.items, part.bytes, part.sha256)
    other = Manifest(**{**vars(manifest), "parts": (moved, *manifest.parts[1:])})
    lab.store.put_document(manifest_key(base), other.as_document())
    assert verify_backup(lab.store, base).problems == (f"elsewhere: is not below {base}",)


def test_s3_in_trouble_is_not_a_fault_of_the_backup(lab: Lab, made: tuple[str, Manifest]) -> None:
    lab.box.client.add_fault("accessDenied", service="s3", operation="GetObject")
    with pytest.raises(MigrationError) as caught:
        verify_backup(lab.store, made[0])
    assert not isinstance(caught.value, BackupNotWhole)
    with pytest.raises(MigrationError) as caught:
        latest_verified(lab.store, lab.table)
    assert not isinstance(caught.value, NoBackup)


def _file(lab: Lab, ending: str) -> str:
    return next(one.key for one in lab.store.objects("backups/") if one.key.endswith(ending))


@pytest.mark.parametrize("ending", [".json.gz", "manifest-files.json", "manifest-summary.json", "manifest-files.md5"])
def test_a_changed_export_is_not_sealed(lab: Lab, ending: str) -> None:
    lab.put(list(odd_items(50)))
    base = lab.base("run-e")
    found: Any = None
    arn = start_export(lab.dynamodb, lab.store, lab.described, base)
    while found is None:
        found = look_at_export(lab.dynamodb, arn)
    key = _file(lab, ending)
    body = lab.store.get(key)
    if ending.endswith("gz"):
        body = one_line_less(body)
    elif ending.endswith("summary.json"):
        body = json.dumps(json.loads(body) | {"itemCount": 49}).encode()
    else:
        body = body[:-4] + b"AAAA"
    lab.store.put(key, body, "application/json")
    with pytest.raises(BackupNotWhole):
        seal_export(lab.store, lab.described, base, "run-e", found, lambda: datetime.now(UTC))
    assert not [one for one in lab.store.objects("backups/") if one.key.endswith("/manifest.json")]
