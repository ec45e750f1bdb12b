"""Verdicts that several audit checks share: who has access, who may do everything, where secrets are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from migration_ops.aws.policies.exposure import Exposure, exposure_of
from migration_ops.aws.policies.role_policies import Policy, boundary_of
from migration_ops.aws.policies.shedding import permissions_of
from migration_ops.aws.policies.statement_reach import administrators
from migration_ops.aws.policies.statements import MalformedPolicyError
from migration_ops.core.facts import NotReadError, Snapshot
from migration_ops.core.finding import CheckResult, critical, ok, unknown, warning

LISTED = 10
FAIL = "FAIL"


def open_to(policies: Iterable[tuple[str, Any]], checks: Sequence[Any] = ()) -> CheckResult:
    """
    CRITICAL when a policy allows everybody, by our reading or Access Analyzer's: the stricter counts, and both are
    stated. WARNING when it allows an AWS service on behalf of any account, or when only a Deny keeps everybody out.
    UNKNOWN when it is malformed.

    :param policies: what each policy belongs to (an alias; empty for the resource itself) and the policy.
    :param checks: Access Analyzer's answers, one for each policy; empty where it was not asked.
    """
    said, refused = second_opinion(checks)
    try:
        ours = exposure_of(policies)
    except MalformedPolicyError as error:
        return (
            critical(f"{said}; our reading: {error.message}", evidence=(said,)) if refused else unknown(error.message)
        )
    evidence = (*ours.public[:LISTED], *ours.unbound[:LISTED], *((said,) if said else ()))
    if ours.public or refused:
        return critical(_public(ours, said, refused), value="everybody", evidence=evidence)
    if ours.held:
        why = f"everybody is allowed {'; '.join(ours.held)}; only a Deny holds it back"
        return warning(why, value="everybody", evidence=(*ours.held[:LISTED], *evidence))
    if ours.unbound:
        why = f"a service is allowed on any account's behalf: {'; '.join(ours.unbound)}"
        return warning(why, value="any account's services", evidence=evidence)
    return ok("no policy allows everybody", evidence=evidence)


def _public(ours: Exposure, said: str, refused: bool) -> str:
    mine = f"everybody is allowed {'; '.join(ours.public)}" if ours.public else "our reading finds nobody in general"
    if refused == bool(ours.public) or not said:
        return mine
    return f"{mine}; {said}" if ours.public else f"{said}; {mine}"


def second_opinion(checks: Iterable[Any]) -> tuple[str, bool]:
    """What Access Analyzer says (empty: it was not asked), and whether one of its answers is FAIL."""
    answers = list(checks)
    if not answers:
        return "", False
    texts = [_text_of(one) for one in answers]
    failed = [text for text, bad in texts if bad]
    # A FAIL first, else an answer that it could not give.
    unjudged = [text for text, _ in texts if not text.startswith("Access Analyzer: PASS")]
    return (failed or unjudged or [texts[0][0]])[0], bool(failed)


def _text_of(check: Any) -> tuple[str, bool]:
    try:
        answer = check["answer"]
        if why := answer.optional("unavailable"):
            return f"Access Analyzer could not judge it, this is our own reading: {why}", False
        bad = answer["result"] == FAIL
        reasons = "; ".join(answer.optional("reasons", [])[:LISTED]) if bad else ""
        return f"Access Analyzer: {answer['result']}{f' ({reasons})' if reasons else ''}", bad
    except NotReadError as error:
        return f"Access Analyzer could not be asked, this is our own reading: {error.message}", False


class Asked:
    """One answer of Access Analyzer, read from the snapshot only when it is judged: it may be a failure document."""

    def __init__(self, thing: Snapshot, member: str) -> None:
        self.thing, self.member = thing, member

    def __getitem__(self, _: str) -> Any:
        return self.thing[self.member]


def asked_of(thing: Snapshot, member: str) -> list[Asked]:
    """For :func:`open_to`: empty when it was not asked about this thing."""
    return [Asked(thing, member)] if thing.plain().get(member) is not None else []


def all_asked_of(thing: Snapshot, member: str = "accessChecks") -> list[Any]:
    """As :func:`asked_of`, for a list with one answer for each policy."""
    answers = thing.plain().get(member)
    return [Asked(Snapshot({"one": one}), "one") for one in answers] if isinstance(answers, list) else []


def no_administrators(role: Snapshot, policies: list[Policy], kind: str) -> CheckResult:
    """
    CRITICAL for policies that allow everything; WARNING when a permissions boundary limits them that the role cannot
    remove.

    :param kind: which policies these are, for the reason.
    """
    found = administrators(policies)
    if not found:
        return ok(f"no {kind} policy allows everything", value=0)
    boundary, named = boundary_of(role), ", ".join(found)
    if boundary is not None and not administrators([boundary]):
        left = permissions_of(role)
        if left.boundary is not None:
            reason = f"{named} allows everything; only the boundary {boundary.name} holds it back"
            return warning(reason, value=len(found), limit=0, evidence=tuple(found))
        how = f"{named} allows everything; the role can evade the boundary {boundary.name} by {left.shed[0]}"
        return critical(how, value=len(found), limit=0, evidence=(*found, *left.shed))
    return critical(f"{named} allows everything", value=len(found), limit=0, evidence=tuple(found))


def judge_secrets(found: list[Any], none: str) -> CheckResult:
    """
    CRITICAL with name and kind of each secret.

    :param found: ``name`` and ``kind`` of each.
    :param none: what to say when there is none.
    """
    if not found:
        return ok(none, value=0, limit=0)
    named = [f"{one['name']} ({one['kind']})" for one in found]
    more = f" and {len(named) - LISTED} more" if len(named) > LISTED else ""
    reason = f"readable secrets: {', '.join(named[:LISTED])}{more}"
    return critical(reason, value=len(named), limit=0, evidence=tuple(named[:LISTED]))
