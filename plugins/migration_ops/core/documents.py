"""Names and digests that must come out the same on every run, host and Python."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

from migration_ops.core.errors import InvalidInputError

_SLUG_LENGTH = 40
# Made once: json.dumps makes an encoder at each call.
_DIGESTED = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_REHEARSAL_WAVE = re.compile(r"drill-[0-9a-f]{10}")


def canonical_digest(document: Any) -> str:
    """sha256 (hex) of a plain JSON value; it does not depend on the order of keys."""
    return hashlib.sha256(_DIGESTED.encode(document).encode("ascii")).hexdigest()


def migration_id_for(wave: str, source_server_id: str) -> str:
    """The migration id of a server in a wave when the conf names none; matches ``^mig-[A-Za-z0-9-]+$``.

    The digest makes ids differ for waves whose names are the same once reduced to letters and digits.
    """
    slug = re.sub(r"[^A-Za-z0-9]+", "-", wave)[:_SLUG_LENGTH].strip("-") or "wave"
    server = re.sub(r"[^A-Za-z0-9]+", "", source_server_id.removeprefix("s-")) or "server"
    return f"mig-{slug}-{server}-{canonical_digest([wave, source_server_id])[:8]}"


def rehearsal_wave_for(run: str) -> str:
    """The name of the wave that the recovery drill registers to rehearse a rollback."""
    return f"drill-{hashlib.sha256(run.encode()).hexdigest()[:10]}"


def is_rehearsal_wave(wave: str) -> bool:
    """Whether a wave was registered by the recovery drill: it migrates no servers."""
    return _REHEARSAL_WAVE.fullmatch(wave) is not None


def canonical(document: Any) -> str:
    """JSON with sorted keys and no spaces: the same text for the same value.

    :raises InvalidInputError: not a JSON value.
    """
    try:
        return _CANONICAL.encode(document)
    except (TypeError, ValueError) as error:
        raise InvalidInputError("not a JSON value", path="detail", cause=str(error)) from error


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and ``Z``: one format, because the index on ``updatedAt`` sorts as text.

    :raises InvalidInputError: a time without a zone.
    """
    if moment.tzinfo is None:
        raise InvalidInputError("a time in the ledger needs a zone", path="now", value=moment.isoformat())
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
