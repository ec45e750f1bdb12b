"""The conf of ``migration_wave``: its model, and ``parse_conf``, which every conf of a run goes through."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from migration_ops.core.errors import InvalidInputError
from migration_ops.wave.conf.parts import (
    MAX_APPLICATIONS_PER_WAVE,
    AccountId,
    ApplicationConf,
    ApprovalsConf,
    CmdbConf,
    ConfPart,
    ConnectionId,
    CutoverWindowConf,
    FinalSyncConf,
    HttpCheck,
    Name,
    QuiesceConf,
    RegionName,
    ReplicationConf,
    ServerConf,
    SsmCheck,
    TcpCheck,
)
from migration_ops.wave.conf.problems import Finding, path_of
from migration_ops.wave.conf.rules import validate

__all__ = [
    "ApplicationConf",
    "ApprovalsConf",
    "CmdbConf",
    "CutoverWindowConf",
    "FinalSyncConf",
    "HttpCheck",
    "InvalidConfError",
    "QuiesceConf",
    "ReplicationConf",
    "ServerConf",
    "SsmCheck",
    "TcpCheck",
    "WaveConf",
    "conf_from_mgn_wave",
    "parse_conf",
    "restore_conf",
]

_SHOWN_FINDINGS = 5
# A wave of 200 servers takes some 60,000 characters. Checking a far longer one would take minutes.
MAX_CONF_CHARACTERS = 500_000


class InvalidConfError(InvalidInputError):
    """The conf is refused; ``context["findings"]`` lists everything that is wrong with it."""

    code = "INVALID_CONF"


class WaveConf(ConfPart):
    """What moves, under which limits, and what happens when something fails."""

    wave: Name
    """Name of the wave in the ledger, the CMDB and the report."""
    dry_run: bool = True
    """Plan and run every read-only check, change nothing."""
    aws_conn_id: ConnectionId = "aws_default"
    """Airflow connection of the account that receives the servers."""
    region: RegionName | None = None
    """AWS Region; absent: the connection's."""
    account_id: AccountId | None = None
    """Account that the connection must lead to; a different one stops the run before anything is touched."""
    mgn_wave_id: Annotated[str, Field(pattern=r"^wave-[0-9A-Za-z]{17}$")] | None = None
    """Take applications and servers from this wave of MGN; excludes ``applications``."""
    applications: Annotated[tuple[ApplicationConf, ...], Field(max_length=MAX_APPLICATIONS_PER_WAVE)] = ()
    """The applications of the wave; excludes ``mgnWaveId``."""
    replication: ReplicationConf = ReplicationConf()
    """How healthy replication must be before a launch, and how long to wait for it."""
    test_launch: bool = True
    """Launch test instances and verify them before the cutover."""
    approvals: ApprovalsConf = ApprovalsConf()
    """Which decisions people take, who may, and how long they have."""
    cutover_window: CutoverWindowConf = CutoverWindowConf()
    """When cutovers may be launched: ISO 8601 times with offset, and SSM change calendars."""
    quiesce: QuiesceConf | None = None
    """Stop the source's services before the final sync; absent: the source keeps running."""
    final_sync: FinalSyncConf = FinalSyncConf()
    """What lag and backlog a cutover may be launched with, and how long to wait for that."""
    soak_minutes: Annotated[float, Field(ge=0, le=43_200, allow_inf_nan=False)] = 0
    """Wait between a verified cutover and the question whether to finalize, in minutes."""
    finalize: bool = True
    """Finalize after soak and approval; false leaves the servers in 'cutover in progress'."""
    on_failure: Literal["ask", "rollback", "hold"] = "ask"
    """ask: a person chooses; rollback: at once; hold: leave everything as it is."""
    failure_threshold: Annotated[int, Field(ge=1, le=MAX_APPLICATIONS_PER_WAVE)] | None = None
    """That many failed applications stop the wave before its next irreversible step."""
    cmdb: CmdbConf = CmdbConf()
    """Whether results are written to the CMDB."""
    callback_url: Annotated[str, Field(max_length=2_048)] | None = None
    """Where the result of each migration is posted, signed; https unless the connection allows the host."""
    change_ticket: Annotated[str, Field(min_length=1, max_length=256, pattern=r"\S")] | None = None
    """Number of the change, for the report and the evidence."""


def parse_conf(document: dict[str, Any], *, now: datetime) -> WaveConf:
    """The conf of a run, judged as a whole.

    :param now: an aware time; a cutover window that closed before it is refused.
    :raises InvalidConfError: with every finding (path in the conf's own spelling, code, message), not only the first.
    """
    text = _as_json(document)
    conf, findings = _validate(text)
    findings += validate(json.loads(text), now)
    if conf is None or findings:
        raise _refusal(findings)
    return conf


def restore_conf(document: dict[str, Any]) -> WaveConf:
    """A conf that ``parse_conf`` accepted before (``WavePlan.conf``); its window is not compared with the time now.

    :raises InvalidConfError: the document does not fit the model.
    """
    conf, findings = _validate(_as_json(document))
    if conf is None:
        raise _refusal(findings)
    return conf


def conf_from_mgn_wave(conf: WaveConf, applications: dict[str, list[str]]) -> dict[str, Any]:
    """The conf document with the applications that MGN lists for ``mgnWaveId``; the caller parses it again.

    :param applications: application name to its source server ids (ListApplications, DescribeSourceServers).
    """
    return conf.as_document() | {
        "mgnWaveId": None,
        "applications": [
            {"appName": name, "servers": [{"sourceServerId": one} for one in server_ids]}
            for name, server_ids in applications.items()
        ],
    }


def _as_json(document: Any) -> str:
    if not isinstance(document, dict):
        raise _refusal([Finding("", "not_an_object", "must be a JSON object")])
    try:
        text = json.dumps(document, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise _refusal([Finding("", "not_json", "must hold plain JSON values only")]) from error
    if len(text) > MAX_CONF_CHARACTERS:
        raise _refusal([Finding("", "too_large", f"is longer than {MAX_CONF_CHARACTERS:,} characters as JSON")])
    return text


def _validate(text: str) -> tuple[WaveConf | None, list[Finding]]:
    try:
        # From JSON, not from Python values: strict JSON takes lists for tuples and strings for dates, nothing more.
        return WaveConf.model_validate_json(text), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        # For a refused item pydantic also reports its list as too short.
        within = {one["loc"][:depth] for one in details for depth in range(len(one["loc"]))}
        kept = [one for one in details if not (one["type"] == "too_short" and one["loc"] in within)]
        return None, [Finding(path_of(one["loc"]), one["type"], one["msg"]) for one in kept]


def _refusal(findings: list[Finding]) -> InvalidConfError:
    unique = list(dict.fromkeys(findings))
    shown = "; ".join(f"{one.path or 'conf'}: {one.message}" for one in unique[:_SHOWN_FINDINGS])
    more = f"; and {len(unique) - _SHOWN_FINDINGS} more" if len(unique) > _SHOWN_FINDINGS else ""
    noun = "finding" if len(unique) == 1 else "findings"
    return InvalidConfError(f"{len(unique)} {noun}: {shown}{more}", findings=[one.as_document() for one in unique])
