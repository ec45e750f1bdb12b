"""When a secret was last read: moto 5.2.5 never tells. AWS tells the day, and nothing of a secret nobody has read."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Any

from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend

_KEPT = "sandbox_last_accessed"


@functools.cache
def install() -> None:
    """Patches moto in this process."""
    read, show = SecretsManagerBackend.get_secret_value, FakeSecret.to_dict

    def get_secret_value(self: SecretsManagerBackend, secret_id: str, *args: Any, **kwargs: Any) -> Any:
        found = read(self, secret_id, *args, **kwargs)
        set_last_accessed(self.secrets[secret_id], datetime.now(UTC))
        return found

    def to_dict(self: FakeSecret) -> dict[str, Any]:
        document: dict[str, Any] = show(self)
        at = getattr(self, _KEPT, None)
        return document if at is None else document | {"LastAccessedDate": at}

    SecretsManagerBackend.get_secret_value = get_secret_value
    FakeSecret.to_dict = to_dict


def set_last_accessed(secret: Any, at: datetime | None) -> None:
    """:param at: None = never."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0) if at else None
    setattr(secret, _KEPT, int(day.timestamp()) if day else None)
