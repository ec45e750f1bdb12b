"""Brings servers to a lifecycle state (MGN ChangeServerLifeCycleState); being there already is success."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import MigrationError, OutcomeUnknownError, RefusedError, StepFailedError, ThrottledError
from migration_ops.core.tries import try_with
from migration_ops.wave.services import Services


def bring_all_to(
    services: Services, views: Mapping[str, ServerView], targets: Mapping[str, str]
) -> dict[str, ServerView]:
    """Brings every server to its target. A retryable error of one server does not stop the others, so that each try
    of the task has fewer left to change.

    :param views: as they are now, by source server id.
    :param targets: lifecycle state by source server id.
    :return: the views after the change, by source server id.
    :raises RefusedError: MGN refused one, and it is not in the wanted state; those after it were not changed.
    :raises ThrottledError, OutcomeUnknownError: the first retryable error; safe to try again.
    """
    changed: dict[str, ServerView] = {}
    missed: list[MigrationError] = []
    for server, target in targets.items():
        try:
            changed[server] = bring_to(services, views[server], target)
        except MigrationError as error:
            if not error.retryable:
                raise
            services.log.warning("%s is not %s yet: %s", server, target, error)
            missed.append(error)
    if missed:
        raise missed[0]
    return changed


def until_taken(call: Callable[..., ServerView], *given: str) -> ServerView:
    """The answer of a call that changes one server. It is sent again while throttled: a throttled call did nothing.

    This takes a few seconds at most. For a longer pause the task retries, and reads everything again.

    :raises MigrationError: whatever the call raises; ThrottledError after the last try.
    """
    retrying = partial(
        Retrying,
        stop=stop_after_attempt(4),
        wait=wait_random_exponential(multiplier=0.2, max=2),
        retry=retry_if_exception_type(ThrottledError),
        reraise=True,
    )
    return try_with(retrying, partial(call, *given))


def bring_to(services: Services, view: ServerView, target: str) -> ServerView:
    """Changes the state unless it is ``target``; after a lost answer or a conflict the state itself decides.

    :raises RefusedError: MGN refused, and the server is not in the wanted state.
    :raises OutcomeUnknownError: the answer was lost and the state is not (yet) the wanted one; safe to try again.
    """
    if view.lifecycle_state == target:
        return view
    try:
        return until_taken(services.mgn.change_lifecycle, view.source_server_id, target)
    except (OutcomeUnknownError, RefusedError) as error:
        return _after_doubt(services, view.source_server_id, target, error)


def _after_doubt(services: Services, server_id: str, target: str, error: MigrationError) -> ServerView:
    now = services.mgn.describe_servers([server_id]).get(server_id)
    if now is not None and now.lifecycle_state == target:
        services.log.warning("%s is %s although the call answered %s", server_id, target, error.code)
        return now
    raise error


def views_of(services: Services, server_ids: list[str]) -> dict[str, ServerView]:
    """All the views.

    :raises StepFailedError: MGN does not list one of the servers.
    """
    views = services.mgn.describe_servers(server_ids)
    missing = [one for one in server_ids if one not in views]
    if missing:
        raise StepFailedError("MGN does not know these source servers", servers=missing)
    return views
