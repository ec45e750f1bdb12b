"""Known vulnerabilities of the locked Python packages: from a scanner's report (bucket or file), or from pip-audit."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing
from migration_ops.runbook.scanners import packages
from migration_ops.runbook.scanners.dependencies import lock_path
from migration_ops.runbook.scanners.findings import MAX_BYTES, PREFIX, fetch_report
from migration_ops.runbook.scanners.pip_audit import Scanned, against, parse, run_pip_audit

# A param of the run: a key in the evidence bucket, or the path of a file on the worker.
PARAM = "advisoriesReport"
DEFAULT_KEY = f"{PREFIX}/advisories.json"


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``scans``: one, with ``name`` (the lock), ``source, ageDays, locked, unseen, skipped, vulnerable``; see
    ``pip_audit.against``.

    A report that exists and cannot be read is a failure. pip-audit is run only when there is no report.
    """
    lock = lock_path(reader)
    found = reader.guarded("scan of dependencies", lambda: _scan(reader, lock))
    return {"scans": found if is_failed(found) else [found]}


def _scan(reader: AwsReader, lock: Path) -> dict[str, Any]:
    locked = packages.locked(lock)
    source, at, scanned = _report(reader, lock)
    age_days = (reader.now - at).total_seconds() / 86_400
    return {"name": lock.name, "source": source, "ageDays": round(age_days, 2), **against(locked, scanned)}


def _report(reader: AwsReader, lock: Path) -> tuple[str, datetime, list[Scanned]]:
    where = str(reader.params.get(PARAM) or "")
    if where.startswith("/"):
        return _file(Path(where))
    key = where or DEFAULT_KEY
    found = fetch_report(reader, key)
    if found:
        return f"s3://{reader.settings.evidence_bucket}/{key}", found[1], parse(found[0])
    if where:
        raise UnknownError("the report that the run names is not in the evidence bucket", key=key)
    limit = reader.config.thresholds.weekly.package_index_timeout_seconds
    return "pip-audit", reader.now, run_pip_audit(lock, limit)


def _file(path: Path) -> tuple[str, datetime, list[Scanned]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnknownError("the report is too large to be one", path=str(path))
        return path.name, datetime.fromtimestamp(path.stat().st_mtime, UTC), parse(path.read_bytes())
    except OSError as error:
        raise UnknownError(f"the report cannot be read: {type(error).__name__}", path=str(path)) from error


SCANS = Listing("advisories", "scans", read)
