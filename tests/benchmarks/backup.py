"""(f) A backup of the ledger beside the runbook's own two command lines, on the same account."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from include.local import resources
from include.local.sandbox_process import command as sandbox_command
from include.local.sandbox_process import env_file, is_ready, read_variables
from migration_ops.runbook.backup.scan import SEGMENTS
from tests.benchmarks.report import table

ROOT = Path(__file__).resolve().parents[2]
ITEMS, SMALL, GOAL = 100_000, 10_000, 8
PATIENCE_SECONDS, LOOK_SECONDS = 60.0, 0.01
BACKUPS = "migration-backups"
STEPS = ("backup", "restore", "compare")


@dataclass(frozen=True)
class Spent:
    """One process, from its start to its end."""

    seconds: float
    peak_mib: float
    answer: dict[str, Any]


def report() -> str:
    """The whole comparison as Markdown."""
    with tempfile.TemporaryDirectory(prefix="bench-backup-") as home, _sandbox(Path(home)) as variables:
        aws = _command_line(Path(home))
        rows, peaks = [], {}
        for items in (SMALL, ITEMS):
            _seed(variables, items)
            _warm(variables)
            ours = {what: _step(variables, what, f"bench-{items}") for what in STEPS}
            ours["verified"] = _step(variables, "verified", f"bench-verified-{items}")
            theirs = _by_hand(aws, variables, Path(home))
            if not ours["compare"].answer["equal"] or ours["verified"].answer["problems"]:
                raise RuntimeError("what came back is not what was backed up")
            peaks[items] = ours["backup"].peak_mib
            rows += _rows(items, ours, theirs)
    return "\n\n".join(
        [
            "## (f) Backup of the ledger: a scan of the whole table",
            table(("Items", "What", "Seconds", "Bytes in S3", "Peak memory, MiB", "Times faster"), rows),
            f"Goal for {ITEMS:,} items, backed up and read back, beside scan and copy: at least {GOAL} times faster. "
            "Each line is a process of its own, "
            "its start included; the account's moto serves both, with everything ready that it keeps. Both processes "
            f"have two processors together. Memory of a backup: {peaks[SMALL]:.0f} MiB for {SMALL:,} items, "
            f"{peaks[ITEMS]:.0f} MiB for {ITEMS:,}; it ends where each segment holds a page and a part of 4 MiB.",
            "What came back was equal: number of items and digest over all of them.",
        ]
    )


def _rows(items: int, ours: Mapping[str, Spent], theirs: Mapping[str, Spent]) -> list[list[Any]]:
    whole = sum(one.seconds for one in theirs.values())
    size = next(iter(theirs.values())).answer["bytes"]
    peak = max(one.peak_mib for one in theirs.values())
    made = ours["backup"]
    checked = ours["verified"]
    return [
        [items, "runbook: `aws dynamodb scan` and `aws s3 cp`", whole, size, peak, 1.0],
        [items, "backup", made.seconds, made.answer["bytes"], made.peak_mib, whole / made.seconds],
        [
            items,
            "backup, and read back",
            checked.seconds,
            made.answer["bytes"],
            checked.peak_mib,
            whole / checked.seconds,
        ],
        [items, "restore into a new table", ours["restore"].seconds, "", ours["restore"].peak_mib, ""],
        [items, "compare all items", ours["compare"].seconds, "", ours["compare"].peak_mib, ""],
    ]


def _by_hand(aws: Path, variables: Mapping[str, str], home: Path) -> dict[str, Spent]:
    """The runbook's lines (chapter "Backup State"), with the endpoint, without which they would ask AWS itself."""
    client = resources.client("s3", variables)
    client.create_bucket(Bucket=BACKUPS)
    endpoint = ["--endpoint-url", variables["AWS_ENDPOINT_URL"]]
    file = home / "backup.json"
    name = variables["MIGRATION_OPS_TABLE_NAME"]
    with file.open("wb") as out:
        scan = _process([str(aws), "dynamodb", "scan", "--table-name", name, *endpoint], variables, out=out)
    copy = _process([str(aws), "s3", "cp", str(file), f"s3://{BACKUPS}/", *endpoint], variables)
    size = {"bytes": file.stat().st_size}
    return {"scan": Spent(scan.seconds, scan.peak_mib, size), "cp": Spent(copy.seconds, copy.peak_mib, size)}


def _step(variables: Mapping[str, str], what: str, run: str) -> Spent:
    return _process([sys.executable, "-m", "tests.benchmarks.backup_step", what, run], variables)


def _process(command: list[str], variables: Mapping[str, str], out: Any = subprocess.PIPE) -> Spent:
    """:raises RuntimeError: it failed: what does nothing would be no comparison."""
    began = time.perf_counter()
    # Files, not pipes: nobody reads while the process is looked at.
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as answers:
        sink = answers if out is subprocess.PIPE else out
        with subprocess.Popen(command, env=_clean(variables), cwd=ROOT, stdout=sink, stderr=errors) as child:
            peak = _watched(child)
        seconds = time.perf_counter() - began
        if child.returncode:
            errors.seek(0)
            raise RuntimeError(f"{command[:4]}: {errors.read()[-500:].decode()}")
        answers.seek(0)
        text = answers.read().decode().strip()
    is_ours = text.startswith("{") and out is subprocess.PIPE
    return Spent(seconds, peak, json.loads(text) if is_ours else {})


def _watched(child: subprocess.Popen[bytes]) -> float:
    """Waits for its end; its peak in MiB. Not by getrusage: that counts the moment between fork and exec as well."""
    peak_kib = 0
    while True:
        with suppress(OSError):
            lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
            peak_kib = max([peak_kib, *(int(one.split()[1]) for one in lines if one.startswith("VmHWM:"))])
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=LOOK_SECONDS)
            return peak_kib / 1024


def _clean(variables: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the person's own AWS settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull} | dict(variables)


@contextmanager
def _sandbox(home: Path) -> Iterator[dict[str, str]]:
    """In a process of its own, so that what is measured shares no interpreter with it."""
    (home / "logs").mkdir()
    started = sandbox_command(ROOT, home, dict(os.environ), 0, 60.0, "empty")
    with started.log.open("wb") as log, Path(started.answers or "").open("wb") as answers:
        child = subprocess.Popen(
            [*started.arguments, "--with-parent"], env=started.environment, cwd=ROOT, stdout=answers, stderr=log
        )
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not is_ready(home):
                if child.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the sandbox did not start: {started.log.read_text()[-500:]}")
                time.sleep(0.05)
            variables = read_variables(home)
            yield variables | resources.make(variables)
        finally:
            child.terminate()
            child.wait(timeout=30)
    env_file(home).unlink(missing_ok=True)


def _command_line(home: Path) -> Path:
    """The AWS CLI in an environment of its own."""
    venv.create(home / "cli", with_pip=True)
    subprocess.run([home / "cli" / "bin" / "pip", "install", "--quiet", "awscli"], check=True, capture_output=True)
    return home / "cli" / "bin" / "aws"


def _seed(variables: Mapping[str, str], items: int) -> None:
    """Up to so many items like the ledger's: records, each with four lines of history."""
    client, name = resources.client("dynamodb", variables), variables["MIGRATION_OPS_TABLE_NAME"]
    have = 0 if items == SMALL else SMALL
    groups = [range(start, min(start + 25, items)) for start in range(have, items, 25)]

    def put(some: range) -> None:
        requests = [{"PutRequest": {"Item": _item(number)}} for number in some]
        client.batch_write_item(RequestItems={name: requests})

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(put, groups))


def _item(number: int) -> dict[str, Any]:
    dice, name = random.Random(number), f"mig-wave-{number // 500:03d}-{number // 5:06d}"
    digests = {side: {"S": dice.randbytes(32).hex()} for side in ("previousDigest", "digest")}
    moment = {"S": f"2026-03-{1 + number % 28:02d}T10:{number % 60:02d}:00.000Z"}
    if number % 5:
        detail = {"jobId": f"mgnjob-{dice.randbytes(9).hex()[:17]}", "planHash": dice.randbytes(32).hex()}
        line = {"migrationId": {"S": f"{name}#{number % 5:06d}"}, "historyOf": {"S": name}, "at": moment, **digests}
        more = {"phase": {"S": "TESTED"}, "event": {"S": "moved"}, "detail": {"S": json.dumps(detail)}}
        return line | more | {"sequence": {"N": str(number % 5)}}
    intent = {"M": {"action": {"S": "START_TEST"}, "attempt": {"N": "1"}, "jobId": {"S": "mgnjob-0123456789abcdef0"}}}
    return {
        "migrationId": {"S": name},
        "wave": {"S": f"wave-{number // 500}"},
        "appName": {"S": f"app-{number // 50}"},
        "sourceServerId": {"S": f"s-{dice.randbytes(9).hex()[:17]}"},
        "status": {"S": "COMPLETED"},
        "phase": {"S": "FINALIZED"},
        "updatedAt": moment,
        "version": {"N": "4"},
        "historySequence": {"N": "4"},
        "historyDigest": digests["digest"],
        "intents": {"M": {"START_TEST": intent}},
        "facts": {"M": {"checks": {"L": [{"S": "http"}, {"S": "tcp"}]}, "isTested": {"BOOL": True}}},
    }


def _warm(variables: Mapping[str, str]) -> None:
    """moto has every item's text and the order of both kinds of scan before anything is measured."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_DEFAULT_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )
    name = variables["MIGRATION_OPS_TABLE_NAME"]
    client.scan(TableName=name)
    client.scan(TableName=name, Segment=0, TotalSegments=SEGMENTS)
