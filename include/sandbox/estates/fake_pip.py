"""
Stands in for ``pip list --format json``, so that no test asks a package index: everything installed is up to date,
except the packages named by ``--newer``; those named by ``--unanswered`` are left out, as pip leaves out what its
index did not answer.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib.metadata import distributions


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--newer", action="append", default=[])
    parser.add_argument("--unanswered", action="append", default=[])
    parser.add_argument("--format", choices=["json"], required=True)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--outdated", action="store_true")
    which.add_argument("--uptodate", action="store_true")
    options = parser.parse_args()
    found = {one.metadata["Name"]: one.version for one in distributions()}
    rows = [
        {"name": name, "version": version} | ({"latest_version": "999.0"} if options.outdated else {})
        for name, version in sorted(found.items())
        if name not in options.unanswered and (name in options.newer) == options.outdated
    ]
    sys.stdout.write(json.dumps(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
