"""Records, history lines and locks as DynamoDB items, and back.

One table, one key (``migrationId``). History and lock items carry none of the attributes that the indexes are built
on (``wave``, ``appName``, ``status``, ``updatedAt``), so an index holds migrations only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, DecimalException
from typing import Any

from boto3.dynamodb.types import DYNAMODB_CONTEXT, TypeDeserializer, TypeSerializer

from migration_ops.core.documents import iso
from migration_ops.core.errors import InvalidInputError
from migration_ops.core.states import Phase
from migration_ops.ledger.plain_values import NotPlainError, as_read, plain_from_map, plain_from_value, plain_to_value
from migration_ops.ledger.protocol import Holder, Intent, Record

Item = dict[str, Any]

KEY = "migrationId"
# One history line per write: a million writes of one migration are not expected.
SEQUENCE_DIGITS = 6
ERROR_MESSAGE_CHARACTERS = 4000

_SERIALIZER = TypeSerializer()
_DESERIALIZER = TypeDeserializer()

# Attribute name -> field of Record, for the plain ones.
_TEXTS = {
    "wave": "wave",
    "appName": "app_name",
    "sourceServerId": "source_server_id",
    "correlationId": "correlation_id",
    "dagRunId": "dag_run_id",
    "jobId": "job_id",
    "instanceId": "instance_id",
    "errorCode": "error_code",
    "errorMessage": "error_message",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "historyDigest": "history_digest",
}
_REQUIRED = frozenset({"wave", "app_name", "source_server_id", "history_digest"})
RECORD_ATTRIBUTES = frozenset(_TEXTS) | {
    "status",
    "phase",
    "version",
    "historySequence",
    "replicationLag",
    "intents",
    "facts",
}


def same_format(text: str) -> str:
    """An ISO 8601 time with a zone, in the ledger's format.

    :raises InvalidInputError: it is no time, or has no zone.
    """
    try:
        return iso(datetime.fromisoformat(text))
    except ValueError as error:
        raise InvalidInputError("not an ISO 8601 time", path="time", value=text) from error


def history_key(migration_id: str, sequence: int) -> str:
    return f"{migration_id}#{sequence:0{SEQUENCE_DIGITS}d}"


def lock_key(source_server_id: str) -> str:
    return f"server#{source_server_id}"


def key_of(migration_id: str) -> Item:
    return {KEY: {"S": migration_id}}


def to_value(value: Any, path: str = "value") -> Any:
    """A JSON value as a DynamoDB attribute value.

    :raises InvalidInputError: not a JSON value, or a number that DynamoDB cannot hold (NaN, > 38 digits).
    """
    try:
        return plain_to_value(value)
    except NotPlainError:
        pass
    try:
        return _SERIALIZER.serialize(_without_floats(value, path))
    except (TypeError, DecimalException) as error:
        raise InvalidInputError("DynamoDB cannot hold this value", path=path, type=type(value).__name__) from error


def from_value(value: Any) -> Any:
    """The JSON value of a DynamoDB attribute value: whole numbers as int, others as float."""
    try:
        return plain_from_value(value)
    except NotPlainError:
        return _without_decimals(_DESERIALIZER.deserialize(value))


def to_item(document: Mapping[str, Any]) -> Item:
    """Every entry that is not None, as attributes."""
    return {
        name: {"S": value} if type(value) is str else to_value(value, name)
        for name, value in document.items()
        if value is not None
    }


def from_item(item: Item) -> dict[str, Any]:
    try:
        return plain_from_map(item)
    except NotPlainError:
        return {name: from_value(value) for name, value in item.items()}


def read_back(document: Mapping[str, Any]) -> dict[str, Any]:
    """``from_item(to_item(document))``: every entry that is not None, as the table will return it."""
    try:
        return {name: as_read(value) for name, value in document.items() if value is not None}
    except NotPlainError:
        return from_item(to_item(document))


def number_of(item: Item | None, name: str) -> int:
    """A whole-number attribute, 0 when it is absent or something else."""
    value = from_value(item[name]) if item and name in item else 0
    return value if isinstance(value, int) else 0


def text_of(item: Item | None, name: str) -> str:
    """A text attribute, empty when it is absent."""
    return str(from_value(item[name])) if item and name in item else ""


def _without_floats(value: Any, path: str) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInputError("not a number that can be stored", path=path, value=repr(value))
        return DYNAMODB_CONTEXT.create_decimal(str(value))
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise InvalidInputError("names must be text", path=path)
        return {str(name): _without_floats(one, f"{path}.{name}") for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_floats(one, f"{path}[{index}]") for index, one in enumerate(value)]
    if value is None or isinstance(value, (bool, int, str)):
        # An enum of text is written as its text.
        return str(value) if isinstance(value, str) else value
    raise InvalidInputError("not a JSON value", path=path, type=type(value).__name__)


def _without_decimals(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _without_decimals(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_decimals(one) for one in value]
    return value


def document_of(record: Record) -> dict[str, Any]:
    """All attributes of a record except its key; empty ones are None (an index refuses empty text)."""
    document: dict[str, Any] = {name: getattr(record, field) or None for name, field in _TEXTS.items()}
    document["errorMessage"] = _shortened(record.error_message)
    document["status"] = record.status.value
    document["phase"] = record.phase.value
    document["version"] = record.version
    document["historySequence"] = record.history_sequence
    document["replicationLag"] = record.replication_lag_seconds
    document["intents"] = {name: _intent_document(intent) for name, intent in record.intents.items()}
    document["facts"] = record.facts
    return document


def record_of(item: Item) -> Record:
    """The record in an item.

    :raises InvalidInputError: the item is malformed: this package did not write it, and a person must look.
    """
    document = from_item(item)
    try:
        return _record_of(document)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            "the ledger item is malformed", migrationId=document.get(KEY), cause=repr(error)
        ) from error


def _record_of(document: dict[str, Any]) -> Record:
    lag = document.get("replicationLag")
    texts: dict[str, Any] = {
        field: document.get(name, "" if field in _REQUIRED else None) for name, field in _TEXTS.items()
    }
    return Record(
        migration_id=document[KEY],
        phase=Phase(document["phase"]),
        version=int(document["version"]),
        history_sequence=int(document.get("historySequence", 0)),
        replication_lag_seconds=None if lag is None else float(lag),
        intents={name: _intent_of(one) for name, one in document.get("intents", {}).items()},
        facts=document.get("facts", {}),
        **texts,
    )


def _shortened(message: str | None) -> str | None:
    if message is None or len(message) <= ERROR_MESSAGE_CHARACTERS:
        return message or None
    return f"{message[:ERROR_MESSAGE_CHARACTERS]} [truncated: {len(message)} characters]"


def _intent_document(intent: Intent) -> dict[str, Any]:
    document = {
        "action": intent.action,
        "intentId": intent.intent_id,
        "attempt": intent.attempt,
        "writtenAt": intent.written_at,
        "jobId": intent.job_id,
        "outcome": intent.outcome,
    }
    return {name: value for name, value in document.items() if value is not None}


def _intent_of(document: dict[str, Any]) -> Intent:
    return Intent(
        action=document["action"],
        intent_id=document["intentId"],
        attempt=int(document["attempt"]),
        written_at=document["writtenAt"],
        job_id=document.get("jobId"),
        outcome=document.get("outcome"),
    )


def lock_attributes(holder: Holder, since: str) -> dict[str, dict[str, Any]]:
    """``lockedFor``, not ``wave``: a lock must not appear in the index of waves."""
    return to_item({**holder.identity, "lockedFor": holder.wave, "since": since})


def holder_of(item: Item) -> Holder:
    document = from_item(item)
    return Holder(
        dag_id=document.get("dagId", ""),
        run_id=document.get("runId", ""),
        wave=document.get("lockedFor", ""),
        since=document.get("since"),
        nonce=document.get("nonce", ""),
        airflow=document.get("airflow", ""),
    )
