"""What the installation requires of every run, read from its settings. A conf can make it stricter, never weaker."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from migration_ops.core.errors import InstallationError, InvalidInputError
from migration_ops.core.settings import PREFIX, Settings

# Decisions for which an approval can be required.
DECISIONS = frozenset({"cutover", "finalize", "rollback"})
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_WILDCARDS = frozenset("*?[")


class PolicyError(InvalidInputError):
    """This installation does not allow what was asked for; nothing was touched."""

    code = "NOT_ALLOWED_HERE"
    hint = "Change the conf, or have an administrator change the MIGRATION_OPS_* setting that is named."


@dataclass(frozen=True)
class Policy:
    """
    The installation's rules.

    :param require_approvals: decisions (of ``DECISIONS``) that a person takes, whatever a conf says.
    :param approvers: patterns of user ids; empty: everybody whom the conf allows.
    :param is_four_eyes: the person who triggered a run may not approve it.
    :param needs_window, needs_ticket, needs_account: the conf must name it.
    :param conn_ids: patterns; at least one.
    :param regions, ssm_documents: patterns; empty: all.
    :param account_ids: accounts that may be changed; empty: any.
    :param approval_valid_hours: how long an approval may be acted on.
    :param evidence_max_age_minutes: older evidence is read again before people are asked about it.
    """

    require_approvals: frozenset[str] = frozenset()
    approvers: tuple[str, ...] = ()
    is_four_eyes: bool = False
    needs_window: bool = False
    needs_ticket: bool = False
    needs_account: bool = False
    conn_ids: tuple[str, ...] = ("aws_default",)
    account_ids: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    ssm_documents: tuple[str, ...] = ()
    approval_valid_hours: float = 168.0
    evidence_max_age_minutes: float = 60.0

    def allows_document(self, name: str) -> bool:
        """Whether commands may be sent in this SSM document."""
        return not self.ssm_documents or matches(name, self.ssm_documents)

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """The rules that the settings state.

        :raises InstallationError: a setting has a value that is not allowed; ``path`` in its context names it.
        """
        conn_ids, accounts = listed(settings.aws_conn_ids), listed(settings.account_ids)
        decisions = listed(settings.require_approvals)
        _require(not set(decisions) - DECISIONS, "require_approvals", f"may hold {', '.join(sorted(DECISIONS))}")
        _require(all(map(_ACCOUNT_ID.fullmatch, accounts)), "account_ids", "holds account ids of twelve digits")
        _require(bool(conn_ids), "aws_conn_ids", "names at least one connection")
        _require(0 < settings.approval_valid_hours <= 8_760, "approval_valid_hours", "is above 0, up to 8760")
        _require(0 < settings.evidence_max_age_minutes <= 5_256_000, "evidence_max_age_minutes", "is up to ten years")
        return cls(
            require_approvals=frozenset(decisions),
            approvers=listed(settings.approvers),
            is_four_eyes=_switch(settings.four_eyes, "four_eyes"),
            needs_window=_switch(settings.require_window, "require_window"),
            needs_ticket=_switch(settings.require_ticket, "require_ticket"),
            # Where a conf can choose the connection, it also chooses the account, so it must name the account.
            needs_account=_switch(settings.require_account, "require_account") or not _is_one(conn_ids),
            conn_ids=conn_ids,
            account_ids=accounts,
            regions=listed(settings.regions),
            ssm_documents=listed(settings.ssm_documents),
            approval_valid_hours=settings.approval_valid_hours,
            evidence_max_age_minutes=settings.evidence_max_age_minutes,
        )


def listed(text: str) -> tuple[str, ...]:
    """The entries of a comma-separated setting; blank ones are dropped."""
    return tuple(part for part in (one.strip() for one in text.split(",")) if part)


def matches(value: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns matches the whole value, case-sensitive."""
    return any(fnmatchcase(value, one) for one in patterns)


def _is_one(patterns: tuple[str, ...]) -> bool:
    return len(patterns) == 1 and is_literal(patterns[0])


def is_literal(pattern: str) -> bool:
    """Whether the pattern matches one value only."""
    return not _WILDCARDS & set(pattern)


def _switch(value: int, name: str) -> bool:
    _require(value in (0, 1), name, "is 0 or 1")
    return bool(value)


def _require(is_good: bool, name: str, demand: str) -> None:
    if not is_good:
        path = PREFIX + name.upper()
        raise InstallationError(f"{path} {demand}", path=path)
