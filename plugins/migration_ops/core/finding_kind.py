"""What all findings of one kind have in common: title, section, route, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from migration_ops.core.errors import InvalidInputError, MigrationError
from migration_ops.core.finding import EVERYTHING, CheckResult, Finding, FindingStatus, Route, unknown

_REQUIRED = ("check_id", "title", "section", "remedy")


class UnknownFindingKindError(MigrationError):
    """No table has this kind of finding, or the kind has no remedy for this state."""

    code = "UNKNOWN_FINDING_KIND"
    hint = "Add the kind, or the state, to the kinds.py of its package: a finding must not be without a remedy."


@dataclass(frozen=True, kw_only=True)
class FindingKind:
    """
    One kind of finding; makes a :class:`Finding` from what was judged.

    :param check_id: the id of all its findings.
    :param title: what is checked, in a few words.
    :param section: the runbook's section.
    :param remedy: what a person does when it is not OK.
    :param route: whether its red findings page somebody.
    :param unit: of value and limit.
    :param is_event: it names things that happened (a failed run), which leave the window with time.
    :param remedies: remedies that differ from ``remedy``, by status or by a state that the caller passes.
    :param lost_remedy: the remedy when the check left no result; empty: as for UNKNOWN.
    :raises InvalidInputError: id, title, section or remedy is empty.
    """

    check_id: str
    title: str
    section: str
    remedy: str
    route: Route = Route.WARN
    unit: str = ""
    is_event: bool = False
    remedies: Mapping[str, str] = field(default_factory=dict, hash=False)
    lost_remedy: str = ""

    def __post_init__(self) -> None:
        for name in _REQUIRED:
            if not getattr(self, name).strip():
                raise InvalidInputError("a kind of finding needs it", path=f"{self.check_id}.{name}")

    def finding(self, resource: str, judged: CheckResult, *, state: str | None = None) -> Finding:
        """
        The finding about a resource; an OK has no remedy.

        :param resource: name, id or ARN; a resource that ``judged`` names takes precedence.
        :param state: a key of ``remedies``; None: the remedy is chosen by status.
        :raises UnknownFindingKindError: the kind has no remedy for this state.
        """
        return Finding(
            check_id=self.check_id,
            resource=judged.resource or resource,
            verdict=judged.verdict,
            value=judged.value,
            limit=judged.limit,
            unit=self.unit,
            reason=judged.reason,
            evidence=judged.evidence,
            remedy=self.remedy_for(judged.verdict, state),
            section=self.section,
            route=judged.route or self.route,
            title=self.title,
            is_event=self.is_event,
            conclusive=judged.conclusive,
        )

    def missing_result(self, reason: str) -> Finding:
        """An UNKNOWN finding for a check that left no result."""
        found = self.finding(EVERYTHING, unknown(reason))
        return replace(found, remedy=self.lost_remedy or found.remedy)

    def remedy_for(self, status: FindingStatus, state: str | None = None) -> str:
        """What a person does; empty for OK.

        :raises UnknownFindingKindError: the kind has no remedy for this state.
        """
        if status is FindingStatus.OK:
            return ""
        if state is None:
            return self.remedies.get(status, self.remedy)
        if state not in self.remedies:
            raise UnknownFindingKindError("the kind has no remedy for this state", checkId=self.check_id, state=state)
        return self.remedies[state]


class KindTable(dict[str, FindingKind]):
    """
    Kinds by check id. ``table[check_id]`` raises :class:`UnknownFindingKindError` for an unknown id.

    :raises InvalidInputError: two kinds have the same id.
    """

    def __init__(self, *kinds: FindingKind) -> None:
        super().__init__()
        for one in kinds:
            if one.check_id in self:
                raise InvalidInputError("two kinds of finding have one id", path=one.check_id)
            self[one.check_id] = one

    def __missing__(self, check_id: str) -> FindingKind:
        raise UnknownFindingKindError("no table has this kind of finding", checkId=check_id)
