"""Known vulnerabilities of Python packages: what a scanner found elsewhere, or pip-audit finds now. Changes nothing.

Taken are the reports of pip-audit (``--format json``) and of OSV-Scanner (``--format json``). OSV-Scanner lists
packages without a vulnerability only with ``--all-packages``; without it nobody can say that it looked at them.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from migration_ops.core.errors import Unknown

# pip-audit: 0 = nothing found, 1 = vulnerabilities found.
ENDED_WELL = (0, 1)
ECOSYSTEM = "PyPI"


class MalformedScan(Unknown):
    """A report that is none: nobody can say what it found."""

    code = "MALFORMED_SCAN"
    hint = "Write it anew with `pip-audit --format json` or `osv-scanner --format json --all-packages`."


@dataclass(frozen=True)
class Scanned:
    """
    One package of a report.

    :param advisories: ids of what is known about it (PYSEC, GHSA, CVE).
    :param fixes: versions in which one of them is mended.
    :param skipped: why the scanner did not look at it; empty when it did.
    """

    name: str
    version: str = ""
    advisories: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    skipped: str = ""


def parse(text: str | bytes) -> list[Scanned]:
    """
    The packages of a report.

    :raises MalformedScan: it is not JSON, or of neither form.
    """
    try:
        document = json.loads(text)
        if isinstance(document, Mapping) and "results" in document:
            found = list(_from_osv(document["results"]))
        else:
            found = list(_from_pip_audit(document["dependencies"] if isinstance(document, Mapping) else document))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedScan(f"the report is of no known form: {type(error).__name__}") from error
    if not found:
        raise MalformedScan("the report names no package")
    return found


def _from_pip_audit(dependencies: list[Mapping[str, Any]]) -> Iterator[Scanned]:
    for one in dependencies:
        name = canonicalize_name(one["name"])
        if "skip_reason" in one:
            yield Scanned(name, skipped=str(one["skip_reason"])[:300] or "skipped")
            continue
        vulnerabilities = one["vulns"]
        fixes = dict.fromkeys(fix for each in vulnerabilities for fix in each.get("fix_versions") or ())
        yield Scanned(name, str(one["version"]), tuple(str(each["id"]) for each in vulnerabilities), tuple(fixes))


def _from_osv(results: list[Mapping[str, Any]]) -> Iterator[Scanned]:
    for result in results:
        for one in result["packages"]:
            package = one["package"]
            if package["ecosystem"] != ECOSYSTEM:
                continue
            vulnerabilities = one.get("vulnerabilities") or ()
            yield Scanned(
                canonicalize_name(package["name"]),
                str(package["version"]),
                tuple(str(each["id"]) for each in vulnerabilities),
                tuple(dict.fromkeys(fix for each in vulnerabilities for fix in _osv_fixes(each, package["name"]))),
            )


def _osv_fixes(vulnerability: Mapping[str, Any], name: str) -> Iterator[str]:
    """OSV schema: affected[].ranges[].events[].fixed."""
    for affected in vulnerability.get("affected") or ():
        about = affected.get("package", {})
        if about.get("ecosystem") == ECOSYSTEM and canonicalize_name(about.get("name", "")) == canonicalize_name(name):
            ranges = affected.get("ranges") or ()
            events = (event for each in ranges if each.get("type") == "ECOSYSTEM" for event in each.get("events") or ())
            yield from (str(event["fixed"]) for event in events if "fixed" in event)


def against(locked: Mapping[str, str], scanned: Iterable[Scanned]) -> dict[str, Any]:
    """
    What a scan says of a lock: ``locked`` (how many), ``unseen`` (not in the report at the locked version), ``skipped``
    (``name, reason``), ``vulnerable`` (``name, version, advisories, fixes``; also what is not locked).

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

    :raises Unknown: it is not installed, fails, or takes too long. Its own words are left out: they may quote an
        index's address with its password.
    """
    if not is_installed():
        raise Unknown("there is no report of a scan, and pip-audit is not installed here")
    words = ["--requirement", str(lock), "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    try:
        # The words are ours; nothing of them comes from a run.
        ran = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "pip_audit", *words],
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
            text=True,
        )
    except subprocess.TimeoutExpired as error:
        raise Unknown(f"pip-audit did not end within {timeout_seconds:g} s") from error
    except OSError as error:
        raise Unknown(f"pip-audit cannot be run: {type(error).__name__}") from error
    if ran.returncode not in ENDED_WELL:
        raise Unknown(f"pip-audit ended with status {ran.returncode}")
    return parse(ran.stdout)
