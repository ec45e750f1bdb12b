"""What follows from a failure: for the application, for those that depend on it, for the wave."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.states import AFTER_NO_RETURN, CUT_OVER, PERHAPS_AFTER_NO_RETURN, Phase
from migration_ops.wave.conf.model import WaveConf
from migration_ops.wave.plan.plan import WavePlan


class Decision(StrEnum):
    """ASK parks the application until a person answers; HOLD leaves everything as it is."""

    ASK = "ask"
    ROLLBACK = "rollback"
    HOLD = "hold"


def after_failure(on_failure: str, phases: Iterable[Phase | str] = ()) -> Decision:
    """What to do with an application that failed.

    :param on_failure: the conf's ``onFailure``.
    :param phases: where its migrations are; one that is finalizing, finalized or frozen is left to a person.
    :raises InvalidInputError: an ``onFailure`` or a phase that does not exist.
    """
    try:
        decision = Decision(on_failure)
        known = {Phase(one) for one in phases}
    except ValueError as error:
        raise InvalidInputError(str(error), path="onFailure") from error
    return Decision.HOLD if known & PERHAPS_AFTER_NO_RETURN else decision


def wave_stops(applications: Iterable[tuple[str, bool]], threshold: int | None) -> str | None:
    """Why the wave must not take its next irreversible step, None when it may.

    A failed application of impact critical stops it, and so do ``threshold`` failed ones of any impact.

    :param applications: (impact, has failed) of every application of the wave.
    """
    failed = [impact for impact, has_failed in applications if has_failed]
    critical = failed.count("critical")
    if critical:
        return f"{critical} critical application{'s' if critical > 1 else ''} failed"
    if threshold is not None and len(failed) >= threshold:
        return f"{len(failed)} applications failed, failureThreshold is {threshold}"
    return None


def dependents_of(plan: WavePlan, app_names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Every application that needs one of these, directly or through others, in the order of the plan.

    :return: application name → those of ``app_names`` that it needs; ``app_names`` themselves are not keys.
    """
    missing = set(app_names)
    lacking: dict[str, set[str]] = {}
    for one in plan.applications:  # A dependency always comes before its dependants.
        needs = {name for name in one.depends_on if name in missing}
        for name in one.depends_on:
            needs |= lacking.get(name, set())
        if needs:
            lacking[one.app_name] = needs
    return {name: tuple(sorted(needs)) for name, needs in lacking.items() if name not in missing}


def goal_reached(conf: WaveConf, phases: Iterable[Phase | str]) -> bool:
    """Did an application reach what its conf asks for? False without migrations or with an unknown phase."""
    try:
        known = [Phase(one) for one in phases]
    except ValueError:
        return False
    goal = AFTER_NO_RETURN if conf.finalize else CUT_OVER
    return bool(known) and all(one in goal for one in known)
