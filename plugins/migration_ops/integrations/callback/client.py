"""Sends the result of a migration to a receiver: one signed request (Standard Webhooks), with retries.

2xx: delivered. 408, 429, 5xx, time-outs and connection errors: sent again. 410: the receiver wants no more messages.
Every other answer, also a redirect, is a refusal.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from tenacity.wait import wait_base

from migration_ops.core.errors import InstallationError
from migration_ops.integrations.callback.egress import ApprovedUrl, Resolver, check_url, resolve
from migration_ops.integrations.callback.pinned import DEADLINE_SECONDS, pinned_session
from migration_ops.integrations.callback.receivers import read_receivers
from migration_ops.integrations.callback.signing import SigningSecret, signed_headers, webhook_id
from migration_ops.integrations.errors import (
    CallbackFailedError,
    CallbackGoneError,
    CallbackRefusedError,
    NameNotResolvedError,
)

ATTEMPTS = 5
# Longer waits belong to Airflow's retry of the task: a worker slot must not sleep.
LONGEST_WAIT_SECONDS = 60.0
MAX_EXCERPT_CHARS = 200
_TRY_AGAIN = frozenset({408, 429})
_GONE = 410
_QUERY = re.compile(r"[A-Za-z0-9._~%=&+-]+")


@dataclass(frozen=True)
class CallbackEvent:
    """What is sent. ``times`` are ISO 8601 moments by name; ``error`` is ``{"code", "message", …}`` or None.

    :param occurrence: distinguishes a later run that reaches the same status (the DAG run's id).
    """

    migration_id: str
    wave: str
    app_name: str
    status: str
    phase: str
    correlation_id: str
    instance_id: str | None = None
    times: dict[str, str | None] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    occurrence: str = ""

    @property
    def webhook_id(self) -> str:
        """The same for every delivery of this event, also after tasks were retried or cleared."""
        return webhook_id(self.migration_id, self.status, self.phase, self.correlation_id, self.occurrence)

    def as_document(self) -> dict[str, Any]:
        return {
            "migrationId": self.migration_id,
            "wave": self.wave,
            "appName": self.app_name,
            "status": self.status,
            "phase": self.phase,
            "correlationId": self.correlation_id,
            "instanceId": self.instance_id,
            "times": self.times,
            "error": self.error,
        }


@dataclass(frozen=True)
class CallbackReceipt:
    """A delivery: the 2xx ``status``, how many ``attempts`` it took, when (ISO 8601, UTC) and under which id."""

    status: int
    attempts: int
    delivered_at: str
    webhook_id: str

    def as_document(self) -> dict[str, Any]:
        return asdict(self)


class CallbackClient:
    """Sends events to one URL.

    :param secrets: signing secrets ``whsec_…``; two during a rotation.
    :param allowed_hosts: see :func:`migration_ops.integrations.callback.egress.check_url`.
    :param wait: pause after attempt n; full jitter by default. A Retry-After replaces it, up to
        ``longest_wait_seconds``.
    :param timeouts_seconds: for the connection, and for each read of the answer.
    :param deadline_seconds: for one whole exchange, from the open connection to the answer's status.
    :param verify: a CA bundle for receivers with a private authority; certificates are always checked.
    :param query: added to the URL when it is called; never shown.
    :param receiver: the host; part of the signed document.
    """

    def __init__(
        self,
        url: str,
        secrets: Sequence[str],
        allowed_hosts: Sequence[str] = (),
        *,
        wait: wait_base | None = None,
        attempts: int = ATTEMPTS,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
        timeouts_seconds: tuple[float, float] = (5.0, 15.0),
        deadline_seconds: float = DEADLINE_SECONDS,
        verify: str | None = None,
        query: str = "",
        receiver: str = "",
        clock: Callable[[], float] = time.time,
        resolver: Resolver = resolve,
    ) -> None:
        """:raises InstallationError: there is no secret, or one is malformed."""
        if not secrets:
            raise InstallationError("callbacks need a signing secret", path="migration_callback.password")
        self._url = url
        self._secrets = tuple(SigningSecret(text) for text in secrets)
        self._allowed_hosts = tuple(allowed_hosts)
        self._wait = wait or wait_random_exponential(multiplier=1, max=20)
        self._attempts = attempts
        self._longest_wait_seconds = longest_wait_seconds
        self._timeouts_seconds = timeouts_seconds
        self._deadline_seconds = deadline_seconds
        self._verify: str | bool = verify or True
        self._query = query
        self._receiver = receiver
        self._clock = clock
        self._resolver = resolver

    def check(self) -> ApprovedUrl:
        """Whether the URL may be called; sends nothing.

        :raises ForbiddenUrlError: it may not.
        :raises NameNotResolvedError: its host has no address now.
        """
        return check_url(self._url, self._allowed_hosts, resolver=self._resolver)

    def send(self, event: CallbackEvent) -> CallbackReceipt:
        """Delivers one event.

        :raises ForbiddenUrlError: the URL may not be called; nothing was sent.
        :raises CallbackGoneError: 410.
        :raises CallbackRefusedError: another 4xx, a redirect, a certificate that is not valid for the host.
        :raises CallbackFailedError: no 2xx within the attempts.
        :raises NameNotResolvedError: the host has no address.
        """
        # With the receiver in the signed document, another receiver can reject a message that is forwarded to it.
        document = event.as_document() | ({"receiver": self._receiver} if self._receiver else {})
        body = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
        retrying = Retrying(
            retry=retry_if_exception_type((CallbackFailedError, NameNotResolvedError)),
            stop=stop_after_attempt(self._attempts),
            wait=self._pause,
            reraise=True,
        )
        for attempt in retrying:
            number = attempt.retry_state.attempt_number
            with attempt:
                status = self._attempt(body, event.webhook_id, number)
        delivered_at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        return CallbackReceipt(status, number, delivered_at, event.webhook_id)

    def _attempt(self, body: bytes, message_id: str, number: int) -> int:
        # Checked again for every attempt: the name may have other addresses now.
        approved = self.check()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "migration-ops",
            **signed_headers(self._secrets, message_id, int(self._clock()), body),
        }
        about = {"host": approved.host, "webhookId": message_id, "attempts": number}
        with pinned_session(approved, number - 1, deadline_seconds=self._deadline_seconds) as session:
            try:
                with session.post(
                    _with_query(approved, self._query).url,
                    data=body,
                    headers=headers,
                    timeout=self._timeouts_seconds,
                    verify=self._verify,
                    allow_redirects=False,
                    stream=True,
                ) as answer:
                    return self._judged(answer, about)
            except requests.exceptions.SSLError as error:
                if "CERTIFICATE_VERIFY_FAILED" in str(error):
                    raise CallbackRefusedError("the receiver's certificate does not fit its name", **about) from None
                raise CallbackFailedError("no TLS connection to the receiver", **about) from None
            except requests.RequestException as error:
                # Not chained: the text of these errors repeats the URL, and its query may carry a token.
                raise CallbackFailedError("the receiver did not answer", cause=type(error).__name__, **about) from None

    def _judged(self, answer: requests.Response, about: dict[str, Any]) -> int:
        status = answer.status_code
        if 200 <= status < 300:
            return status
        about = {**about, "status": status, "answer": _excerpt(answer)}
        if status == _GONE:
            raise CallbackGoneError("the receiver takes no messages any more", **about)
        if status in _TRY_AGAIN or status >= 500:
            seconds = _retry_after(answer.headers.get("Retry-After"), self._clock())
            raise CallbackFailedError("the receiver cannot take the message now", retryAfterSeconds=seconds, **about)
        if 300 <= status < 400:
            raise CallbackRefusedError("the receiver answered with a redirect, which is never followed", **about)
        raise CallbackRefusedError("the receiver refused the message", **about)

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.context.get("retryAfterSeconds") if isinstance(error, CallbackFailedError) else None
        seconds = self._wait(state) if asked is None else float(asked)
        return min(seconds, self._longest_wait_seconds)


def from_connection(url: str, password: str | None, extra: dict[str, Any], **options: Any) -> CallbackClient:
    """A client for ``url`` from the plain fields of the connection ``migration_callback``.

    :param password: the signing secret ``whsec_…``.
    :param extra: see :class:`migration_ops.integrations.callback.receivers.Receivers`.
    :raises InstallationError: the connection does not hold what it should; the path names the field.
    :raises ForbiddenUrlError: the connection does not list the host.
    """
    found = read_receivers(password, extra)
    receiver = found.of(url, options.get("resolver", resolve))
    query = receiver.query.get_secret_value() if receiver.query else ""
    about = {"verify": found.ca_file, "query": query, "receiver": urlsplit(url).hostname or ""}
    return CallbackClient(url, receiver.secrets, found.hosts, **(about | options))


def _with_query(approved: ApprovedUrl, query: str) -> ApprovedUrl:
    """:raises InstallationError: ``query`` is no query string."""
    if not query:
        return approved
    if not _QUERY.fullmatch(query):
        raise InstallationError("must be name=value&…, URL-encoded", path="migration_callback.extra.receivers.query")
    return replace(approved, url=approved.url + ("&" if "?" in approved.url else "?") + query)


def _excerpt(answer: requests.Response) -> str:
    """The first characters of the answer's body, printable, for the error; a receiver may answer with megabytes."""
    try:
        raw = answer.raw.read(MAX_EXCERPT_CHARS, decode_content=True) or b""
    except (urllib3.exceptions.HTTPError, OSError):
        # The status is enough for the error.
        return ""
    text = raw.decode("utf-8", "replace")[:MAX_EXCERPT_CHARS]
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _retry_after(header: str | None, now: float) -> float | None:
    """Seconds of a Retry-After header, which is a number of seconds or a date; None when it is neither."""
    if not header:
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return float(header.strip()[:9])
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
