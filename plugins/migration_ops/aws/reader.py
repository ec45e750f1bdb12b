"""Reads AWS for the checks. Every call may fail; the failure then becomes part of what was read."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Lock
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from migration_ops.aws.errors import to_aws_error
from migration_ops.core.batches import side_by_side
from migration_ops.core.config import RunbookConfig
from migration_ops.core.errors import MigrationError, UnknownError
from migration_ops.core.facts import failed, is_failed
from migration_ops.core.settings import Settings

T = TypeVar("T")
# Operations that return only a first page and no token, unless a page size is given (API references); the size.
PAGED_WHEN_ASKED = {
    ("sqs", "list_queues"): 1000,
    ("sqs", "list_dead_letter_source_queues"): 1000,
    ("s3", "list_buckets"): 1000,
}


@dataclass
class AwsReader:
    """
    What a reader module may use.

    :param make_client: makes a boto3 client by service name; called by one thread at a time.
    :param config: resources, thresholds and routes of this installation.
    :param settings: names of our own resources.
    :param now: the end of the window, UTC.
    :param window: how far back this run looks.
    :param in_region: makes a client by service and Region; None where only one Region can be asked.
    :param airflow: GET of our own Airflow's REST API: path below ``/api/v2`` and query → document.
    :param params: the run's params.
    :param read_at: the time of reading, if it is not the window's end: all readers of a run share one window.
    :param shares: whether the readers of one task share their listings.
    """

    make_client: Callable[[str], Any]
    config: RunbookConfig
    settings: Settings
    now: datetime
    window: timedelta
    airflow: Callable[[str, Mapping[str, Any]], Any] | None = None
    in_region: Callable[[str, str], Any] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    read_at: datetime | None = None
    shares: bool = False
    _clients: dict[str, Any] = field(default_factory=dict)
    _making: Lock = field(default_factory=Lock)
    _listed: dict[str, Any] = field(default_factory=dict, init=False)
    _listing: dict[str, Lock] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        # A reader that needs no configuration may be given none.
        if self.config:
            self.config = self.config.with_own(self.settings)

    @property
    def since(self) -> datetime:
        """The beginning of the window."""
        return self.now - self.window

    @property
    def clock(self) -> datetime:
        """The time of reading: ages are measured up to it."""
        return self.read_at or self.now

    def client(self, service: str) -> Any:
        """The client of a service, made once."""
        with self._making:
            if service not in self._clients:
                self._clients[service] = self.make_client(service)
            return self._clients[service]

    def call(self, service: str, operation: str, **request: Any) -> Any:
        """One call's answer without its metadata, as plain JSON; or the document of its failure."""
        return self.call_optional(service, operation, (), **request)

    def call_optional(self, service: str, operation: str, absent: Iterable[str], **request: Any) -> Any:
        """As :meth:`call`; None when AWS says, with one of the error codes ``absent``, that there is none."""
        codes = frozenset(absent)

        def read() -> dict[str, Any] | None:
            try:
                answer: dict[str, Any] = getattr(self.client(service), operation)(**request)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in codes:
                    return None
                raise
            return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

        return self.guarded(f"{service}:{operation}", read)

    def pages(self, service: str, operation: str, key: str, *, may_lack: bool = False, **request: Any) -> Any:
        """All pages' items under ``key``; or the document of the failure, also when only the last page failed.

        Uses the SDK's paginator, or ``NextToken`` where the SDK has none.

        :param may_lack: for operations that leave ``key`` out when the list is empty (SQS). Elsewhere an answer without
            it is a failure: a proxy's page may parse without error and lack it.
        """

        def read() -> list[Any]:
            pages = self._pages(service, operation, request)
            return [item for page in pages for item in (page.get(key, []) if may_lack else page[key])]

        return self.guarded(f"{service}:{operation}", read)

    def pages_or_none(self, service: str, operation: str, key: str, absent: Iterable[str], **request: Any) -> Any:
        """As :meth:`pages`; None when AWS says, with one of the error codes ``absent``, that the resource is gone."""
        codes = frozenset(absent)

        def read() -> list[Any] | None:
            try:
                return [item for page in self._pages(service, operation, request) for item in page[key]]
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in codes:
                    return None
                raise

        return self.guarded(f"{service}:{operation}", read)

    def _pages(self, service: str, operation: str, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        client = self.client(service)
        if client.can_paginate(operation):
            size = PAGED_WHEN_ASKED.get((service, operation))
            sized = {"PaginationConfig": {"PageSize": size}} if size else {}
            yield from client.get_paginator(operation).paginate(**sized, **request)
            return
        token: dict[str, str] = {}
        while True:
            page = getattr(client, operation)(**request, **token)
            yield page
            if not page.get("NextToken"):
                return
            if token == {"NextToken": page["NextToken"]}:
                raise UnknownError("the same page was answered again and again", operation=operation)
            token = {"NextToken": page["NextToken"]}

    def once(self, what: str, read: Callable[[], T]) -> T:
        """The first result of ``read`` under this name: parts of a reader, and parallel readers, share a listing."""
        with self._making:
            listing = self._listing.setdefault(what, Lock())
        with listing:
            if what not in self._listed:
                self._listed[what] = read()
            found: T = self._listed[what]
        return found

    def fresh(self) -> AwsReader:
        """A copy without listings; the reader itself where readers share their listings."""
        return self if self.shares else replace(self)

    def guarded(self, what: str, read: Callable[[], Any]) -> Any:
        """The result of ``read`` as plain JSON; or the document of its failure.

        :param what: the operation, for the message.
        """
        try:
            return plain_json(read())
        except (ClientError, BotoCoreError, ResponseParserError, MigrationError) as error:
            return failed(what, to_aws_error(error, mutating=False))
        except KeyError as error:
            return failed(what, to_aws_error(_MalformedError(f"the answer has no {error}"), mutating=False))

    def map(self, things: Any, read: Callable[[Any], dict[str, Any]]) -> Any:
        """``read`` of each thing, in parallel, results in order; the document of a failed listing is returned as is."""
        if is_failed(things):
            return things
        return side_by_side(things, read)

    def map_present(self, things: Any, read: Callable[[Any], dict[str, Any] | None]) -> Any:
        """As :meth:`map`, without those for which ``read`` returns None: deleted since they were listed."""
        found = things if is_failed(things) else side_by_side(things, read)
        return found if is_failed(found) else [one for one in found if one is not None]


class _MalformedError(MigrationError):
    """An answer lacks a member that it must have."""

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
