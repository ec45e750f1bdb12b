"""Which hosts may get callbacks, and with which secret: the connection ``migration_callback``.

A host that the connection does not list gets nothing, even if it is public: a message that is signed for one receiver
must not be useful at another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

from migration_ops.core.errors import InstallationError
from migration_ops.integrations.callback.egress import Resolver, lists, resolve
from migration_ops.integrations.callback.signing import SigningSecret
from migration_ops.integrations.errors import ForbiddenUrlError

CONNECTION = "migration_callback"
_FIELD = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Receiver(BaseModel):
    """
    One receiver.

    :param host: as an entry of ``allowedHosts``: ``host``, ``host:port``, an address or a CIDR.
    :param secret: its own signing secret, ``whsec_…``.
    :param previous_secret: during a rotation messages are signed with this one too.
    :param query: added to the URL when it is called, ``token=…``. It is here because everybody who may see runs can
        read a conf.
    """

    model_config = _FIELD

    host: Annotated[str, Field(min_length=1)]
    secret: SecretStr
    previous_secret: SecretStr | None = None
    query: SecretStr | None = None

    @property
    def secrets(self) -> list[str]:
        """The secrets, the current one first."""
        return [one.get_secret_value() for one in (self.secret, self.previous_secret) if one is not None]


class Receivers(BaseModel):
    """
    The contents of the connection.

    :param allowed_hosts: receivers that share the connection's own secret (its password).
    :param previous_secret: the shared secret before, during a rotation.
    :param ca_file: CA bundle for receivers with a private authority.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    receivers: tuple[Receiver, ...] = ()
    allowed_hosts: tuple[Annotated[str, Field(strict=True)], ...] = ()
    previous_secret: SecretStr | None = None
    ca_file: str | None = None
    password: SecretStr | None = None

    def of(self, url: str, resolver: Resolver = resolve) -> Receiver:
        """
        The receiver at this URL.

        :raises ForbiddenUrlError: the connection does not list the host.
        :raises InstallationError: there is no valid secret to sign with, or an entry is malformed.
        :raises NameNotResolvedError: the host has no address now.
        """
        if self.password is not None or not self.receivers:
            self._own_secret()
        for one in self.receivers:
            if lists([one.host], url, resolver=resolver):
                return one
        if not lists(self.allowed_hosts, url, resolver=resolver):
            raise ForbiddenUrlError(
                f"the connection {CONNECTION} does not list the host as a receiver",
                path="callbackUrl",
                host=urlsplit(url).hostname or "",
            )
        return Receiver(host="-", secret=self._own_secret(), previous_secret=self.previous_secret)

    def _own_secret(self) -> SecretStr:
        """:raises InstallationError: there is no password, or it is no signing secret."""
        if self.password is None:
            raise InstallationError("callbacks need a signing secret", path=f"{CONNECTION}.password")
        SigningSecret(self.password.get_secret_value())
        return self.password

    @property
    def hosts(self) -> tuple[str, ...]:
        """All hosts that this connection lists, as entries of an allow-list."""
        return (*self.allowed_hosts, *(one.host for one in self.receivers))


def read_receivers(password: str | None, extra: Mapping[str, Any]) -> Receivers:
    """
    Reads the connection's plain fields.

    :raises InstallationError: a field is invalid; the path names it, the value is not shown.
    """
    given = {name: value for name, value in extra.items() if value is not None}
    allowed = given.get("allowedHosts") or []
    if not isinstance(allowed, list) or not all(isinstance(one, str) for one in allowed):
        raise InstallationError("must be a list of strings", path=f"{CONNECTION}.extra.allowedHosts")
    try:
        return Receivers.model_validate({**given, "allowedHosts": allowed, "password": password or None})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        path = _path(first["loc"])
        raise InstallationError(str(first["msg"]), path=f"{CONNECTION}.extra.{path}") from None


def _path(location: Sequence[int | str]) -> str:
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in location).lstrip(".")
