"""HTTP check of a launched instance: only at the address that EC2 gave, and within a deadline."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import requests
import urllib3

from migration_ops.integrations.callback.addresses import Reach, plain, reach_of
from migration_ops.integrations.callback.egress import ApprovedUrl
from migration_ops.integrations.callback.pinned import pinned_session

# The conf of the check decides whether the certificate is checked.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

_HEADERS = {"User-Agent": "migration-ops", "Accept": "*/*", "Connection": "close"}


class NoAnswerError(Exception):
    """The instance gave no status; the text says why, without the address."""


@dataclass(frozen=True)
class HttpQuestion:
    """
    One GET request.

    :param address: an IPv4 or IPv6 address, as EC2 gives it.
    :param host: the Host header and the server name of TLS; None: the address.
    """

    scheme: str
    address: str
    port: int
    path: str
    host: str | None = None
    verify_tls: bool = False

    @property
    def url(self) -> str:
        """The URL as it is sent and shown; the connection always goes to ``address``."""
        name = (self.host or self.address).lower()
        return f"{self.scheme}://{f'[{name}]' if ':' in name else name}:{self.port}{self.path}"


def address_refusal(text: str) -> str | None:
    """Why no check may go to this address, None when it may: link-local, metadata, loopback, multicast, reserved.

    :raises ValueError: it is no address.
    """
    address = ipaddress.ip_address(text)
    if plain(address).is_loopback:
        return f"{text} is this machine's own address"
    if reach_of(address) is Reach.NEVER:
        return f"{text} is a link-local, metadata, multicast or reserved address"
    return None


def status_of(question: HttpQuestion, seconds: float) -> int:
    """The status of one GET. Redirects are not followed, the body is not read.

    :param seconds: for the whole exchange: connection, TLS, request and the headers of the answer.
    :raises NoAnswerError: there was none in time.
    """
    host = (question.host or question.address).lower()
    approved = ApprovedUrl(question.url, question.scheme, host, question.port, (question.address,))
    try:
        with (
            pinned_session(approved, deadline_seconds=seconds) as session,
            session.get(
                question.url,
                headers=_HEADERS,
                timeout=seconds,
                verify=question.verify_tls,
                allow_redirects=False,
                stream=True,
            ) as answer,
        ):
            return answer.status_code
    except requests.exceptions.SSLError as error:
        # requests and urllib3 each wrap the error of the socket; its text stays.
        is_certificate = "CERTIFICATE_VERIFY_FAILED" in str(error)
        why = f"its certificate is not valid for {host}" if is_certificate else "no TLS connection"
        raise NoAnswerError(why) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise NoAnswerError(f"no answer: {type(error).__name__}") from None
