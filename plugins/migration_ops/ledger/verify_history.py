"""Checks the hash chains of migrations against tampering.

``python -m migration_ops.ledger.verify_history --table migration-state [--wave wave-3 | --migration-id mig-web01]``

Without a choice every migration of the table is checked. Exit code 0: all whole; 1: findings; 2: unknown, because AWS
could not be asked or there was nothing to check.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from typing import Any

import boto3

from migration_ops.core.errors import MigrationError
from migration_ops.ledger.items import KEY
from migration_ops.ledger.stored_chain import read_chain
from migration_ops.ledger.table import Table, package_errors

WHOLE, BROKEN, UNKNOWN = 0, 1, 2


def main(arguments: list[str] | None = None, client: Any = None) -> int:
    """The command; see the module's text. ``client`` is a boto3 DynamoDB client, by default from the environment."""
    options = _parser().parse_args(arguments)
    try:
        with package_errors(mutating=False):
            table = Table(client or boto3.client("dynamodb", region_name=options.region), options.table)
        return _report(table, sorted(_chosen(table, options)))
    except MigrationError as error:
        print(f"UNKNOWN {error}", file=sys.stderr)
        return UNKNOWN


def _report(table: Table, migration_ids: list[str]) -> int:
    if not migration_ids:
        print("UNKNOWN nothing to check: no such migrations", file=sys.stderr)
        return UNKNOWN
    broken, missing = 0, 0
    for migration_id in migration_ids:
        chain = read_chain(table, migration_id, time.time())
        if chain.item is None and not chain.lines:
            missing += 1
            print(f"UNKNOWN {migration_id}: neither record nor history")
            continue
        problems = chain.problems()
        broken += bool(problems)
        for problem in problems:
            print(f"BROKEN {problem}")
    print(f"{len(migration_ids)} looked at, {broken} broken, {missing} missing")
    if broken:
        return BROKEN
    return UNKNOWN if missing else WHOLE


def _chosen(table: Table, options: argparse.Namespace) -> Iterable[str]:
    if options.migration_id:
        return set(options.migration_id)
    if options.wave:
        names, values = {"#hash": "wave"}, {":hash": options.wave}
        return {item[KEY]["S"] for item in table.query("wave-status-index", "#hash = :hash", names, values)}
    return _every_migration(table)


def _every_migration(table: Table) -> set[str]:
    """From the lines as well as the records: a record that was deleted must not take its history out of sight."""
    pages = table.client.get_paginator("scan").paginate(
        TableName=table.name, ProjectionExpression=f"{KEY}, historyOf, historySequence", ConsistentRead=True
    )
    found: set[str] = set()
    with package_errors(mutating=False):
        for item in (item for page in pages for item in page["Items"]):
            if "historyOf" in item and "expiresAt" not in item:
                found.add(item["historyOf"]["S"])
            elif "historySequence" in item:
                found.add(item[KEY]["S"])
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="verify_history", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--table", default="migration-state")
    parser.add_argument("--region", default=None, help="default: as the AWS SDK finds it")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--wave")
    choice.add_argument("--migration-id", action="append", help="may be given more than once")
    return parser


if __name__ == "__main__":
    sys.exit(main())
