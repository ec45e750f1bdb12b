"""The host names under which the API server answers: with ``MIGRATION_OPS_ALLOWED_HOSTS`` only those.

In the local stack everybody is an administrator, and so could be any web page: it makes its own host name resolve to
this machine (DNS rebinding), asks for a token, and reads the answer. But its requests carry that host name.
"""

from __future__ import annotations

import os
from typing import Any

from migration_ops.core.settings import PREFIX, read_settings

VARIABLE = f"{PREFIX}ALLOWED_HOSTS"


def allowed_hosts() -> list[str]:
    """Names of the setting; empty = any. Only this setting is read, so that a mistake in another one opens nothing."""
    given = read_settings({VARIABLE: os.environ.get(VARIABLE, "")})
    return [name for one in given.allowed_hosts.split(",") if (name := one.strip())]


def root_middlewares() -> list[dict[str, Any]]:
    """What the plugin adds to the API server: nothing without the setting. Other hosts are answered with 400."""
    names = allowed_hosts()
    if not names:
        return []
    # Imported only here: every task's process loads the plugin, and needs it only where the setting is used.
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    kwargs = {"allowed_hosts": names, "www_redirect": False}
    return [{"name": "migration_ops allowed hosts", "middleware": TrustedHostMiddleware, "args": [], "kwargs": kwargs}]
