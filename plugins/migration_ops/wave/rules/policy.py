"""Checks a wave's conf, a rollback's conf and an answer against the policy of the installation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migration_ops.core.policy import Policy, is_literal, matches
from migration_ops.wave.conf.model import WaveConf
from migration_ops.wave.conf.problems import Finding
from migration_ops.wave.conf.rollback import RollbackConf

_CODE = "not_allowed_here"


def problems(policy: Policy, conf: WaveConf, requested_by: str | None, region: str | None = None) -> list[Finding]:
    """What the installation does not allow of a wave's conf.

    :param requested_by: name of the user who triggered the run; None when it is not known.
    :param region: the connection's Region, used when the conf names none.
    """
    found = [*_place(policy, conf.aws_conn_id, conf.account_id, conf.region or region)]
    for which in sorted(policy.require_approvals & {"cutover", "finalize"}):
        if not conf.approvals.is_asked(which):
            found.append(_finding(f"approvals.{which}", "must be true", "REQUIRE_APPROVALS"))
    if "rollback" in policy.require_approvals and conf.on_failure == "rollback":
        found.append(_finding("onFailure", "must not be rollback: a person decides", "REQUIRE_APPROVALS"))
    is_asked = any(conf.approvals.is_asked(one) for one in ("cutover", "finalize"))
    if is_asked:
        found += _answerable(policy, conf.approvals.approvers, requested_by, "approvals.approvers", conf.dry_run)
    if conf.quiesce:
        named = conf.quiesce.document_name
        documents = [named] if isinstance(named, str) else list(named.values())
        if not all(map(policy.allows_document, documents)):
            found.append(_finding("quiesce.documentName", "is not among the allowed documents", "SSM_DOCUMENTS"))
    if conf.dry_run:
        return found
    window = conf.cutover_window
    if policy.needs_window and not (window.closes or window.change_calendars):
        found.append(_finding("cutoverWindow", "needs closes, or a change calendar", "REQUIRE_WINDOW"))
    if policy.needs_ticket and not conf.change_ticket:
        found.append(_finding("changeTicket", "is needed", "REQUIRE_TICKET"))
    return found + _account(policy, conf.account_id)


def rollback_problems(
    policy: Policy, conf: RollbackConf, requested_by: str | None, region: str | None = None
) -> list[Finding]:
    """What the installation does not allow of a rollback's conf; see :func:`problems`."""
    found = [*_place(policy, conf.aws_conn_id, conf.account_id, conf.region or region)]
    found += _answerable(policy, conf.approvers, requested_by, "approvers", conf.dry_run)
    return found if conf.dry_run else found + _account(policy, conf.account_id)


def _place(policy: Policy, conn_id: str, account_id: str | None, region: str | None) -> Iterator[Finding]:
    if not matches(conn_id, policy.conn_ids):
        yield _finding("awsConnId", "is not among the connections that may be used", "AWS_CONN_IDS")
    if account_id and policy.account_ids and account_id not in policy.account_ids:
        yield _finding("accountId", "is not among the accounts that may be changed", "ACCOUNT_IDS")
    if region and policy.regions and not matches(region, policy.regions):
        yield _finding("region", f"{region} is not among the Regions that may be used", "REGIONS")


def _account(policy: Policy, account_id: str | None) -> list[Finding]:
    if account_id or policy.account_ids or not policy.needs_account:
        return []
    message = "is needed: a run that changes something says which account it changes"
    return [_finding("accountId", message, "REQUIRE_ACCOUNT and AWS_CONN_IDS")]


def _answerable(
    policy: Policy, named: Sequence[str], requested_by: str | None, path: str, dry_run: bool
) -> Iterator[Finding]:
    if policy.is_four_eyes and not requested_by and not dry_run:
        yield _finding("", "nobody knows who triggered this run, and that person may not approve it", "FOUR_EYES")
    if named and not _allowed(policy, named):
        yield _finding(path, "names nobody who may approve here", "APPROVERS")
    elif _listed(policy, named) and not dry_run and not assigned_users(policy, named, requested_by):
        yield _finding(path, "only whoever triggered the run could approve it, and may not", "FOUR_EYES")


def assigned_users(policy: Policy, named: Sequence[str], requested_by: str | None) -> list[str]:
    """User ids that Airflow lets answer; empty: everybody, and the answer is judged by :func:`may_not_answer`.

    :param named: the conf's approvers.
    """
    may = _allowed(policy, _listed(policy, named))
    return [one for one in may if not (policy.is_four_eyes and one == requested_by)]


def _listed(policy: Policy, named: Sequence[str]) -> Sequence[str]:
    """The users to list; a policy with patterns cannot be listed."""
    return named or (policy.approvers if all(map(is_literal, policy.approvers)) else ())


def _allowed(policy: Policy, users: Sequence[str]) -> list[str]:
    return [one for one in users if not policy.approvers or matches(one, policy.approvers)]


def may_not_answer(
    policy: Policy, named: Sequence[str], requested_by: str | None, user_id: str, user_name: str
) -> str | None:
    """Why this user's answer does not count; None when it does.

    :param named: the conf's approvers.
    """
    known = {one for one in (user_id, user_name) if one}
    if named and not known & set(named):
        return "the conf names other approvers"
    if policy.approvers and not any(matches(one, policy.approvers) for one in known):
        return "MIGRATION_OPS_APPROVERS names other approvers"
    if policy.is_four_eyes and not requested_by:
        return "nobody knows who triggered the run, and four eyes must see it (MIGRATION_OPS_FOUR_EYES)"
    if policy.is_four_eyes and requested_by in known:
        return "whoever triggered the run may not approve it (MIGRATION_OPS_FOUR_EYES)"
    return None


def _finding(path: str, message: str, setting: str) -> Finding:
    names = " and ".join(f"MIGRATION_OPS_{one}" for one in setting.split(" and "))
    return Finding(path, _CODE, f"{message} ({names})")
