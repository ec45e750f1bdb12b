"""The CMDB id and callback URL of a migration, kept in the ledger so that a rollback on request can use them too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.integrations.cmdb.identity import Identity
from migration_ops.ledger.protocol import Record
from migration_ops.wave.conf.model import WaveConf

# Fact of a record: {"cmdbId", "callbackUrl"}, each None when the wave's conf has none.
OUTSIDE = "outside"


def outside_fact(conf: WaveConf, cmdb_id: str | None) -> dict[str, Any]:
    """What the conf says of one server; no CMDB id where the conf does not write to the CMDB."""
    return {"cmdbId": cmdb_id if conf.cmdb.enabled else None, "callbackUrl": conf.callback_url}


def identity_of(view: ServerView | None, wave: str) -> Identity:
    """What the server's CMDB record must match; of a server that MGN no longer lists only the wave is known."""
    return Identity((view.hostname,) if view is not None and view.hostname else (), wave)


def callback_url_of(record: Record) -> str | None:
    """None: there is none, or an earlier version registered the migration."""
    return _of(record, "callbackUrl")


def cmdb_ids_of(records: Iterable[Record]) -> dict[str, str]:
    """
    CMDB ids by migration id. When several migrations have the same CMDB id, only the last one written keeps it.

    An ended migration may hold the same id as the server's present one.
    """
    newest = sorted(records, key=lambda one: one.updated_at or "")
    last = {found: record.migration_id for record in newest if (found := _of(record, "cmdbId"))}
    return {migration_id: found for found, migration_id in last.items()}


def _of(record: Record, key: str) -> str | None:
    fact = record.facts.get(OUTSIDE)
    value = fact.get(key) if isinstance(fact, dict) else None
    return value if isinstance(value, str) and value else None
