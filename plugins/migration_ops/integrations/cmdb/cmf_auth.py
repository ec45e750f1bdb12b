"""CMF's token: a Cognito ID token, valid for an hour, cached per process.

There are two ways to get it: the service account (Secrets Manager and InitiateAuth of cognito-idp), or CMF's Login API.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import requests

from migration_ops.aws.errors import BotoCoreError, ClientError
from migration_ops.integrations.errors import CmdbRefusedError, CmdbUnavailableError

RENEW_BEFORE_EXPIRY_SECONDS = 300.0
# Used when a token has no expiry; short, so that a wrong guess causes one more login and not a 401.
UNSTATED_LIFETIME_SECONDS = 600.0
# Codes of Cognito and Secrets Manager after which a retry may help, as after a 5xx or 429; others are refusals.
_TRANSIENT = frozenset(
    {"TooManyRequestsException", "ThrottlingException", "InternalErrorException", "InternalServiceError"}
)


class Login(Protocol):
    """One way to get a token."""

    @property
    def identity(self) -> tuple[str, ...]:
        """Identifies the account: the key in the cache."""

    def log_in(self) -> str:
        """A new ID token.

        :raises CmdbUnavailableError: no usable answer now.
        :raises CmdbRefusedError: the login was refused.
        """


@dataclass(frozen=True)
class CognitoServiceAccount:
    """CMF's service account: ``secret_id`` (``MFServiceAccount-{UserPoolId}``) holds username and password.

    :param client_factory: makes a boto3 client by service name (``secretsmanager``, ``cognito-idp``) for ``region``.
    """

    user_pool_id: str
    client_id: str
    secret_id: str
    region: str
    client_factory: Callable[[str], Any] = field(repr=False, compare=False)

    @property
    def identity(self) -> tuple[str, ...]:
        return ("cognito", self.user_pool_id, self.client_id, self.secret_id, self.region)

    def log_in(self) -> str:
        try:
            username, password = self._credentials()
            answer = self.client_factory("cognito-idp").initiate_auth(
                ClientId=self.client_id,
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": username, "PASSWORD": password},
            )
        except ClientError as error:
            raise _of_client_error(error) from None
        except BotoCoreError as error:
            # Some of these messages contain the parameters of the call, also the password: only the class is logged.
            raise CmdbUnavailableError(
                "the login of the CMDB's service account failed", cause=type(error).__name__
            ) from None
        token = (answer.get("AuthenticationResult") or {}).get("IdToken")
        if not token:
            raise CmdbRefusedError(
                "the service account was asked for another step (MFA, new password)",
                challenge=answer.get("ChallengeName"),
            )
        return str(token)

    def _credentials(self) -> tuple[str, str]:
        secret = self.client_factory("secretsmanager").get_secret_value(SecretId=self.secret_id)
        try:
            document = json.loads(secret["SecretString"])
            username, password = document["username"], document["password"]
        except (KeyError, TypeError, ValueError):
            username = password = None
        if not isinstance(username, str) or not isinstance(password, str):
            raise CmdbRefusedError('the secret is not {"username", "password"}', secretId=self.secret_id)
        return username, password


@dataclass(frozen=True)
class LoginEndpoint:
    """CMF's Login API: ``POST {login_url}`` with username and password returns the token as a JSON string."""

    login_url: str
    username: str
    password: str = field(repr=False)
    timeout_seconds: float = 30.0

    @property
    def identity(self) -> tuple[str, ...]:
        digest = hashlib.sha256(self.password.encode()).hexdigest()
        return ("login", self.login_url, self.username, digest)

    def log_in(self) -> str:
        try:
            answer = requests.post(
                self.login_url,
                json={"username": self.username, "password": self.password},
                timeout=self.timeout_seconds,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise CmdbUnavailableError("the CMDB's login does not answer", cause=type(error).__name__) from error
        if answer.status_code >= 500 or answer.status_code == 429:
            raise CmdbUnavailableError("the CMDB's login cannot answer now", status=answer.status_code)
        if answer.status_code != 200:
            raise CmdbRefusedError("the CMDB refused the login", status=answer.status_code, username=self.username)
        try:
            token = answer.json()
        except ValueError:
            token = None
        if not isinstance(token, str) or not token:
            # For an account with MFA the answer is a challenge instead; automation cannot answer it.
            raise CmdbRefusedError("the CMDB's login answered no token (MFA?)", username=self.username)
        return token


@dataclass
class _Cached:
    token: str
    until: float


class TokenCache:
    """Tokens by account. Thread-safe; one login at a time, so that waiting threads share the token."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, ...], _Cached] = {}

    def token(self, login: Login) -> str:
        """The cached token, or a new one if it expires within five minutes."""
        with self._lock:
            cached = self._tokens.get(login.identity)
            if cached and self._clock() < cached.until:
                return cached.token
            return self._log_in(login)

    def renew(self, login: Login, refused: str) -> str:
        """A token other than ``refused``: one that another thread got meanwhile, or a new one."""
        with self._lock:
            cached = self._tokens.get(login.identity)
            if cached and cached.token != refused and self._clock() < cached.until:
                return cached.token
            return self._log_in(login)

    def _log_in(self, login: Login) -> str:
        token = login.log_in()
        now = self._clock()
        ends = _expiry(token)
        until = now + UNSTATED_LIFETIME_SECONDS if ends is None else ends - RENEW_BEFORE_EXPIRY_SECONDS
        self._tokens[login.identity] = _Cached(token, until)
        return token


PROCESS_TOKENS = TokenCache()


def _expiry(token: str) -> float | None:
    """Epoch seconds at which the token expires, None when it does not say. The token is not verified here: CMF does."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def _of_client_error(error: ClientError) -> CmdbUnavailableError | CmdbRefusedError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    call = error.operation_name
    if code in _TRANSIENT or status >= 500 or status == 429:
        return CmdbUnavailableError("AWS could not log the CMDB's service account in now", call=call, awsCode=code)
    return CmdbRefusedError("AWS refused the login of the CMDB's service account", call=call, awsCode=code)
