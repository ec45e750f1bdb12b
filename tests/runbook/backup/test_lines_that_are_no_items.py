"""A line that is no item is a refusal that names file and line, after the checksum; the export is then made again."""

from __future__ import annotations

import gzip
import json
import pickle
from base64 import b64encode
from collections.abc import Callable
from hashlib import md5
from typing import Any

import pytest

from migration_ops.core.errors import MigrationError
from migration_ops.runbook.backup.export import look_at_export, seal_export, start_export
from migration_ops.runbook.backup.index_keys import refusing_indexes
from migration_ops.runbook.backup.manifest import BackupNotWholeError, Part
from migration_ops.runbook.backup.restore import create_target, load
from migration_ops.runbook.backup.serialization import for_boto3, item_of
from migration_ops.runbook.backup.verify import verify_backup
from tests.runbook.backup.dag_run import Run
from tests.runbook.backup.lab import Lab, odd_items

# None of them is an item of DynamoDB; the last ones are only found by whoever looks at every value.
NO_ITEMS = [
    b"not JSON",
    b"",
    b"\xff\xfe",
    b"[]",
    b'{"Item":{"a":5}}',
    b'{"Item":{"a":{"SS":["x"],"S":"y"}}}',
    b'{"Item":{"a":{}}}',
    b'{"Item":{"a":{"SS":5}}}',
    b'{"Item":{"a":{"SS":["x",5]}}}',
    b'{"Item":{"a":{"L":{"b":1}}}}',
    b'{"Item":{"a":{"M":[1]}}}',
    b'{"Item":{"a":{"M":{"b":"c"}}}}',
    b'{"Item":{"a":{"N":1}}}',
    b'{"Item":{"a":{"BOOL":"true"}}}',
    b'{"Item":{"a":{"B":"not base64"}}}',
    b'{"Item":{"a":{"X":"unknown"}}}',
    b'{"Item":' + b"[" * 100_000,
]


def digest_of(body: bytes) -> str:
    return b64encode(md5(body, usedforsecurity=False).digest()).decode()


def with_line(body: bytes, line: bytes, at: int = 3) -> bytes:
    """The compressed lines with one more, which becomes line ``at``, from 1."""
    lines = gzip.decompress(body).splitlines(keepends=True)
    return gzip.compress(b"".join([*lines[: at - 1], line + b"\n", *lines[at - 1 :]]))


class Export:
    """A finished export; what is changed fits its checksums, as if DynamoDB had written it."""

    def __init__(self, lab: Lab, base: str = "") -> None:
        self.lab, self.base = lab, base or lab.base("run-e")
        self.found: Any = None
        if not base:
            arn = start_export(lab.dynamodb, lab.store, lab.described, self.base)
            while self.found is None:
                self.found = look_at_export(lab.dynamodb, arn)

    def key(self, ending: str) -> str:
        return next(one.key for one in self.lab.store.objects(self.base) if one.key.endswith(ending))

    def change_file(self, change: Callable[[bytes], bytes], *, count: int, known: bool = True) -> str:
        """:param known: the export's manifest says so. Returns the file's key."""
        key = self.key(".json.gz")
        body = change(self.lab.store.get(key))
        self.lab.store.put(key, body, "application/gzip")
        if known:
            entry = json.loads(self.lab.store.get(self.key("manifest-files.json")))
            self.change_manifest("files", entry | {"md5Checksum": digest_of(body), "itemCount": count})
        return key

    def change_manifest(self, name: str, document: Any) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        for ending, content in ((".json", body), (".md5", digest_of(body).encode())):
            self.lab.store.put(self.key(f"manifest-{name}{ending}"), content, "application/json")

    def seal(self) -> Any:
        return seal_export(self.lab.store, self.lab.described, self.base, "run-e", self.found, lambda: self.lab.clock)


@pytest.mark.parametrize("line", NO_ITEMS, ids=lambda one: one[:40].decode(errors="replace"))
def test_what_is_no_item_is_refused_by_its_line(line: bytes) -> None:
    with pytest.raises(ValueError):
        for_boto3(item_of(line))


@pytest.mark.parametrize("line", NO_ITEMS[:7], ids=lambda one: one[:40].decode(errors="replace"))
def test_file_and_line_are_named(lab: Lab, line: bytes) -> None:
    lab.put(list(odd_items(20)))
    export = Export(lab)
    key = export.change_file(lambda body: with_line(body, line, 3), count=21)
    with pytest.raises(BackupNotWholeError) as caught:
        export.seal()
    assert caught.value.context == {"key": key, "line": 3}
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (type(caught.value), str(caught.value))


def test_the_checksum_is_compared_first(lab: Lab) -> None:
    lab.put(list(odd_items(20)))
    export = Export(lab)
    key = export.change_file(lambda body: with_line(body, b"not JSON"), count=21, known=False)
    with pytest.raises(BackupNotWholeError, match="not what its manifest says") as caught:
        export.seal()
    assert caught.value.context == {"key": key}


@pytest.mark.parametrize("known", [True, False], ids=["as DynamoDB wrote it", "changed later"])
def test_the_run_cleared_asks_for_another_export(lab: Lab, known: bool) -> None:
    lab.put(list(odd_items(20)))
    spoilt: list[str] = []

    def spoil(task_id: str) -> None:
        if task_id == "seal" and not spoilt:
            base = run.values["plan", "return_value"]["base"]
            change = lambda body: with_line(body, b"not JSON")  # noqa: E731
            spoilt.append(Export(lab, base).change_file(change, count=21, known=known))

    run = Run("runbook_backup", params={"mode": "export", "notify": False}, before=spoil)
    run.whole()
    assert isinstance(run.errors["seal"], BackupNotWholeError)
    assert run.whole().is_green, run.errors


MANIFESTS = [
    ("files", b"not JSON"),
    ("files", b"5"),
    ("files", b"{}"),
    ("files", {"dataFileS3Key": 5, "md5Checksum": "x", "itemCount": 1}),
    ("files", {"dataFileS3Key": "x", "md5Checksum": "x", "itemCount": "1"}),
    ("summary", b"not JSON"),
    ("summary", b"[]"),
    ("summary", {"itemCount": None}),
]


@pytest.mark.parametrize(("name", "document"), MANIFESTS)
def test_a_manifest_of_the_export_that_is_none_is_refused_too(lab: Lab, name: str, document: Any) -> None:
    lab.put(list(odd_items(5)))
    export = Export(lab)
    export.change_manifest(name, document)
    with pytest.raises(BackupNotWholeError) as caught:
        export.seal()
    assert caught.value.context["key"] == export.key(f"manifest-{name}.json")


@pytest.mark.parametrize("ending", ["manifest-files.json", "manifest-summary.json", ".json.gz"])
def test_a_file_of_the_export_that_is_gone_is_refused_too(lab: Lab, ending: str) -> None:
    lab.put(list(odd_items(5)))
    export = Export(lab)
    key = export.key(ending)
    lab.s3.delete_object(Bucket=lab.bucket, Key=key)
    with pytest.raises(BackupNotWholeError) as caught:
        export.seal()
    assert caught.value.context["key"] == key


@pytest.mark.parametrize("line", [b"not JSON", b'{"Item":{"a":{"SS":5}}}', b'{"Item":{"migrationId":{"B":"x"}}}'])
def test_whoever_reads_a_part_names_the_line(lab: Lab, line: bytes) -> None:
    lab.put(list(odd_items(20)))
    export = Export(lab)
    manifest = export.seal()
    part = manifest.parts[0]
    lab.store.put(part.key, with_line(lab.store.get(part.key), line), "application/gzip")
    assert f"{part.key}: line 3 is no item" in verify_backup(lab.store, export.base).problems
    create_target(lab.dynamodb, "copy", manifest, lab.table, "run-r")
    for read in (
        lambda: load(lab.dynamodb, lab.store, manifest, "copy"),
        lambda: refusing_indexes(lab.store, manifest),
    ):
        with pytest.raises(BackupNotWholeError) as caught:
            read()
        assert caught.value.context == {"key": part.key, "line": 3}


def test_a_line_that_is_no_item_is_written_by_nobody(lab: Lab) -> None:
    """Also not when the manifest was edited to fit it."""
    lab.put(list(odd_items(3)))
    _, manifest = lab.back_up(segments=1)
    first = manifest.parts[0]
    body = with_line(lab.store.get(first.key), b'{"Item":{"migrationId":{"B":"x"}}}')
    sha = lab.store.put(first.key, body, "application/gzip")
    fitting = type(manifest)(**{**vars(manifest), "parts": (Part(first.key, 4, len(body), sha),)})
    create_target(lab.dynamodb, "copy", fitting, lab.table, "run-r")
    with pytest.raises(MigrationError) as caught:
        load(lab.dynamodb, lab.store, fitting, "copy")
    assert isinstance(caught.value, BackupNotWholeError)
