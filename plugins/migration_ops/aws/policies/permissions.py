"""What a role's policies allow it: actions and resources as IAM matches them, Denies, boundaries. Pure.

In doubt an action counts as allowed: an Allow covers what it may match, a Deny only what it surely matches, and a Deny
with conditions counts as no Deny. Service control policies are not visible in the account and are not considered.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from migration_ops.aws.policies.kinds import resources_like
from migration_ops.aws.policies.patterns import surely_matches
from migration_ops.aws.policies.role_policies import Role
from migration_ops.aws.policies.statement_reach import allows_on, concerns, is_for, may_reach
from migration_ops.aws.policies.statements import Statement


@dataclass(frozen=True)
class Permissions:
    """
    What statements allow together, within a boundary if there is one.

    :param role: the role that has them; needed for what it may do to itself.
    :param shed: calls by which the role can remove its own boundary or a Deny. What it can remove is left out of
        ``boundary`` and ``statements``.
    """

    statements: tuple[Statement, ...]
    boundary: Permissions | None = None
    role: Role = field(default_factory=Role)
    shed: tuple[str, ...] = ()

    def allowing(self, action: str, arn: str) -> list[Statement]:
        """The statements that allow the action on a resource; none when a Deny or the boundary forbids it."""
        if any(self._denies(one, action, arn) for one in self.statements):
            return []
        if self.boundary is not None and not self.boundary.allowing(action, arn):
            return []
        return [one for one in self._for(action) if allows_on(one, arn, self.role)]

    def _for(self, action: str) -> list[Statement]:
        return [one for one in self.statements if one.allows and concerns(one, action) and is_for(one, self.role)]

    def widely_allows(self, action: str) -> list[Statement]:
        """The statements that allow the action on every resource of its kind."""
        found: list[Statement] = []
        for arn in resources_like(action, self.role.account, self.role.partition):
            found += [one for one in self.allowing(action, arn) if one not in found]
        return found

    def somewhere_allows(self, action: str) -> list[Statement]:
        """The statements that allow the action on any resource: enough where the caller chooses the new name."""
        if self.surely_denies(action):
            return []
        if self.boundary is not None and not self.boundary.somewhere_allows(action):
            return []
        return self._for(action)

    def surely_denies(self, action: str) -> bool:
        """Whether the action, or a whole pattern of actions, is denied on all resources without a condition."""
        return any(self._denies(one, action, "*") for one in self.statements)

    def _denies(self, statement: Statement, action: str, arn: str) -> bool:
        if statement.allows or statement.conditions or not concerns(statement, action):
            return False
        if statement.not_resources:
            # A NotResource that may match the ARN exempts it from the Deny.
            return arn != "*" and not any(may_reach(one, arn, self.role) for one in statement.not_resources)
        return any(one == "*" or (arn != "*" and surely_matches(one, arn)) for one in statement.resources)
