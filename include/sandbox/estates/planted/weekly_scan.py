"""A locked package with a known vulnerability."""

from __future__ import annotations

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.weekly_scan import put_report
from include.sandbox.estates.estate import Expected

# Made up, as its id.
ADVISORY = {
    "id": "PYSEC-0000-0001",
    "aliases": ["CVE-0000-00001"],
    "fix_versions": ["99.0.0"],
    "description": "Made up for the sandbox",
}


def plant(account: Account) -> Expected:
    put_report(account, {"jinja2": [ADVISORY]})
    return {"packages_known_vulnerabilities": {"jinja2"}}
