"""``try_with`` tries as often, pauses as long and raises the same as tenacity alone."""

from __future__ import annotations

from functools import partial

import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_incrementing

from migration_ops.core.tries import try_with


class Call:
    """Fails with these errors, one a call, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def outcome(call: Call, *, alone: bool) -> tuple[str, int, list[float]]:
    pauses: list[float] = []
    retrying = partial(
        Retrying,
        stop=stop_after_attempt(3),
        wait=wait_incrementing(1, 2),
        retry=retry_if_exception_type(KeyError),
        reraise=True,
        sleep=pauses.append,
    )
    try:
        result = retrying()(call) if alone else try_with(retrying, call)
    except Exception as error:
        result = repr(error)
    return result, call.calls, pauses


ERRORS: list[tuple[Exception, ...]] = [
    (),
    (KeyError(1),),
    (KeyError(1), KeyError(2)),
    (KeyError(1), KeyError(2), KeyError(3)),
    (ValueError(1),),
    (KeyError(1), ValueError(2)),
]


@pytest.mark.parametrize("errors", ERRORS, ids=str)
def test_it_tries_as_tenacity_does(errors: tuple[Exception, ...]) -> None:
    assert outcome(Call(*errors), alone=False) == outcome(Call(*errors), alone=True)


def test_nothing_is_made_when_the_first_try_succeeds() -> None:
    def never() -> Retrying:
        raise AssertionError

    assert try_with(never, Call()) == "done"


def test_a_death_is_not_tried_again() -> None:
    def dies() -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        try_with(Retrying, dies)
