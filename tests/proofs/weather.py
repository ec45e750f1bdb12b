"""The account's weather: what befalls requests below the SDK, for waves in memory.

Reads, and calls with a token, are sent again as often as the package's own configuration says; MGN's mutating calls
are sent once.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from include.simulation.faults import ReadKind
from include.simulation.table import client_error
from include.simulation.world import ANSWER_TIMEOUT_SECONDS, World
from migration_ops.aws.mgn.hook import READ_CONFIG, SEND_ONCE

THROTTLED, SERVER_ERRORS, LOST, DOUBLED = 0.30, 0.10, 0.03, 0.05
# Its calls are sent once, whatever the client's configuration says: a second one could act a second time.
ONCE = "mgn"
_SENT_AGAIN = frozenset({"ThrottlingException", "InternalServerException", "lost"})


def attempts_of(config: Any) -> int:
    return int(config.retries["total_max_attempts"])


@dataclass
class Weather(World):
    """30 % of the requests are throttled, 10 % answered with 5xx, each takes 1 to 5 s; answers are lost or come twice.

    :param dice: None in calm weather.
    :param side_by_side: workers. The simulation has one clock, on which only one call at a time takes its seconds; of
        many workers each call takes its share of them, so that deadlines mean what they mean.
    :param throttles: says of a request in calm weather, by operation and task, whether it is throttled.
    """

    dice: random.Random | None = None
    side_by_side: int = 1
    throttles: Callable[[str, str], bool] = lambda operation, task: False
    seen: Counter[str] = field(default_factory=Counter)
    executed: Counter[tuple[str, str]] = field(default_factory=Counter)

    def read(self, operation: str, execute: Callable[[ReadKind | None], Any]) -> Any:
        answer = self._tried(operation, attempts_of(READ_CONFIG), lambda: super(Weather, self).read(operation, execute))
        if self._draws(DOUBLED) and isinstance(answer, dict) and isinstance(answer.get("items"), list):
            self.seen["doubled answer"] += 1
            return {**answer, "items": answer["items"] * 2}
        return answer

    def send(
        self,
        service: str,
        operation: str,
        subjects: Iterable[str],
        execute: Callable[[], Any],
        tags: dict[str, str] | None = None,
    ) -> Any:
        about = tuple(subjects)

        def counted() -> Any:
            answer = execute()
            self.executed.update((operation, one) for one in about)
            return answer

        def once() -> Any:
            answer = super(Weather, self).send(service, operation, about, counted, tags)
            if service != "ssm" and self._draws(DOUBLED):
                self._again(counted)
            return answer

        attempts = attempts_of(SEND_ONCE if service == ONCE else READ_CONFIG)
        return self._tried(operation, attempts, once, is_sent=True)

    def _again(self, execute: Callable[[], Any]) -> None:
        """Something between us and AWS sent the request a second time; the answer is the first one's."""
        self.seen["doubled request"] += 1
        try:
            execute()
        except ClientError:
            self.seen["doubled request refused"] += 1

    def _tried(self, operation: str, attempts: int, once: Callable[[], Any], *, is_sent: bool = False) -> Any:
        for left in reversed(range(attempts)):
            try:
                return self._one(operation, once, is_sent)
            except (ClientError, ReadTimeoutError) as error:
                code = error.response["Error"]["Code"] if isinstance(error, ClientError) else "lost"
                if left == 0 or code not in _SENT_AGAIN:
                    raise
        raise AssertionError("no attempt")

    def _one(self, operation: str, once: Callable[[], Any], is_sent: bool) -> Any:
        if self.actor is None:  # Nobody of the wave asks: the judge at the end does.
            return once()
        if self.dice is None:
            if self.throttles(operation, self.actor.task):
                self.seen["throttled"] += 1
                raise client_error("ThrottlingException", operation)
            return once()
        self.advance_to(self.clock.now() + self.dice.uniform(1.0, 5.0) / self.side_by_side)
        drawn = self.dice.random()
        self.seen["requests"] += 1
        if drawn < THROTTLED:
            self.seen["throttled"] += 1
            raise client_error("ThrottlingException", operation)
        if drawn < THROTTLED + SERVER_ERRORS:
            self.seen["5xx"] += 1
            # Half of them after the work was done.
            if is_sent and self.dice.random() < 0.5:
                once()
            raise client_error("InternalServerException", operation)
        answer = once()
        if drawn > 1 - LOST:
            self.seen["lost answer"] += 1
            self.advance_to(self.clock.now() + ANSWER_TIMEOUT_SECONDS / self.side_by_side)
            raise ReadTimeoutError(endpoint_url="https://simulated")
        return answer

    def _draws(self, share: float) -> bool:
        return self.dice is not None and self.actor is not None and self.dice.random() < share
