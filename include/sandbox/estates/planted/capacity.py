"""A quota that is nearly used up, one that will be soon, and a log that doubles and doubles again."""

from __future__ import annotations

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.growth import LAMBDA, VCPUS, daily, rising
from include.sandbox.estates.clean.lambda_ import make_function
from include.sandbox.estates.estate import Expected


def plant(account: Account) -> Expected:
    """Beside the clean values of the same metrics: of each day the larger one counts."""
    # 88 % of 640, and standing still.
    daily(account, "AWS/Usage", "ResourceCount", VCPUS, rising(560, 556))
    # From 10 to 70 % of 1,000 in a quarter: there in the next.
    daily(account, "AWS/Usage", "ResourceCount", LAMBDA, rising(100, 700))
    make_function(account, "chatty-function")
    own = {"LogGroupName": "/aws/lambda/chatty-function"}
    daily(account, "AWS/Logs", "IncomingBytes", own, rising(1e6, 9e7, days=70))
    return {
        "quota_usage": {"EC2 vCPUs of On-Demand Standard instances"},
        "quota_reached": {"Lambda concurrent executions"},
        "growth_forecast": {"/aws/lambda/chatty-function"},
    }
