"""Reports of pip-audit and OSV-Scanner: what they say of the lock, and when they say nothing."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from migration_ops.aws.reader import AwsReader
from migration_ops.core.config import read_config
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import FindingStatus
from migration_ops.core.settings import Settings
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.check import Check
from migration_ops.runbook.scanners import pip_audit as advisories
from migration_ops.runbook.scanners.advisories import PARAM, read
from migration_ops.runbook.scanners.pip_audit import MalformedScanError, Scanned, against, parse, run_pip_audit

LOCKED = {"jinja2": "3.1.6", "requests": "2.32.0"}
VULNERABLE = {"id": "PYSEC-0000-1", "fix_versions": ["3.1.7"], "aliases": ["CVE-0000-1"], "description": "made up"}
CRITICAL, UNKNOWN, WARNING, OK = FindingStatus


def pip_audit(*vulns: dict[str, Any], **more: Any) -> dict[str, Any]:
    jinja = {"name": "Jinja2", "version": "3.1.6", "vulns": list(vulns)} | more
    return {"dependencies": [jinja, {"name": "requests", "version": "2.32.0", "vulns": []}], "fixes": []}


def osv(*vulns: dict[str, Any]) -> dict[str, Any]:
    def package(name: str, version: str, *known: dict[str, Any]) -> dict[str, Any]:
        about = {"name": name, "version": version, "ecosystem": "PyPI"}
        return {"package": about, "vulnerabilities": list(known), "groups": []}

    packages = [package("jinja2", "3.1.6", *vulns), package("requests", "2.32.0")]
    packages.append(
        {"package": {"name": "left-pad", "version": "1", "ecosystem": "npm"}, "vulnerabilities": [{"id": "x"}]}
    )
    return {"results": [{"source": {"path": "requirements.txt", "type": "lockfile"}, "packages": packages}]}


OSV_VULNERABLE = {
    "id": "GHSA-0000",
    "affected": [
        {
            "package": {"name": "Jinja2", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1.7"}]}],
        },
        {"package": {"name": "other", "ecosystem": "npm"}, "ranges": [{"type": "SEMVER", "events": [{"fixed": "9"}]}]},
    ],
}


@pytest.mark.parametrize(
    ("document", "advisory"),
    [
        (pip_audit(VULNERABLE), "PYSEC-0000-1"),
        (pip_audit(VULNERABLE)["dependencies"], "PYSEC-0000-1"),
        (osv(OSV_VULNERABLE), "GHSA-0000"),
    ],
    ids=["pip-audit", "pip-audit before 2.5", "osv-scanner"],
)
def test_both_forms_say_the_same(document: Any, advisory: str) -> None:
    said = against(LOCKED, parse(json.dumps(document)))
    assert said["unseen"] == said["skipped"] == []
    assert said["vulnerable"] == [{"name": "jinja2", "version": "3.1.6", "advisories": [advisory], "fixes": ["3.1.7"]}]


@pytest.mark.parametrize(
    "text", ["", "x", "3", "{}", "[]", '{"dependencies": []}', '{"results": []}', '{"dependencies": [{"name": "a"}]}']
)
def test_what_is_no_report_is_an_error(text: str) -> None:
    with pytest.raises(MalformedScanError):
        parse(text)


ODD = {"name": "odd", "version": None, "vulns": None}


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + json.dumps(pip_audit(VULNERABLE)),
        json.dumps(pip_audit(VULNERABLE)).encode("utf-16"),
        json.dumps(pip_audit(VULNERABLE)).encode("utf-8-sig"),
        "Found 1 known vulnerability in 1 package\n" + json.dumps(pip_audit(VULNERABLE), indent=2) + "\nName  Skip\n",
        json.dumps([pip_audit(VULNERABLE), {"dependencies": []}]),
        json.dumps(pip_audit({"id": None, "aliases": ["PYSEC-0000-1"], "fix_versions": ["3.1.7"]}, skip_reason=None)),
        json.dumps({"dependencies": [*pip_audit(VULNERABLE)["dependencies"], ODD]}),
    ],
    ids=["mark", "utf-16", "utf-8 mark", "noise", "several", "no id", "odd entry"],
)
def test_odd_shapes_of_a_report_say_the_same(text: str | bytes) -> None:
    said = against(LOCKED, parse(text))
    assert said["unseen"] == said["skipped"] == []
    assert said["vulnerable"] == [
        {"name": "jinja2", "version": "3.1.6", "advisories": ["PYSEC-0000-1"], "fixes": ["3.1.7"]}
    ]


def test_an_odd_entry_of_a_locked_package_was_not_looked_at() -> None:
    scanned = parse(json.dumps({"dependencies": [*pip_audit()["dependencies"], ODD]}))
    assert [one["name"] for one in against({**LOCKED, "odd": "1"}, scanned)["skipped"]] == ["odd"]


def test_a_vulnerability_without_any_name_is_still_one() -> None:
    assert against(LOCKED, parse(json.dumps(pip_audit({}))))["vulnerable"][0]["advisories"] == ["without an id"]


def test_what_was_not_looked_at_is_named() -> None:
    scanned = [Scanned("jinja2", "3.1.5"), Scanned("requests", skipped="not on PyPI")]
    said = against({**LOCKED, "boto3": "1.0"}, scanned)
    assert said["unseen"] == ["boto3", "jinja2"], "another version is another package"
    assert said["skipped"] == [{"name": "requests", "reason": "not on PyPI"}]


class TestPipAudit:
    """Where it is installed: here something stands for it that answers in its words."""

    @pytest.fixture
    def stands_in(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        def write(body: str) -> Path:
            (tmp_path / "pip_audit.py").write_text(body)
            monkeypatch.setenv("PYTHONPATH", str(tmp_path))
            monkeypatch.setattr(advisories, "is_installed", lambda: True)
            lock = tmp_path / "requirements.txt"
            lock.write_text("jinja2==3.1.6\n")
            return lock

        return write

    def test_vulnerabilities_found_are_no_failure_to_run(self, stands_in: Any) -> None:
        body = f"import sys; print({json.dumps(json.dumps(pip_audit(VULNERABLE)))}); sys.exit(1)"
        assert run_pip_audit(stands_in(body), 30)[0].advisories == ("PYSEC-0000-1",)

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            ("import sys; print('{}'); sys.exit(2)", "status 2"),
            ("print('no json')", "no known form"),
            ("import time; time.sleep(30)", "did not end"),
        ],
    )
    def test_anything_else_is_unknown(self, stands_in: Any, body: str, why: str) -> None:
        with pytest.raises(UnknownError, match=why):
            run_pip_audit(stands_in(body), 5 if "sleep" not in body else 0.5)

    def test_where_it_is_not_installed_nothing_is_known(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(advisories, "is_installed", lambda: False)
        with pytest.raises(UnknownError, match="not installed"):
            run_pip_audit(tmp_path / "requirements.txt", 5)


class TestReading:
    """From a file; the bucket is shown on the planted estate."""

    @pytest.fixture
    def report(self, tmp_path: Path) -> Path:
        path = tmp_path / "scan.json"
        path.write_text(json.dumps(pip_audit()))
        return path

    def _judged(self, tmp_path: Path, where: str) -> list[Any]:
        lock = tmp_path / "requirements.txt"
        lock.write_text("".join(f"{name}=={version}\n" for name, version in LOCKED.items()))
        reader = AwsReader(
            make_client=lambda service: pytest.fail(f"{service} was asked"),
            config=read_config(),
            settings=Settings(lock_file=str(lock)),
            now=datetime.now(UTC),
            window=timedelta(days=1),
            params={PARAM: where} if where else {},
        )
        document = json.loads(json.dumps({"advisories": read(reader)}))
        return Check("assessment", "packages_known_vulnerabilities").run(Snapshot(document), Thresholds())

    def test_nothing_found_is_ok(self, tmp_path: Path, report: Path) -> None:
        [found] = self._judged(tmp_path, str(report))
        assert (found.verdict, found.reason) == (OK, "2 packages were checked, 0 are vulnerable")

    def test_each_vulnerable_package_is_critical(self, tmp_path: Path, report: Path) -> None:
        report.write_text(json.dumps(pip_audit(VULNERABLE)))
        found = {one.resource: one for one in self._judged(tmp_path, str(report))}
        assert found["jinja2"].verdict is CRITICAL
        assert found["jinja2"].evidence == ("PYSEC-0000-1",)
        assert "3.1.7" in found["jinja2"].reason

    def test_an_old_report_is_unknown(self, tmp_path: Path, report: Path) -> None:
        then = (datetime.now(UTC) - timedelta(days=40)).timestamp()
        os.utime(report, (then, then))
        [found] = self._judged(tmp_path, str(report))
        assert found.verdict is UNKNOWN
        assert "40 days old" in found.reason

    def test_a_report_of_another_lock_is_unknown(self, tmp_path: Path, report: Path) -> None:
        report.write_text(json.dumps(pip_audit(version="3.1.5")))
        [found] = self._judged(tmp_path, str(report))
        assert (found.verdict, "jinja2" in found.reason) == (UNKNOWN, True)

    @pytest.mark.parametrize("content", [None, "no json"])
    def test_a_report_that_cannot_be_read_is_unknown(self, tmp_path: Path, report: Path, content: str | None) -> None:
        report.unlink()
        if content:
            report.write_text(content)
        [found] = self._judged(tmp_path, str(report))
        assert found.verdict is UNKNOWN

    @pytest.mark.skipif(advisories.is_installed(), reason="pip-audit is installed here")
    def test_without_a_report_and_without_pip_audit_nothing_is_known(self, tmp_path: Path) -> None:
        [found] = self._judged(tmp_path, "")
        assert found.verdict is UNKNOWN
        assert sys.executable
        assert "pip-audit is not installed" in found.reason


@pytest.mark.parametrize(
    ("skipped", "verdict"),
    [
        ([], OK),
        # In every report, and nobody but a person can answer it.
        ([{"name": "ours", "reason": "not found on PyPI"}], WARNING),
        ([{"name": "odd", "reason": advisories.NO_ENTRY}], UNKNOWN),
    ],
)
def test_packages_that_a_scanner_cannot_look_at(skipped: list[dict[str, str]], verdict: FindingStatus) -> None:
    scan = {
        "name": "requirements.txt",
        "source": "scan.json",
        "ageDays": 1,
        "locked": 3,
        "unseen": [],
        "vulnerable": [],
    }
    estate = Snapshot({"advisories": {"scans": [scan | {"skipped": skipped}]}})
    [found] = Check("assessment", "packages_known_vulnerabilities").run(estate, Thresholds())
    assert found.verdict is verdict
