"""Reads AWS for the checks: every call may fail, a failure becomes part of what was read, and nothing is read twice."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Lock
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from migration_ops.aws.errors import classify
from migration_ops.core.batches import side_by_side
from migration_ops.core.config import RunbookConfig
from migration_ops.core.errors import MigrationError
from migration_ops.core.facts import failed, is_failed
from migration_ops.core.settings import Settings

T = TypeVar("T")


@dataclass
class Reader:
    """
    What a reader module may use.

    :param client: a boto3 client by service name (thread-safe to use; made one at a time).
    :param config: resources, thresholds and routes of this installation.
    :param settings: names of our own resources.
    :param now: the end of the window, UTC.
    :param window: how far back this run looks.
    :param in_region: a client of another Region by service and Region; None where only one Region can be asked.
    :param airflow: GET of our own Airflow's REST API: path below ``/api/v2`` and query → document.
    :param params: the run's params, for what a DAG asks beyond these.
    """

    client: Callable[[str], Any]
    config: RunbookConfig
    settings: Settings
    now: datetime
    window: timedelta
    airflow: Callable[[str, Mapping[str, Any]], Any] | None = None
    in_region: Callable[[str, str], Any] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict)
    _making: Lock = field(default_factory=Lock)

    @property
    def since(self) -> datetime:
        """The beginning of the window."""
        return self.now - self.window

    def of(self, service: str) -> Any:
        """The client of a service, made once."""
        with self._making:
            if service not in self._clients:
                self._clients[service] = self.client(service)
            return self._clients[service]

    def call(self, service: str, operation: str, **request: Any) -> Any:
        """One call's answer without its metadata, as plain JSON; or the document of its failure."""
        return self.call_or_none(service, operation, (), **request)

    def call_or_none(self, service: str, operation: str, absent: Iterable[str], **request: Any) -> Any:
        """As :meth:`call`; None when AWS says, by one of the error codes ``absent``, that there is none of it."""
        codes = frozenset(absent)

        def read() -> dict[str, Any] | None:
            try:
                answer: dict[str, Any] = getattr(self.of(service), operation)(**request)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in codes:
                    return None
                raise
            return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

        return self.attempt(f"{service}:{operation}", read)

    def pages(self, service: str, operation: str, key: str, *, may_lack: bool = False, **request: Any) -> Any:
        """All pages' items under ``key``; or the document of the failure, also when only the last page failed.

        With the SDK's own paginator, which knows the tokens.

        :param may_lack: for operations that leave ``key`` out when there is none (SQS). Elsewhere an answer without
            it is no empty list: a proxy's page parses without error and lacks it.
        """

        def read() -> list[Any]:
            pages = self.of(service).get_paginator(operation).paginate(**request)
            return [item for page in pages for item in (page.get(key, []) if may_lack else page[key])]

        return self.attempt(f"{service}:{operation}", read)

    def attempt(self, what: str, read: Callable[[], Any]) -> Any:
        """What ``read`` answers as plain JSON; or the document of its failure.

        :param what: the operation, for the message.
        """
        try:
            return plain_json(read())
        except (ClientError, BotoCoreError, ResponseParserError, MigrationError) as error:
            return failed(what, classify(error, mutating=False))
        except KeyError as error:
            return failed(what, classify(_Malformed(f"the answer has no {error}"), mutating=False))

    def each(self, things: Any, read: Callable[[Any], dict[str, Any]]) -> Any:
        """``read`` of each thing, side by side, in order; a list that failed to be read stays that failure."""
        if is_failed(things):
            return things
        return side_by_side(things, read)


class _Malformed(MigrationError):
    """An answer that lacks what it must have."""

    code = "MALFORMED_ANSWER"


def plain_json(value: Any) -> Any:
    """boto3's answer as JSON: times as ISO 8601 UTC, numbers as numbers, bytes as base64."""
    if isinstance(value, Mapping):
        return {str(name): plain_json(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain_json(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (bytes, bytearray)):
        return b64encode(bytes(value)).decode()
    return value
