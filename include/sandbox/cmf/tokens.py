"""Who may call the CMF API: ID tokens of a Cognito pool in moto, or tokens of our own when there is no moto."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any, Protocol

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

from include.sandbox.naming import INTERNAL_AGENT

USERNAME = "serviceaccount@yourdomain.com"
LOCAL_LIFETIME_SECONDS = 3600


class BadToken(Exception):
    """The authorizer's 401; ``message`` is the body's."""

    def __init__(self, message: str = "Unauthorized") -> None:
        super().__init__(message)
        self.message = message


class Issuer(Protocol):
    """Gives tokens out and reads them."""

    connection_extra: dict[str, str]

    def log_in(self, username: str, password: str) -> str | None:
        """A token, None for bad credentials."""

    def claims(self, token: str) -> dict[str, Any]:
        """The verified claims. :raises BadToken:"""


class LocalIssuer:
    """Signs its own tokens; for a CMF API that stands alone."""

    connection_extra: dict[str, str] = {}

    def __init__(self, password: str, lifetime_seconds: float) -> None:
        self._key = OctKey.generate_key(256)
        self._password = password
        self._lifetime_seconds = lifetime_seconds

    def log_in(self, username: str, password: str) -> str | None:
        if username != USERNAME or not secrets.compare_digest(password, self._password):
            return None
        now = time.time()
        claims = {"cognito:username": username, "iat": int(now), "exp": now + self._lifetime_seconds}
        return jwt.encode({"alg": "HS256"}, claims | {"jti": secrets.token_hex(8)}, self._key)

    def claims(self, token: str) -> dict[str, Any]:
        return _unexpired(_decoded(token, self._key, "HS256"))


class CognitoIssuer:
    """A user pool, an app client and a confirmed service account in moto, with the secret CMF keeps for it."""

    def __init__(self, moto_url: str, region: str, password: str) -> None:
        self._region = region
        self._cognito = _client("cognito-idp", moto_url, region)
        pool = self._cognito.create_user_pool(PoolName="migration-factory-sandbox")["UserPool"]
        self._pool_id = str(pool["Id"])
        client = self._cognito.create_user_pool_client(
            UserPoolId=self._pool_id,
            ClientName="migration-factory-client",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        )["UserPoolClient"]
        self._client_id = str(client["ClientId"])
        self._cognito.admin_create_user(UserPoolId=self._pool_id, Username=USERNAME, MessageAction="SUPPRESS")
        self._cognito.admin_set_user_password(
            UserPoolId=self._pool_id, Username=USERNAME, Password=password, Permanent=True
        )
        secret_id = f"MFServiceAccount-{self._pool_id}"
        _client("secretsmanager", moto_url, region).create_secret(
            Name=secret_id, SecretString=f'{{"username": "{USERNAME}", "password": "{password}"}}'
        )
        keys = requests.get(f"{moto_url}/{self._pool_id}/.well-known/jwks.json", timeout=10)
        self._keys = KeySet.import_key_set(keys.json())
        self.connection_extra = {
            "userPoolId": self._pool_id,
            "clientId": self._client_id,
            "secretId": secret_id,
            "region": region,
        }

    def log_in(self, username: str, password: str) -> str | None:
        try:
            answer = self._cognito.initiate_auth(
                ClientId=self._client_id,
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": username, "PASSWORD": password},
            )
        except ClientError:
            return None
        return str(answer["AuthenticationResult"]["IdToken"])

    def claims(self, token: str) -> dict[str, Any]:
        claims = _decoded(token, self._keys, "RS256")
        issuer = f"https://cognito-idp.{self._region}.amazonaws.com/{self._pool_id}"
        expected = (issuer, self._client_id, "id")
        if (claims.get("iss"), claims.get("aud"), claims.get("token_use")) != expected:
            raise BadToken
        return _unexpired(claims)


class Authorizer:
    """API Gateway's part: a raw ID token, not expired; tokens can be made to expire on request."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self._expired: set[str] = set()

    def user_of(self, header: str | None) -> str:
        """The user's name. :raises BadToken:"""
        if not header:
            raise BadToken
        claims = self._issuer.claims(header)
        with self._lock:
            self._seen.add(header)
            if header in self._expired:
                raise BadToken("The incoming token has expired")
        return str(claims.get("cognito:username", ""))

    def expire_tokens(self) -> int:
        """Every token that was used so far is expired from now on; returns how many."""
        with self._lock:
            self._expired |= self._seen
            return len(self._expired)


def _decoded(token: str, key: Any, algorithm: str) -> dict[str, Any]:
    try:
        return dict(jwt.decode(token, key, algorithms=[algorithm]).claims)
    except (JoseError, ValueError) as error:
        raise BadToken from error


def _unexpired(claims: dict[str, Any]) -> dict[str, Any]:
    if float(claims.get("exp", 0)) <= time.time():
        raise BadToken("The incoming token has expired")
    return claims


def _client(service: str, moto_url: str, region: str) -> Any:
    session: Any = boto3.session.Session("sandbox", "sandbox", region_name=region)
    return session.client(service, endpoint_url=moto_url, config=Config(user_agent_extra=INTERNAL_AGENT))
