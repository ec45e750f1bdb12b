"""Brings servers to a lifecycle state (MGN ChangeServerLifeCycleState); being there already is success."""

from __future__ import annotations

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import MigrationError, OutcomeUnknown, Refused, StepFailed
from migration_ops.wave.services import Services


def bring_to(services: Services, view: ServerView, target: str) -> ServerView:
    """Changes the state unless it is ``target``; after a lost answer or a conflict the state itself decides.

    :raises Refused: MGN refused, and the server is not in the wanted state.
    :raises OutcomeUnknown: the answer was lost and the state is not (yet) the wanted one; safe to try again.
    """
    if view.lifecycle_state == target:
        return view
    try:
        return services.mgn.change_lifecycle(view.source_server_id, target)
    except (OutcomeUnknown, Refused) as error:
        return _after_doubt(services, view.source_server_id, target, error)


def _after_doubt(services: Services, server_id: str, target: str, error: MigrationError) -> ServerView:
    now = services.mgn.describe_servers([server_id]).get(server_id)
    if now is not None and now.lifecycle_state == target:
        services.log.warning("%s is %s although the call answered %s", server_id, target, error.code)
        return now
    raise error


def views_of(services: Services, server_ids: list[str]) -> dict[str, ServerView]:
    """All the views.

    :raises StepFailed: MGN does not list one of the servers.
    """
    views = services.mgn.describe_servers(server_ids)
    missing = [one for one in server_ids if one not in views]
    if missing:
        raise StepFailed("MGN does not know these source servers", servers=missing)
    return views
