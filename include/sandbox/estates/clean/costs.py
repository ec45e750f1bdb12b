"""What the account costs: the same every day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from include.sandbox.estates.account import Account

# Service, usage type, a day in USD, wave.
DAILY = (
    ("Amazon Elastic Compute Cloud - Compute", "BoxUsage:t3.medium", 42.0, "estate-wave-1"),
    ("Amazon Elastic Compute Cloud - Compute", "BoxUsage:m5.large", 21.5, "estate-wave-2"),
    ("EC2 - Other", "EBS:VolumeUsage.gp3", 12.4, "estate-wave-1"),
    ("EC2 - Other", "DataTransfer-Regional-Bytes", 3.1, "estate-wave-1"),
    ("Amazon DynamoDB", "WriteRequestUnits", 0.9, ""),
    ("AWS Lambda", "Lambda-GB-Second", 0.7, ""),
    ("AmazonCloudWatch", "DataProcessing-Bytes", 2.2, ""),
)
# Two whole months and what has gone by of this one, whatever the day.
DAYS = 100


def seed(account: Account) -> None:
    if account.control is None:
        return
    book(account, [line(account, service, usage, amount, wave=wave) for service, usage, amount, wave in DAILY])


def line(
    account: Account,
    service: str,
    usage_type: str,
    amount: float,
    *,
    wave: str = "",
    days_ago: tuple[int, int] = (DAYS, 0),
) -> dict[str, Any]:
    """``amount`` USD on each day from so many days ago to so many days ago."""
    first, last = (account.now.date() - timedelta(days=days) for days in days_ago)
    found: dict[str, Any] = {"service": service, "usageType": usage_type, "amount": amount}
    found |= {"from": first.isoformat(), "to": last.isoformat()}
    return found | ({"tags": {"wave": wave}} if wave else {})


def book(account: Account, lines: list[dict[str, Any]]) -> None:
    account.control.write_history(costs=lines)
