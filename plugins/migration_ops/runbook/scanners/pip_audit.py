"""Known vulnerabilities of Python packages: from a scanner's report, or from pip-audit now. Changes nothing.

Reads reports of pip-audit (``--format json``) and of OSV-Scanner (``--format json``). OSV-Scanner lists packages
without a vulnerability only with ``--all-packages``; without it nobody knows whether it scanned them.
"""

from __future__ import annotations

import codecs
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migration_ops.core.errors import UnknownError
from migration_ops.runbook.scanners.packages import canonical_name

# pip-audit: 0 = nothing found, 1 = vulnerabilities found.
ENDED_WELL = (0, 1)
ECOSYSTEM = "PyPI"
NO_ENTRY = "its entry lacks version or vulnerabilities"


class MalformedScanError(UnknownError):
    """The report is not in a known form: nobody knows what the scan found."""

    code = "MALFORMED_SCAN"
    hint = "Write it again with `pip-audit --format json` or `osv-scanner --format json --all-packages`."


class NoScanError(UnknownError):
    """Nobody has set up a scan of the packages here."""

    code = "NO_SCAN"
    hint = "Upload a scanner's report to the evidence bucket, or install pip-audit (docs/operations.md)."


@dataclass(frozen=True)
class Scanned:
    """
    One package of a report.

    :param advisories: ids of its known vulnerabilities (PYSEC, GHSA, CVE).
    :param fixes: versions in which one of them is fixed.
    :param skipped: why the scanner did not scan it; empty when it did.
    """

    name: str
    version: str = ""
    advisories: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    skipped: str = ""


def parse(text: str | bytes) -> list[Scanned]:
    """
    The packages of a report.

    :raises MalformedScanError: it is not JSON, is of neither form, or names no package.
    """
    try:
        document = _document(text)
        # One report, a list of several (one per lock), or that of pip-audit before 2.5: the dependencies alone.
        reports = document if isinstance(document, list) and _are_reports(document) else [document]
        found = [one for report in reports for one in _of_report(report)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedScanError(f"the report is of no known form: {type(error).__name__}") from error
    if not any(one.skipped != NO_ENTRY for one in found):
        raise MalformedScanError("the report names no package")
    return found


def _document(text: str | bytes) -> Any:
    """The JSON in a file that may begin with a byte order mark, or with what pip-audit writes to its error output."""
    if isinstance(text, bytes):
        is_wide = text[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        text = text.decode("utf-16" if is_wide else "utf-8-sig")
    lines = text.lstrip("\ufeff").splitlines(keepends=True)
    start = next((number for number, one in enumerate(lines) if one.lstrip()[:1] in ("{", "[")), 0)
    document, _ = json.JSONDecoder().raw_decode("".join(lines[start:]).lstrip())
    return document


def _are_reports(documents: list[Any]) -> bool:
    return any(isinstance(one, Mapping) and ("dependencies" in one or "results" in one) for one in documents)


def _of_report(document: Any) -> Iterator[Scanned]:
    if isinstance(document, Mapping) and "results" in document:
        return _from_osv(document["results"])
    return _from_pip_audit(document["dependencies"] if isinstance(document, Mapping) else document)


def _from_pip_audit(dependencies: list[Mapping[str, Any]]) -> Iterator[Scanned]:
    for one in dependencies:
        name = canonical_name(one["name"])
        if one.get("skip_reason") or ("skip_reason" in one and "vulns" not in one):
            yield Scanned(name, skipped=str(one["skip_reason"] or "skipped")[:300])
        elif not isinstance(one.get("vulns"), list) or not one.get("version"):
            # An incomplete entry says nothing about its package; the other entries still count.
            yield Scanned(name, skipped=NO_ENTRY)
        else:
            fixes = dict.fromkeys(str(fix) for each in one["vulns"] for fix in each.get("fix_versions") or ())
            yield Scanned(name, str(one["version"]), tuple(_id(each) for each in one["vulns"]), tuple(fixes))


def _id(vulnerability: Mapping[str, Any]) -> str:
    """Its id; a vulnerability without an id counts too."""
    return str(vulnerability.get("id") or next(iter(vulnerability.get("aliases") or ()), "without an id"))


def _from_osv(results: list[Mapping[str, Any]]) -> Iterator[Scanned]:
    for result in results:
        for one in result.get("packages") or ():
            package = one["package"]
            if package["ecosystem"] != ECOSYSTEM:
                continue
            vulnerabilities = one.get("vulnerabilities") or ()
            yield Scanned(
                canonical_name(package["name"]),
                str(package["version"]),
                tuple(_id(each) for each in vulnerabilities),
                tuple(dict.fromkeys(fix for each in vulnerabilities for fix in _osv_fixes(each, package["name"]))),
            )


def _osv_fixes(vulnerability: Mapping[str, Any], name: str) -> Iterator[str]:
    """OSV schema: affected[].ranges[].events[].fixed."""
    for affected in vulnerability.get("affected") or ():
        about = affected.get("package", {})
        if about.get("ecosystem") == ECOSYSTEM and canonical_name(about.get("name", "")) == canonical_name(name):
            ranges = affected.get("ranges") or ()
            events = (event for each in ranges if each.get("type") == "ECOSYSTEM" for event in each.get("events") or ())
            yield from (str(event["fixed"]) for event in events if "fixed" in event)


def against(locked: Mapping[str, str], scanned: Iterable[Scanned]) -> dict[str, Any]:
    """
    A scan compared with a lock: ``locked`` (how many), ``unseen`` (not in the report in the locked version),
    ``skipped`` (``name, reason``), ``vulnerable`` (``name, version, advisories, fixes``; also what is not locked).

    :param locked: version by name.
    """
    found = list(scanned)
    seen = {(one.name, one.version) for one in found if not one.skipped}
    skipped = {one.name: one.skipped for one in found if one.skipped}
    return {
        "locked": len(locked),
        "unseen": sorted(name for name in locked if (name, locked[name]) not in seen and name not in skipped),
        "skipped": [{"name": name, "reason": reason} for name, reason in sorted(skipped.items()) if name in locked],
        "vulnerable": [
            {"name": one.name, "version": one.version, "advisories": list(one.advisories), "fixes": list(one.fixes)}
            for one in found
            if one.advisories
        ],
    }


def is_installed() -> bool:
    """Whether pip-audit can be run by this interpreter."""
    return importlib.util.find_spec("pip_audit") is not None


def run_pip_audit(lock: Path, timeout_seconds: float) -> list[Scanned]:
    """
    What pip-audit finds in a lock now; it asks an index of advisories and installs nothing.

    :raises NoScanError: it is not installed.
    :raises UnknownError: it fails, takes too long, or its report is malformed. Its own output is left out: it may
        contain an index's address with its password.
    """
    if not is_installed():
        raise NoScanError("there is no report of a scan, and pip-audit is not installed here")
    words = ["--requirement", str(lock), "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    try:
        # The words are constants and the lock's path; none comes from a run's params.
        ran = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "pip_audit", *words],
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
            text=True,
        )
    except subprocess.TimeoutExpired as error:
        raise UnknownError(f"pip-audit did not end within {timeout_seconds:g} s") from error
    except OSError as error:
        raise UnknownError(f"pip-audit cannot be run: {type(error).__name__}") from error
    if ran.returncode not in ENDED_WELL:
        raise UnknownError(f"pip-audit ended with status {ran.returncode}")
    return parse(ran.stdout)
