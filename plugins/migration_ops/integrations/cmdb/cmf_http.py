"""One request to the CMF API: the raw token, the two kinds of 401, and the meaning of each answer (docs/cmdb.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests
from requests.auth import AuthBase

from migration_ops.integrations.cmdb.cmf_auth import Login, TokenCache
from migration_ops.integrations.errors import CmdbNotFoundError, CmdbRefusedError, CmdbUnavailableError

MAX_REASON_CHARS = 500


class RawToken(AuthBase):
    """Sends the ID token without ``Bearer``. As an auth object it also prevents that ``.netrc`` replaces it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._token
        return request


class CmfHttp:
    """Sends one request and translates its answer. Its only retry is one new login after a 401.

    :param base_url: the User API with its stage.
    :param timeout_seconds: for the connection and for each read; CMF itself ends a request after 29 s.
    """

    def __init__(
        self, base_url: str, login: Login, session: requests.Session, tokens: TokenCache, timeout_seconds: float
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._login = login
        self._session = session
        self._tokens = tokens
        self._timeout_seconds = timeout_seconds

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The decoded body of a 200.

        :raises CmdbUnavailableError: no answer, 429, 5xx, or no JSON: a write may have been applied.
        :raises CmdbNotFoundError: the id does not exist (CMF answers 400).
        :raises CmdbRefusedError: any other answer.
        """
        token = self._tokens.token(self._login)
        answer = self._once(method, path, body, token)
        if answer.status_code == 401 and _errors(answer) is None:
            token = self._tokens.renew(self._login, token)
            answer = self._once(method, path, body, token)
        return _judged(answer, method, path)

    def _once(self, method: str, path: str, body: dict[str, Any] | None, token: str) -> requests.Response:
        try:
            return self._session.request(
                method,
                self._base_url + path,
                json=body,
                auth=RawToken(token),
                timeout=self._timeout_seconds,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise CmdbUnavailableError(
                "the CMDB does not answer", call=f"{method} {path}", cause=type(error).__name__
            ) from error


def _judged(answer: requests.Response, method: str, path: str) -> Any:
    status, call = answer.status_code, f"{method} {path}"
    if status == 429 or status >= 500:
        raise CmdbUnavailableError("the CMDB cannot answer now", call=call, status=status)
    if status == 200:
        try:
            return answer.json()
        except ValueError as error:
            raise CmdbUnavailableError(
                "the CMDB answered something that is not JSON", call=call, status=status
            ) from error
    reason = "; ".join(_flat(_errors(answer)))[:MAX_REASON_CHARS]
    if status == 401 and not reason:
        raise CmdbRefusedError("the CMDB refuses a token that it has just given out", call=call, status=status)
    if status == 400 and "does not exist" in reason and "related record" not in reason:
        raise CmdbNotFoundError("the CMDB does not know this id", call=call, reason=reason)
    raise CmdbRefusedError("the CMDB refused the request", call=call, status=status, reason=reason)


def _errors(answer: requests.Response) -> Any:
    """The ``errors`` member of the body; None when there is none: in a 401 that means "log in again"."""
    try:
        document = answer.json()
    except ValueError:
        return None
    return document.get("errors") if isinstance(document, dict) else None


def _flat(errors: Any) -> Iterator[str]:
    """The texts in CMF's errors: strings, lists in lists, and objects with a ``cause``."""
    if isinstance(errors, str):
        yield errors
    elif isinstance(errors, dict):
        yield from _flat(errors.get("cause") or list(errors.values()))
    elif isinstance(errors, list):
        for one in errors:
            yield from _flat(one)
