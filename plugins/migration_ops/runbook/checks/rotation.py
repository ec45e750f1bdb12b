"""Whether a secret's rotation works: judged by its results, not by its setting."""

from __future__ import annotations

import re

from migration_ops.core.facts import Snapshot
from migration_ops.core.series import SECONDS_A_DAY, days_between

# Secrets Manager rotates at any time within the window of the day, and retries a failure.
GRACE_DAYS = 1.0
# A rotation takes minutes; its pending version stays when a step of it failed.
MOST_PENDING_DAYS = 1 / 24
_RATE = re.compile(r"rate\((\d+) (hour|day)s?\)")
_SECONDS = {"hour": 3_600, "day": SECONDS_A_DAY}
_BROKEN_FUNCTION = "Failed"


def cannot_be_changed(secret: Snapshot) -> str | None:
    """The service that owns a secret, which alone can rotate, change or delete it; None for the account's own."""
    owner: str | None = secret.optional("owner")
    return owner


def trouble(secret: Snapshot, now: str) -> str | None:
    """
    What is wrong with a rotation that is switched on; None when nothing is.

    :param now: when the secret was read, ISO 8601.
    :raises NotReadError: a member that decides was not read.
    """
    return _overdue(secret, now) or _pending(secret, now) or _function(secret)


def _overdue(secret: Snapshot, now: str) -> str | None:
    following, rotated = secret.optional("nextRotationAt"), secret.optional("rotatedAt")
    if following and days_between(following, now) > GRACE_DAYS:
        return f"its rotation is overdue since {following}"
    every = interval_days(secret)
    if rotated:
        age = days_between(rotated, now)
        is_late = every is not None and age > every + GRACE_DAYS
        return f"rotates every {every:g} days, and was rotated {age:g} days ago" if is_late else None
    age = days_between(secret["createdAt"], now)
    # Without an interval, nextRotationAt has the first date, which was checked above.
    if (every is None and not following) or (every is not None and age > every + GRACE_DAYS):
        return f"its rotation is on and never rotated it; it is {age:g} days old"
    return None


def _pending(secret: Snapshot, now: str) -> str | None:
    changed = secret.optional("changedAt")
    if not secret.optional("isPending") or (changed and days_between(changed, now) <= MOST_PENDING_DAYS):
        return None
    return f"a rotation began and did not end: its new version is pending since {changed or 'an unknown time'}"


def _function(secret: Snapshot) -> str | None:
    function = secret.optional("rotationFunction")
    if function is None:
        return None
    if not function["exists"]:
        return f"its rotation function does not exist: {function['arn']}"
    is_broken = function.optional("state") == _BROKEN_FUNCTION
    return f"its rotation function cannot be invoked: {function['arn']}" if is_broken else None


def interval_days(secret: Snapshot) -> float | None:
    """Days between two rotations; None when only a cron schedule says when."""
    rate = _RATE.fullmatch(str(secret.optional("schedule") or "").strip())
    if rate:
        return int(rate[1]) * _SECONDS[rate[2]] / SECONDS_A_DAY
    days = secret.optional("everyDays")
    # AWS fills it in for a cron schedule too, as an estimate: then the next date decides.
    return None if days is None or secret.optional("schedule") else float(days)
