"""Did MGN's post-launch actions of a launched server succeed? (MGN DescribeJobs, postLaunchActionsStatus)

The launch itself is LAUNCHED and the job COMPLETED also when such an action failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migration_ops.aws.mgn.jobs import JobView
from migration_ops.core.verdict import Fact, GateResult, blocked, combine, unknown

NAME = "post-launch actions"
_SUCCESS, _FAILED, _RUNNING = "SUCCESS", "FAILED", "IN_PROGRESS"


def judge_actions(job: JobView | None, server_id: str) -> GateResult:
    """BLOCKED: an action failed that must succeed. UNKNOWN: one still runs, or MGN does not say.

    An action counts as one that must succeed unless MGN says that it need not; one that need not is only named.

    :param job: the job that launched the server; None when MGN does not list it.
    :return: value is how each action stands, by its name; no actions are OK.
    """
    if job is None:
        lost = [unknown("MGN does not list the job that launched it")]
        return combine(NAME, server_id, lost, value=None, limit=_SUCCESS, ok="")
    actions = job.actions.get(server_id) or []
    optional = [_words(one) for one in actions if one.get("required") is False and one.get("status") != _SUCCESS]
    ok = "; ".join(["all that must succeed did" if actions else "there are none", *optional])
    value = {str(one.get("name")): one.get("status") for one in actions}
    return combine(NAME, server_id, _against(actions), value=value, limit=_SUCCESS, ok=ok)


def _against(actions: list[dict[str, Any]]) -> Iterator[Fact]:
    for one in actions:
        if one.get("required") is False or one.get("status") == _SUCCESS:
            continue
        yield blocked(_words(one)) if one.get("status") == _FAILED else unknown(_words(one))


def _words(action: dict[str, Any]) -> str:
    status = action.get("status")
    said = "still runs" if status == _RUNNING else f"is {status or 'without a status'}"
    because = f": {action['reason']}" if action.get("reason") else ""
    return f"action {action.get('name')} ({action.get('document')}) {said}{because}"
