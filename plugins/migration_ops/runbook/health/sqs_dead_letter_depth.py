"""Dead letters: each is a lost request. Counted from the queue's attributes, no message is received."""

from __future__ import annotations

from migration_ops.aws.inventory.sqs import may_take_dead_letters
from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(queue: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    """A queue of which nobody knows whether it takes dead letters is UNKNOWN only while it has messages."""
    takes = may_take_dead_letters(queue)
    if takes is False:
        return None
    if queue.maybe("elsewhere"):
        return warning(f"{queue['namedBy'][0]} sends its dead letters here; {queue['elsewhere']}")
    letters, most = queue["attributes"]["visible"] + queue["attributes"]["inFlight"], limits.queues.max_dead_letters
    if takes is None and letters <= most:
        return ok("no messages, whoever names this queue", value=letters, limit=most)
    return above(letters, most, _what(queue), FindingVerdict.CRITICAL)


def _what(queue: Facts) -> str:
    """:raises NotRead: nobody knows whether these are dead letters."""
    by = queue.maybe("namedBy", []) if queue["isDeadLetter"] else []
    return f"dead letters of {by[0]}{f' and {len(by) - 1} more' if len(by) > 1 else ''}" if by else "dead letters"
