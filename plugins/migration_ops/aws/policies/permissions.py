"""What a role's policies let it do: actions and resources as IAM matches them, denies, boundaries. Pure.

Errs towards "allowed": an Allow takes in what it may match, a Deny only what it surely matches, and a Deny with
conditions denies nothing for sure. Service control policies do not show in an account, and are not weighed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from migration_ops.aws.policies.kinds import resources_like
from migration_ops.aws.policies.patterns import surely_matches
from migration_ops.aws.policies.role_policies import Role
from migration_ops.aws.policies.statement_reach import allows_on, concerns, may_reach
from migration_ops.aws.policies.statements import Statement


@dataclass(frozen=True)
class Permissions:
    """
    What statements allow together, within a boundary if there is one.

    :param role: whose they are; needed for what the role may do to itself.
    :param shed: calls by which the role takes a boundary or a Deny off itself; those are left out here already.
    """

    statements: tuple[Statement, ...]
    boundary: Permissions | None = None
    role: Role = field(default_factory=Role)
    shed: tuple[str, ...] = ()

    def allowing(self, action: str, arn: str) -> list[Statement]:
        """The statements that allow the action on a resource; none when a Deny or the boundary takes it away."""
        if any(self._denies(one, action, arn) for one in self.statements):
            return []
        if self.boundary is not None and not self.boundary.allowing(action, arn):
            return []
        return [
            one for one in self.statements if one.allows and concerns(one, action) and allows_on(one, arn, self.role)
        ]

    def widely_allows(self, action: str) -> list[Statement]:
        """The statements that allow the action on everything of its kind."""
        found: list[Statement] = []
        for arn in resources_like(action, self.role.account, self.role.partition):
            found += [one for one in self.allowing(action, arn) if one not in found]
        return found

    def somewhere_allows(self, action: str) -> list[Statement]:
        """The statements that allow the action on anything: enough where the caller names what is made."""
        if self.surely_denies(action):
            return []
        if self.boundary is not None and not self.boundary.somewhere_allows(action):
            return []
        return [one for one in self.statements if one.allows and concerns(one, action)]

    def surely_denies(self, action: str) -> bool:
        """Whether the action, or a whole pattern of actions, is denied on everything without a condition."""
        return any(self._denies(one, action, "*") for one in self.statements)

    def _denies(self, statement: Statement, action: str, arn: str) -> bool:
        if statement.allows or statement.conditions or not concerns(statement, action):
            return False
        if statement.not_resources:
            # Denied is only what none of them may take in: the role itself may stay open.
            return arn != "*" and not any(may_reach(one, arn, self.role) for one in statement.not_resources)
        return any(one == "*" or (arn != "*" and surely_matches(one, arn)) for one in statement.resources)
