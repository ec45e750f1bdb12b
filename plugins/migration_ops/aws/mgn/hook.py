"""Hook for AWS Application Migration Service (MGN), in the style of the Amazon provider, which has none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from botocore.config import Config

from migration_ops.aws.errors import NotFoundError, to_aws_error
from migration_ops.aws.mgn.jobs import JobView
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.aws.session import SessionHook
from migration_ops.core.errors import InvalidInputError, MigrationError, OutcomeUnknownError, UnknownError

T = TypeVar("T")

MAX_SERVERS_PER_DESCRIBE = 200
MAX_APPLICATIONS_PER_FILTER = 200
MAX_JOBS_PER_DESCRIBE = 1000
PAGE_SIZE = 1000
# Jobs are kept 10 years; one that is in flight is never that old.
ACTIVE_JOB_MAX_AGE_DAYS = 30

# Defaults for reads and for mutating calls; the connection's config_kwargs override them.
READ_CONFIG = Config(retries={"mode": "adaptive", "total_max_attempts": 6}, connect_timeout=5, read_timeout=30)
MUTATE_CONFIG = Config(connect_timeout=10, read_timeout=120)
# MGN's mutating calls take no idempotency token: botocore must never send one twice, whatever the connection says.
# The mode is named because the default differs between botocore releases; total_max_attempts also overrides
# AWS_MAX_ATTEMPTS.
SEND_ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})


class MgnHook(SessionHook):
    """
    Interact with AWS Application Migration Service (MGN).

    Provide thin wrapper around :external+boto3:py:class:`boto3.client("mgn") <mgn.Client>`. Reads retry adaptively;
    the five mutating calls are sent exactly once. All answers are plain values, all errors
    :class:`~migration_ops.core.errors.MigrationError` (see :mod:`migration_ops.aws.errors`).

    Additional arguments (such as ``aws_conn_id``) may be specified and
    are passed down to the underlying AwsBaseHook.

    .. seealso::
        - :class:`airflow.providers.amazon.aws.hooks.base_aws.AwsBaseHook`
    """

    # What ages are counted from; a simulation has a clock of its own.
    _clock: Callable[[], datetime] = staticmethod(lambda: datetime.now(UTC))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "mgn"
        super().__init__(*args, **kwargs)

    @cached_property
    def conn(self) -> Any:
        """The client for reads (cached); ``get_conn()`` returns the same."""
        with classified(mutating=False):
            return self.client_of("mgn", READ_CONFIG)

    @cached_property
    def mutating_conn(self) -> Any:
        """The client for the five mutating calls (cached): same connection, no retries."""
        with classified(mutating=False):
            return self.client_of("mgn", MUTATE_CONFIG, SEND_ONCE)

    def client_for_reads(self, service: str) -> Any:
        """A new client of another service (EC2, SSM, DynamoDB, …) for calls that may be repeated."""
        with classified(mutating=False):
            return self.client_of(service, READ_CONFIG)

    # Reads

    def describe_servers(self, ids: Iterable[str]) -> dict[str, ServerView]:
        """
        The source servers with these ids; one that MGN does not know is absent, an archived one says so.

        .. seealso::
            - :external+boto3:py:meth:`mgn.Client.describe_source_servers`

        :param ids: source server ids; without ids there is no call.
        """
        wanted = distinct(ids)
        found: dict[str, ServerView] = {}
        for chunk in chunks(wanted, MAX_SERVERS_PER_DESCRIBE):
            for view in self._servers({"sourceServerIDs": chunk}):
                found[view.source_server_id] = view
        return {one: found[one] for one in wanted if one in found}

    def servers_of_applications(self, application_ids: Iterable[str], *, archived: bool = False) -> list[ServerView]:
        """
        The servers of these applications that are not archived, or only the archived ones.

        .. seealso::
            - :external+boto3:py:meth:`mgn.Client.describe_source_servers`
        """
        wanted = distinct(application_ids)
        found: dict[str, ServerView] = {}
        for chunk in chunks(wanted, MAX_APPLICATIONS_PER_FILTER):
            for view in self._servers({"applicationIDs": chunk, "isArchived": archived}):
                found[view.source_server_id] = view
        return [view for view in found.values() if view.application_id in wanted]

    def applications_of_wave(self, wave_id: str, *, archived: bool = False) -> dict[str, str]:
        """
        Name to id of the wave's applications that are not archived, or of the archived ones only.

        .. seealso::
            - :external+boto3:py:meth:`mgn.Client.list_waves`
            - :external+boto3:py:meth:`mgn.Client.list_applications`

        :raises NotFoundError: there is no such wave, or it is archived.
        """
        waves = self._items("list_waves", filters={"waveIDs": [wave_id]})
        wave = next((one for one in waves if one.get("waveID") == wave_id), None)
        if wave is None or wave.get("isArchived") is True:
            raise NotFoundError("The MGN wave does not exist or is archived.", waveId=wave_id)
        names: dict[str, str] = {}
        for one in self._items("list_applications", filters={"waveIDs": [wave_id], "isArchived": archived}):
            name, application_id = one.get("name"), one.get("applicationID")
            if one.get("waveID") != wave_id or not name or not application_id or name in names:
                raise UnknownError("ListApplications answered what the wave cannot hold.", waveId=wave_id, item=name)
            names[name] = application_id
        return names

    def describe_jobs(self, ids: Iterable[str]) -> dict[str, JobView]:
        """
        The jobs with these ids; one that MGN does not know is absent.

        .. seealso::
            - :external+boto3:py:meth:`mgn.Client.describe_jobs`
        """
        wanted = distinct(ids)
        found: dict[str, JobView] = {}
        for chunk in chunks(wanted, MAX_JOBS_PER_DESCRIBE):
            for job in self._jobs({"jobIDs": chunk}):
                found[job.job_id] = job
        return {one: found[one] for one in wanted if one in found}

    def jobs_since(self, moment: datetime) -> list[JobView]:
        """
        All jobs created since, in MGN's order (latest first). MGN takes whole seconds, so jobs from earlier in the same
        second may be included.

        :param moment: an aware datetime.
        :raises InvalidInputError: a datetime without a time zone.
        """
        if moment.tzinfo is None:
            raise InvalidInputError("A moment needs its time zone.", moment=moment.isoformat())
        return self._jobs({"fromDate": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")})

    def active_jobs(self) -> list[JobView]:
        """All jobs of the last 30 days that are not COMPLETED; a job without a status counts as active."""
        oldest = datetime.now(UTC) - timedelta(days=ACTIVE_JOB_MAX_AGE_DAYS)
        return [job for job in self.jobs_since(oldest) if not job.is_over]

    def job_log(self, job_id: str) -> list[dict[str, Any]]:
        """
        The log of a job as MGN writes it, in its order: ``{"logDateTime", "event", "eventData"}``.

        .. seealso::
            - :external+boto3:py:meth:`mgn.Client.describe_job_log_items`

        :return: ``eventData`` names the server and MGN's text (``rawError``); absent for events of the whole job.
        """
        return [dict(item) for item in self._items("describe_job_log_items", jobID=job_id)]

    def launch_configuration(self, server_id: str) -> dict[str, Any]:
        """
        The launch configuration as MGN writes it.

        .. seealso::
            - :external+boto3:py:meth:`mgn.Client.get_launch_configuration`
        """
        with classified(mutating=False):
            answer = self.conn.get_launch_configuration(sourceServerID=server_id)
        if answer.get("sourceServerID") != server_id:
            raise UnknownError("GetLaunchConfiguration answered for no or another server.", sourceServerId=server_id)
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    # The five mutating calls: sent once, whatever happens

    def start_test(self, ids: Iterable[str], tags: dict[str, str]) -> JobView:
        """
        Launch test instances (1-200 servers); deletes the servers' previous test instances first.

        .. seealso::
            - :external+boto3:py:meth:`mgn.Client.start_test`

        :raises OutcomeUnknownError: the answer was lost; reconcile before anything else.
        :raises ConflictError: wrong state or a job in flight, perhaps from this same call; reconcile.
        """
        return self._job("start_test", ids, tags)

    def start_cutover(self, ids: Iterable[str], tags: dict[str, str]) -> JobView:
        """
        Launch cutover instances (1-200 servers); deletes the test instances first. Raises as :meth:`start_test`.

        .. seealso::
            - :external+boto3:py:meth:`mgn.Client.start_cutover`
        """
        return self._job("start_cutover", ids, tags)

    def terminate_instances(self, ids: Iterable[str], tags: dict[str, str]) -> JobView:
        """
        Terminate launched instances; refused in TESTING, CUTTING_OVER and CUTOVER. Raises as :meth:`start_test`.

        .. seealso::
            - :external+boto3:py:meth:`mgn.Client.terminate_target_instances`
        """
        return self._job("terminate_target_instances", ids, tags)

    def change_lifecycle(self, server_id: str, state: str) -> ServerView:
        """
        Move a server to READY_FOR_TEST, READY_FOR_CUTOVER or CUTOVER. Raises as :meth:`start_test`.

        .. seealso::
            - :external+boto3:py:meth:`mgn.Client.change_server_life_cycle_state`
        """
        return self._server("change_server_life_cycle_state", server_id, lifeCycle={"state": state})

    def finalize_cutover(self, server_id: str) -> ServerView:
        """
        Finalize: replication ends and its data is discarded; MGN has no way back. Raises as :meth:`start_test`.

        .. seealso::
            - :external+boto3:py:meth:`mgn.Client.finalize_cutover`
        """
        return self._server("finalize_cutover", server_id)

    def _servers(self, filters: dict[str, Any]) -> list[ServerView]:
        items = self._items("describe_source_servers", filters=filters)
        now = self._clock()
        return [_view(lambda one: ServerView.from_api(one, now), item) for item in items]

    def _jobs(self, filters: dict[str, Any]) -> list[JobView]:
        return [_view(JobView.from_api, item) for item in self._items("describe_jobs", filters=filters)]

    def _items(self, operation: str, **request: Any) -> list[dict[str, Any]]:
        """All items of all pages. A page without ``items`` (a 200 that is not JSON) is unknown, not empty."""
        items: list[dict[str, Any]] = []
        with classified(mutating=False):
            pages = self.conn.get_paginator(operation).paginate(**request, PaginationConfig={"PageSize": PAGE_SIZE})
            for page in pages:
                if not isinstance(page.get("items"), list):
                    raise UnknownError("The answer has no items.", operation=operation, requestId=_request_id(page))
                items.extend(page["items"])
        return items

    def _job(self, operation: str, ids: Iterable[str], tags: dict[str, str]) -> JobView:
        conn = self.mutating_conn
        with classified(mutating=True):
            answer = getattr(conn, operation)(sourceServerIDs=distinct(ids), tags=tags)
        if not (answer.get("job") or {}).get("jobID"):
            raise OutcomeUnknownError("The answer names no job.", operation=operation, requestId=_request_id(answer))
        return _view(JobView.from_api, answer["job"], OutcomeUnknownError)

    def _server(self, operation: str, server_id: str, **request: Any) -> ServerView:
        conn = self.mutating_conn
        with classified(mutating=True):
            answer = getattr(conn, operation)(sourceServerID=server_id, **request)
        if answer.get("sourceServerID") != server_id:
            raise OutcomeUnknownError(
                "The answer is for no or another server.",
                operation=operation,
                sourceServerId=server_id,
                requestId=_request_id(answer),
            )
        return _view(ServerView.from_api, answer, OutcomeUnknownError)


@contextmanager
def classified(*, mutating: bool) -> Iterator[None]:
    """Turns every exception of a boto3 call into the package's errors, also what its parsers raise."""
    try:
        yield
    except MigrationError:
        raise
    except Exception as error:
        raise to_aws_error(error, mutating=mutating) from error


def chunks(ids: list[str], size: int) -> Iterator[list[str]]:
    """The ids in lists of at most ``size``; no list without ids: an empty filter may mean "no filter" to AWS."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def distinct(ids: Iterable[str]) -> list[str]:
    """The ids in order, each once.

    :raises InvalidInputError: ``ids`` is a single string.
    """
    if isinstance(ids, str):
        raise InvalidInputError("Expected several ids, not one string.", value=ids)
    return list(dict.fromkeys(ids))


def _view(
    read: Callable[[dict[str, Any]], T], item: dict[str, Any], otherwise: type[MigrationError] = UnknownError
) -> T:
    try:
        return read(item)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise otherwise("An item of the answer could not be read.", error=repr(error)) from error


def _request_id(answer: dict[str, Any]) -> str | None:
    return (answer.get("ResponseMetadata") or {}).get("RequestId")
