"""The parts of a wave's conf: what one application, one server, one check and one setting look like.

Documents are camelCase. Types are strict (``"false"`` is not a boolean), unknown keys are refused, numbers are
bounded. What concerns more than one field is judged in ``rules``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    model_serializer,
)
from pydantic.alias_generators import to_camel

from migration_ops.wave.conf.field_docs import field_docs

# MGN's own limits (AWS service quotas of MGN).
MAX_SERVERS_PER_APPLICATION = 200
MAX_APPLICATIONS_PER_WAVE = 1_000
_DAY_SECONDS = 86_400
_MONTH_MINUTES = 43_200

DEFAULT_DOCUMENT = "AWS-RunShellScript"
DOCUMENT_BY_PLATFORM = {"Linux": DEFAULT_DOCUMENT, "Windows": "AWS-RunPowerShellScript"}

# Names of waves and applications: no leading or trailing blank, no control characters (MGN's own pattern).
Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\s\x00]( *[^\s\x00])*$")]
SourceServerId = Annotated[str, Field(pattern=r"^s-[0-9A-Za-z]{17}$")]
MigrationId = Annotated[str, Field(max_length=128, pattern=r"^mig-[A-Za-z0-9-]+$")]
# It becomes a path segment of the CMDB's URL, so it has no characters that change a path.
CmdbId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_:-]{0,127}$")]
# A source outside AWS is a hybrid managed node (mi-), one inside AWS an instance (i-).
ManagedInstanceId = Annotated[str, Field(pattern=r"^(mi-[0-9a-f]{17}|i-[0-9a-f]{8,17})$")]
ConnectionId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,250}$")]
RegionName = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[a-z]+)+-[0-9]{1,2}$")]
AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
UserId = Annotated[str, Field(min_length=1, max_length=256, pattern=r"\S")]
CalendarName = Annotated[str, Field(pattern=r"^(arn:[^\s\x00]{1,2000}|[A-Za-z0-9_.-]{3,128})$")]
# A name only: an ARN would lead to a document of another account.
DocumentName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{3,128}$")]
# A DNS name; its last label begins with a letter, so that it cannot be an IP address in any notation.
HostName = Annotated[
    str,
    Field(
        max_length=253,
        pattern=r"^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$",
    ),
]
Command = Annotated[str, Field(min_length=1, max_length=4_000, pattern=r"\S")]
Commands = Annotated[tuple[Command, ...], Field(min_length=1, max_length=50)]
DocumentsByServer = Annotated[dict[SourceServerId, DocumentName], Field(min_length=1)]
Documents = Annotated[
    Annotated[DocumentName, Tag("name")] | Annotated[DocumentsByServer, Tag("byServer")],
    Discriminator(lambda value: "byServer" if isinstance(value, dict) else "name"),
]
Minutes = Annotated[float, Field(gt=0, le=_MONTH_MINUTES, allow_inf_nan=False)]


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must be a date that exists in UTC") from error


UtcMoment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


def _title(field_name: str, _field: object) -> str:
    """What a form shows above the field."""
    return field_name.replace("_", " ").capitalize()


class ConfPart(BaseModel):
    """Base of all parts: camelCase keys, strict types, no unknown keys, frozen; errors never show the input."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        field_title_generator=_title,
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        regex_engine="rust-regex",
        # The schema is built at the first use, with the descriptions below in it.
        defer_build=True,
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, text in field_docs(cls.__module__, cls.__name__).items():
            cls.__pydantic_fields__[name].description = text

    def as_document(self) -> dict[str, Any]:
        """The part in camelCase with every default filled in; plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)


def _without(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Leaves out unused keys that a later version added: plans were hashed and approved without them."""
    return {key: value for key, value in document.items() if key not in keys or value is not None}


class ServerConf(ConfPart):
    migration_id: MigrationId | None = None
    """Id of this migration in the ledger; derived from wave and server when absent."""
    source_server_id: SourceServerId
    """MGN's id of the source server."""
    cmdb_id: CmdbId | None = None
    """Id of the server in the CMDB; without it the CMDB is not updated for this server."""


class HttpCheck(ConfPart):
    type: Literal["http"]
    url: Annotated[str, Field(max_length=2_048)] | None = None
    """Older form, in place of the parts below: http(s)://{privateIp} or {publicIp}, a port, a path."""
    scheme: Literal["http", "https"] | None = None
    """How the new instance is asked."""
    address: Literal["privateIp", "publicIp"] = "privateIp"
    """Which of the addresses that EC2 gives the new instance is asked; nothing else ever is."""
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """Without it the scheme's own, 80 or 443."""
    path: Annotated[str, Field(max_length=2_048)] = "/"
    """With a query if need be, no dot segments; {privateIp}, {publicIp} and {instanceId} are filled in."""
    host: HostName | None = None
    """The name in the Host header and in TLS; it is never looked up. Without it the address."""
    verify_tls: bool = False
    """The certificate must be valid for ``host``. Off: a new instance's own certificate is rarely signed for it."""
    status: Annotated[int, Field(ge=100, le=599)] = 200
    """The status that must be answered."""

    @model_serializer(mode="wrap")
    def _in_the_form_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A check in the older form keeps its form: plans were hashed and approved with it."""
        document: dict[str, Any] = handler(self)
        if self.url is not None:
            return {key: document[key] for key in ("type", "url", "status")}
        return {key: value for key, value in document.items() if value is not None}


class TcpCheck(ConfPart):
    type: Literal["tcp"]
    port: Annotated[int, Field(ge=1, le=65_535)]
    """The port of the new instance that must accept a connection."""


class SsmCheck(ConfPart):
    type: Literal["ssm"]
    commands: Commands
    """Run on the new instance by SSM; each must end with status 0."""
    document_name: DocumentName | None = None
    """The SSM document, one that the installation allows; absent: by the instance's platform, see ``quiesce``."""

    @model_serializer(mode="wrap")
    def _without_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without(handler(self), "documentName")


AnyCheck = Annotated[HttpCheck | TcpCheck | SsmCheck, Field(discriminator="type")]


class ApplicationConf(ConfPart):
    app_name: Name
    """Name of the application: servers that move, are retried and are rolled back together."""
    depends_on: tuple[Name, ...] = ()
    """Applications of this wave that must be cut over and verified before this one is."""
    impact: Literal["critical", "high", "medium", "low"] = "medium"
    """The failure of a critical application stops the wave before its next irreversible step."""
    servers: Annotated[tuple[ServerConf, ...], Field(min_length=1, max_length=MAX_SERVERS_PER_APPLICATION)]
    checks: Annotated[tuple[AnyCheck, ...], Field(max_length=50)] = ()
    """Checks of the launched instances, beside EC2's status checks and MGN's first boot."""


class ReplicationConf(ConfPart):
    max_lag_seconds: Annotated[int, Field(ge=0, le=_DAY_SECONDS)] = 600
    """Greatest replication lag with which a launch may start, in seconds."""
    samples: Annotated[int, Field(ge=1, le=100)] = 3
    """How many polls in a row must be good, for all servers of the application at once."""
    poll_seconds: Annotated[float, Field(ge=1, le=3_600, allow_inf_nan=False)] = 60
    timeout_minutes: Minutes = 1_440
    """How long to wait for healthy replication."""


class ApprovalsConf(ConfPart):
    cutover: bool = True
    """A person approves the cutover, with the go/no-go sheet before them."""
    finalize: bool = True
    """A person approves the point of no return."""
    timeout_minutes: Minutes = 1_440
    """No answer in this time is a rejection."""
    approvers: Annotated[tuple[UserId, ...], Field()] = ()
    """Airflow user ids that may answer; empty: everybody who may answer in this DAG."""

    def is_asked(self, which: str) -> bool:
        """Whether people decide this: the conf says it for ``cutover`` and ``finalize``; all else is always asked."""
        return {"cutover": self.cutover, "finalize": self.finalize}.get(which, True)


class CutoverWindowConf(ConfPart):
    opens: UtcMoment | None = None
    """ISO 8601 with an offset."""
    closes: UtcMoment | None = None
    """ISO 8601 with an offset; no cutover starts from here on."""
    change_calendars: Annotated[tuple[CalendarName, ...], Field(max_length=10)] = ()
    """SSM change calendars (names or ARNs) that must all be OPEN."""


class QuiesceConf(ConfPart):
    commands: Commands
    """Run on the source servers by SSM before the final sync, to stop what writes."""
    undo_commands: Commands
    """Run on the source servers in a rollback, to start it again."""
    windows_commands: Commands | None = None
    """In place of ``commands`` on Windows."""
    windows_undo_commands: Commands | None = None
    """In place of ``undoCommands`` on Windows."""
    timeout_minutes: Minutes = 30
    document_name: Documents = DEFAULT_DOCUMENT
    """The SSM document, for all servers or by server; the default goes by the server's platform."""
    instance_ids: Annotated[dict[SourceServerId, ManagedInstanceId], Field(min_length=1)]
    """Managed instance id of every source server of the wave."""

    @model_serializer(mode="wrap")
    def _without_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without(handler(self), "windowsCommands", "windowsUndoCommands")

    def document_for(self, server_id: str, platform: str) -> str:
        """The document of one server.

        :param platform: ``Linux`` or ``Windows``.
        """
        named = self.document_name
        if isinstance(named, dict):
            return named.get(server_id, DOCUMENT_BY_PLATFORM[platform])
        return DOCUMENT_BY_PLATFORM[platform] if named == DEFAULT_DOCUMENT else named

    def commands_for(self, platform: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The commands to run, and the commands that undo them."""
        if platform == "Windows" and self.windows_commands and self.windows_undo_commands:
            return self.windows_commands, self.windows_undo_commands
        return self.commands, self.undo_commands


class FinalSyncConf(ConfPart):
    max_lag_seconds: Annotated[int, Field(ge=0, le=_DAY_SECONDS)] = 60
    """Greatest lag right before the cutover launch, in seconds."""
    max_backlogged_bytes: Annotated[int, Field(ge=0)] = 0
    """Greatest backlog right before the cutover launch, in bytes."""
    timeout_minutes: Minutes = 60


class CmdbConf(ConfPart):
    enabled: bool = True
    """Write the result to the CMDB."""
