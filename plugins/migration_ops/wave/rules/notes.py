"""What an approver must know about an application besides its verdict: tests, rollbacks, retries, held servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from migration_ops.core.states import Phase
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.rules.standing import Standing

# A sheet goes to people; the whole reason is in the ledger.
_REASON_CHARACTERS = 150


def notes_of(plan: WavePlan, standings: Iterable[Standing], instances: Mapping[str, str | None]) -> list[str]:
    """One line per server and subject, in plain text.

    :param instances: the instance that MGN names now, by source server id; a retry replaces it.
    """
    notes: list[str] = []
    for one in standings:
        notes += [f"{one.server}: {text}" for text in _of_one(plan, one, instances.get(one.server))]
    return notes


def was_tested(plan: WavePlan, standing: Standing) -> bool | None:
    """Whether its test launch was verified in this wave; None when the ledger does not say."""
    test = standing.test
    if test is not None:
        return bool(test.get("testedAt")) and test.get("wave") == plan.wave
    return None if plan.conf.test_launch and standing.reached(Phase.TESTED) else False


def _of_one(plan: WavePlan, one: Standing, instance: str | None) -> Iterable[str]:
    yield _test_words(plan, one)
    if one.rolled_back:
        yield f"rolled back on {_at(one.rolled_back)} because {_short(one.rolled_back.get('because'))}"
    elif one.at is Phase.ROLLED_BACK:
        yield "rolled back; the ledger does not say when and why"
    if one.retry:
        what = f"{one.retry.get('code')} in {one.retry.get('in')}: {_short(one.retry.get('because'))}"
        yield f"retry, asked for on {_at(one.retry)} after {what}"
        if instance and one.acts("cutover") and not one.launching:
            yield f"its instance {instance} is terminated and replaced by the retry"
    if one.held:
        yield f"held in phase {one.at.value} since {one.stopped_at or 'an unknown time'}"


def _test_words(plan: WavePlan, one: Standing) -> str:
    test, tested = one.test or {}, was_tested(plan, one)
    if tested:
        return f"tested in this wave on {test.get('testedAt')}"
    if tested is None:
        return "the ledger does not say whether it was tested in this wave"
    if test.get("testedAt"):
        return f"not tested in this wave (tested on {test['testedAt']} in wave {test.get('wave')})"
    if one.test is not None:
        return "not tested in this wave (it was READY_FOR_CUTOVER before)"
    return "not tested in this wave" + ("" if plan.conf.test_launch else " (testLaunch is false)")


def _at(fact: Mapping[str, object]) -> str:
    return str(fact.get("at") or "an unknown date")


def _short(text: object) -> str:
    words = str(text or "no reason was given")
    return words if len(words) <= _REASON_CHARACTERS else words[: _REASON_CHARACTERS - 1] + "…"
