"""Python packages: drift from the lock, newer versions, known vulnerabilities."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, FindingStatus, above, critical, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import ASSESSMENT, WEEKLY
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.scanners import advisories, dependencies
from migration_ops.runbook.scanners.pip_audit import NO_ENTRY

SHOWN = 60
LISTED = 10


@check(
    WEEKLY,
    about=dependencies.LOCKS,
    title="Packages that differ from the lock",
    section="Maintenance Tasks, Weekly 2. Update Dependencies",
    risk=("The running versions were not tested, and the next installation will differ from this one."),
    remedy=("Install the lock again into a fresh environment or image. Never upgrade the running one in place."),
)
def packages_lock_drift(lock: Snapshot, _: Snapshot, __: Thresholds) -> Iterator[CheckResult]:
    """Packages that are missing, or in another version than the lock says."""
    packages = lock["packages"]
    drifted = [one for one in packages if not _is_as_locked(one)]
    for one in drifted:
        found = one.optional("installed", "none")
        yield warning(f"locked is {one['locked']}, installed is {found}", resource=one["name"])
    if not drifted:
        extra = lock["extra"]
        yield ok(f"{len(packages)} packages are as locked, {len(extra)} more are installed", evidence=tuple(extra[:40]))


def _is_as_locked(package: Snapshot) -> bool:
    installed = package.optional("installed")
    return installed is not None and Version(installed) == Version(package["locked"])


@check(
    WEEKLY,
    about=dependencies.INDEXES,
    title="Packages with newer versions",
    section="Maintenance Tasks, Weekly 2. Update Dependencies",
    unit="packages",
    risk="The further behind a package is, the larger the step when a fix is urgent.",
    remedy=(
        "Compile the lock again on a branch, run the tests, and deploy the new image. Never upgrade a running "
        "Airflow in place."
    ),
)
def packages_outdated(index: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """How many of the locked packages have a newer version. Reported only: nothing is upgraded in place."""
    unanswered = index["unanswered"]
    if unanswered:
        named = tuple(unanswered[:SHOWN])
        return unknown(f"the index said nothing of {len(unanswered)} locked packages", evidence=named)
    outdated, most = index["outdated"], limits.weekly.max_outdated_packages
    newer = tuple(f"{one['name']} {one['installed']}, newest {one['latest']}" for one in outdated[:SHOWN])
    return above(len(outdated), most, "outdated packages", FindingStatus.WARNING, evidence=newer)


@check(
    WEEKLY,
    about=advisories.SCANS,
    title="Packages with known vulnerabilities",
    section="Maintenance Tasks, Weekly 2. Update Dependencies",
    unit="advisories",
    risk="A publicly known vulnerability is in a package that runs here.",
    remedy=(
        "Raise the version on a branch, compile the lock again, run the tests, and deploy the new image. Never "
        "upgrade a running Airflow in place. Where pip-audit is not installed, put its report (format json) "
        "into the evidence bucket."
    ),
)
def packages_vulnerable(scan: Snapshot, estate: Snapshot, limits: Thresholds) -> Iterator[CheckResult]:
    """Locked packages with known vulnerabilities: judged as in the quarterly assessment, but every week."""
    return packages_known_vulnerabilities(scan, estate, limits)


@check(
    ASSESSMENT,
    about=advisories.SCANS,
    title="Known vulnerabilities of our Python packages",
    section="Maintenance Tasks, Quarterly 3. Security Assessment",
    unit="advisories",
    severity="high",
    risk="A publicly known vulnerability is in a package that runs here.",
    remedy=(
        "Raise the version in requirements.in, lock, test and deploy as a change. Scan with pip-audit "
        "(format json) and put the report where docs/operations.md says."
    ),
)
def packages_known_vulnerabilities(scan: Snapshot, _: Snapshot, limits: Thresholds) -> Iterator[CheckResult]:
    """One finding for each vulnerable package, and one for the scan itself."""
    vulnerable = scan["vulnerable"]
    for one in vulnerable:
        fixes = f"; fixed in {', '.join(one['fixes'])}" if one["fixes"] else "; no version fixes it yet"
        yield critical(
            f"known vulnerabilities of {one['version']}: {len(one['advisories'])}{fixes}",
            value=len(one["advisories"]),
            limit=0,
            evidence=tuple(one["advisories"]),
            resource=one["name"],
        )
    gaps = _gaps(scan, limits.audit.max_advisories_age_days)
    skipped = [one["name"] for one in scan["skipped"] if one["reason"] != NO_ENTRY]
    if gaps:
        yield unknown("; ".join(gaps), evidence=(scan["source"],))
    elif skipped:
        # The same in every report (packages of a private index): only a person can decide.
        yield warning(
            f"for a person to answer: the scanner cannot read {_some(skipped)}; ask their authors",
            value=len(skipped),
            limit=0,
            evidence=(scan["source"],),
        )
    else:
        yield ok(
            f"{scan['locked']} packages were checked, {len(vulnerable)} are vulnerable", evidence=(scan["source"],)
        )


def _gaps(scan: Snapshot, max_age_days: int) -> list[str]:
    """Why the scan is not complete."""
    gaps = []
    if scan["ageDays"] > max_age_days:
        gaps.append(f"the scan is {scan['ageDays']:.0f} days old, limit {max_age_days}")
    if scan["unseen"]:
        gaps.append(f"it did not see {_some(scan['unseen'])} at the locked version")
    odd = [one["name"] for one in scan["skipped"] if one["reason"] == NO_ENTRY]
    if odd:
        gaps.append(f"it says nothing of {_some(odd)}")
    return gaps


def _some(names: list[str]) -> str:
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
