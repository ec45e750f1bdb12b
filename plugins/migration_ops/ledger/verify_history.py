"""Checks the ledger for tampering: histories, records, archive copies, evidence, locks and anchors.

``python -m migration_ops verify-history --table migration-state [--wave wave-3 | --migration-id mig-web01]``

Without a choice the whole table is checked. Exit code 0: all whole; 1: something is broken; 2: unknown, because
something could not be read, there was nothing to check, or there are no anchors and no ``--without-anchors``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import boto3

from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.core.batches import in_groups
from migration_ops.core.errors import InvalidInputError, MigrationError
from migration_ops.core.settings import read_settings
from migration_ops.ledger.anchor_signing import Signer
from migration_ops.ledger.anchor_store import AnchorStore
from migration_ops.ledger.anchor_trail import Trail, read_trail
from migration_ops.ledger.anchored import against_anchors
from migration_ops.ledger.items import lock_key, text_of
from migration_ops.ledger.judgement import Judgement
from migration_ops.ledger.line_evidence import of_evidence
from migration_ops.ledger.lock_check import of_locks
from migration_ops.ledger.stored_chain import StoredChain, read_chains
from migration_ops.ledger.survey import Survey, of_wave, whole_table
from migration_ops.ledger.table import Table, package_errors

WHOLE, BROKEN, UNKNOWN = 0, 1, 2
CHAINS_A_READ = 50
UNCHECKED = (
    "whether a migration was deleted completely, a history shortened and its record reset, or a chain computed again: "
    "only anchors show that"
)


@dataclass
class Result:
    """Prints judgements and counts them.

    ``missing``: migrations without record, history and anchor. ``unanchored``: migrations with lines after their newest
    anchor.
    """

    broken: int = 0
    unknown: int = 0
    missing: int = 0
    unanchored: list[str] = field(default_factory=list)

    def take(self, judgement: Judgement) -> None:
        for prefix, reasons in (
            ("BROKEN", judgement.broken),
            ("UNKNOWN", judgement.unknown),
            ("NOTE", judgement.notes),
        ):
            for reason in reasons:
                print(f"{prefix} {reason}")
        self.broken += bool(judgement.broken)
        self.unknown += bool(judgement.unknown)

    @property
    def code(self) -> int:
        if self.broken:
            return BROKEN
        return UNKNOWN if self.unknown or self.missing else WHOLE


def main(
    arguments: list[str] | None = None, client: Any = None, make_client: Callable[[str], Any] | None = None
) -> int:
    """The command; see the module's docstring.

    :param client: a boto3 DynamoDB client, by default one from ``make_client``.
    :param make_client: makes a boto3 client by service name, by default from the environment.
    :return: the exit code.
    """
    try:
        options = _parser().parse_args(arguments)
        clients = cache(make_client or partial(_client, options.region))
        with package_errors(mutating=False):
            table = Table(client or clients("dynamodb"), options.table)
        return _verify(table, options, clients)
    except MigrationError as error:
        print(f"UNKNOWN {error}", file=sys.stderr)
        return UNKNOWN


def _client(region: str | None, service: str) -> Any:
    make: Any = boto3.client
    return make(service, region_name=region)


def _verify(table: Table, options: argparse.Namespace, clients: Callable[[str], Any]) -> int:
    result = Result()
    trail = _trail(options, clients, result)
    store = EvidenceStore(clients, options.bucket, options.bucket_owner) if options.bucket else None
    survey = _survey(table, options, trail)
    if not survey.migrations:
        print("UNKNOWN nothing to check: no such migrations", file=sys.stderr)
        return result.code or UNKNOWN
    chains = _judge_all(table, survey, trail, store, result)
    if not survey.is_whole_table:
        survey.locks = _locks_of(table, chains)
    result.take(of_locks(survey.locks, chains, is_whole_table=survey.is_whole_table))
    _say_what_is_not_anchored(trail, result)
    print(f"{len(survey.migrations)} checked, {result.broken} broken, {result.missing} missing")
    return result.code


def _trail(options: argparse.Namespace, clients: Callable[[str], Any], result: Result) -> Trail | None:
    """The anchors; None when they are not used, cannot be read, or there are none. The result says which."""
    if options.without_anchors:
        print(f"NOT CHECKED (--without-anchors) {UNCHECKED}")
        return None
    try:
        store = _anchor_store(options, clients)
        trail = read_trail(store, options.table, [Signer(clients("kms"), one) for one in options.kms_key])
    except MigrationError as error:
        result.take(Judgement(unknown=(f"the anchors could not be read: {error}",)))
        print(f"NOT CHECKED {UNCHECKED}")
        return None
    result.take(trail.judgement)
    if not trail.files:
        result.take(Judgement(unknown=(f"there are no anchors in s3://{store.bucket}/{store.prefix}",)))
        print(f"NOT CHECKED {UNCHECKED}")
        return None
    every = f"the newest of every chain is of {trail.newest_of_all}" if trail.newest_of_all else "none of every chain"
    print(f"{trail.files} anchors, the newest of {trail.newest}, {every}")
    return trail


def _anchor_store(options: argparse.Namespace, clients: Callable[[str], Any]) -> AnchorStore:
    given = options.anchors or (f"s3://{options.bucket}/anchors/" if options.bucket else "")
    if not given:
        raise InvalidInputError("no bucket of anchors is named", path="--anchors or MIGRATION_OPS_EVIDENCE_BUCKET")
    bucket, _, prefix = given.removeprefix("s3://").partition("/")
    if not given.startswith("s3://") or not bucket:
        raise InvalidInputError("anchors are at s3://<bucket>/<prefix>/", path="--anchors", value=given)
    whole = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
    # The owner is only known for the evidence bucket.
    owner = options.bucket_owner if bucket == options.bucket else ""
    return AnchorStore(clients, bucket, prefix=whole, owner=owner)


def _survey(table: Table, options: argparse.Namespace, trail: Trail | None) -> Survey:
    if options.migration_id:
        return Survey(migrations=set(options.migration_id))
    if options.wave:
        return of_wave(table, options.wave, trail.migrations_of(options.wave) if trail else set())
    survey = whole_table(table, time.time())
    survey.migrations |= set(trail.heads) if trail else set()
    return survey


def _judge_all(
    table: Table, survey: Survey, trail: Trail | None, store: EvidenceStore | None, result: Result
) -> list[StoredChain]:
    chains: list[StoredChain] = []
    for some in in_groups(sorted(survey.migrations), CHAINS_A_READ):
        for chain in read_chains(table, some, time.time()).values():
            chains.append(chain)
            _judge(chain, survey, trail, store, result)
    return chains


def _judge(
    chain: StoredChain, survey: Survey, trail: Trail | None, store: EvidenceStore | None, result: Result
) -> None:
    anchored = trail.heads.get(chain.migration_id, []) if trail else []
    if chain.item is None and not chain.lines:
        result.missing += not anchored
        if not anchored:
            print(f"UNKNOWN {chain.migration_id}: neither record nor history")
        result.take(against_anchors(chain, anchored, store))
        return
    judgement = chain.judged(store) + survey.beyond(chain) + of_evidence(chain.entries, store)
    result.take(judgement + against_anchors(chain, anchored, store) + _uncovered(chain))
    if trail and max((one.head.sequence for one in anchored), default=0) < chain.number("historySequence"):
        result.unanchored.append(chain.migration_id)


def _uncovered(chain: StoredChain) -> Judgement:
    if not chain.entries or chain.entries[-1].record_digest:
        return Judgement()
    return Judgement(notes=(f"{chain.migration_id}: no line covers the record's attributes: from an earlier release",))


def _locks_of(table: Table, chains: list[StoredChain]) -> dict[str, Any]:
    servers = sorted({server for chain in chains if (server := text_of(chain.item, "sourceServerId"))})
    found = table.get([lock_key(one) for one in servers])
    return {one: found[lock_key(one)] for one in servers if lock_key(one) in found}


def _say_what_is_not_anchored(trail: Trail | None, result: Result) -> None:
    if trail and result.unanchored:
        shown = ", ".join(result.unanchored[:10])
        number = len(result.unanchored)
        print(f"NOT CHECKED lines after the newest anchor, which can be computed again: {number} migrations ({shown})")


def _parser() -> argparse.ArgumentParser:
    """:raises InvalidInputError: a setting that is not of its type."""
    settings = read_settings()
    key = [settings.anchor_kms_key_id] if settings.anchor_kms_key_id else []
    parser = argparse.ArgumentParser(prog="verify_history", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--table", default=settings.table_name)
    parser.add_argument("--region", default=None, help="default: as the AWS SDK finds it")
    parser.add_argument("--bucket", default=settings.evidence_bucket, help="of archive copies and evidence")
    parser.add_argument("--bucket-owner", default=settings.evidence_bucket_owner, help="the account it must belong to")
    parser.add_argument("--anchors", default="", help="s3://bucket/anchors/, default: in the bucket of evidence")
    parser.add_argument("--without-anchors", action="store_true", help="accept that they are not compared")
    parser.add_argument("--kms-key", action="append", default=key, help="may sign anchors; may be given more than once")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--wave")
    choice.add_argument("--migration-id", action="append", help="may be given more than once")
    return parser


if __name__ == "__main__":
    sys.exit(main())
