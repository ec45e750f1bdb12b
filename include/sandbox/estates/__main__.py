"""
``python -m include.sandbox.estates clean|planted``: seeds the runbook's estate into the sandbox that the
environment leads to (``source`` the file that `make up` names). Prints what each check must report.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

# The seeds write the ledger with the package itself, which is on the path in Airflow's processes only.
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "plugins"))

from include.local import resources
from include.sandbox.client import SandboxClient
from include.sandbox.estates.account import Account
from include.sandbox.estates.estate import plant_all, seed_clean


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m include.sandbox.estates", description=__doc__)
    parser.add_argument("estate", choices=("clean", "planted"))
    options = parser.parse_args(arguments)
    # Never into a real account: only the sandbox says where its control API is.
    if "SANDBOX_CONTROL_URL" not in os.environ:
        sys.stderr.write("SANDBOX_CONTROL_URL is not set: source the file that `make up` names first\n")
        return 2
    account = account_from(os.environ)
    seed_clean(account)
    expected = plant_all(account) if options.estate == "planted" else {}
    print(json.dumps({check: sorted(found) for check, found in sorted(expected.items())}, indent=2))
    return 0


def account_from(environ: os._Environ[str] | dict[str, str]) -> Account:
    """The account that a sandbox's variables lead to."""
    return Account(
        make=lambda service: resources.client(service, environ),
        control=SandboxClient(environ["SANDBOX_CONTROL_URL"]),
        settings={name: value for name, value in environ.items() if name.startswith("MIGRATION_OPS_")},
    )


if __name__ == "__main__":
    sys.exit(main())
