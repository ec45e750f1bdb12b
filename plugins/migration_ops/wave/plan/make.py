"""The first step: the conf becomes a plan, or an error that names what is wrong."""

from __future__ import annotations

from typing import Any

from migration_ops.core.documents import migration_id_for
from migration_ops.core.errors import InvalidInputError
from migration_ops.wave.conf.model import WaveConf, conf_from_mgn_wave, parse_conf
from migration_ops.wave.plan.plan import WavePlan, build_plan
from migration_ops.wave.rules.finalized import is_final
from migration_ops.wave.services import Services


def make_plan(services: Services, conf: WaveConf) -> WavePlan:
    """The plan; with ``mgnWaveId`` applications and servers are read from MGN first.

    What is archived in MGN is left out, except the servers of an application that this wave has finalized as a whole:
    it stays in the plan of the wave's next run, as it does when the conf lists the applications.

    :raises InvalidConfError: what MGN lists does not make a valid conf (for example a server in two applications).
    :raises InvalidInputError: the wave of MGN has no applications, or one of them no servers.
    :raises NotFoundError: MGN has no such wave, or it is archived.
    :raises ForbiddenUrlError, NameNotResolvedError: the callback URL may not be called, or its host has no address.
    """
    if conf.mgn_wave_id:
        conf = parse_conf(_conf_of_mgn(services, conf), now=services.now())
    if conf.callback_url:
        services.check_callback_url(conf.callback_url)
    return build_plan(conf)


def _conf_of_mgn(services: Services, conf: WaveConf) -> dict[str, Any]:
    wave_id = str(conf.mgn_wave_id)
    applications = services.mgn.applications_of_wave(wave_id)
    servers = _servers_of(services, applications)
    empty = {name: one for name, one in applications.items() if not servers[name]}
    if empty or not applications:
        shelved = empty or services.mgn.applications_of_wave(wave_id, archived=True)
        servers |= _finalized(services, conf.wave, _servers_of(services, shelved, archived=True))
    if not servers:
        raise InvalidInputError("the wave of MGN has no applications", path="mgnWaveId", value=wave_id)
    without = [name for name, ids in servers.items() if not ids]
    if without:
        raise InvalidInputError("applications of the wave have no servers", path="mgnWaveId", applications=without)
    return conf_from_mgn_wave(conf, {name: sorted(ids) for name, ids in servers.items()})


def _servers_of(services: Services, applications: dict[str, str], *, archived: bool = False) -> dict[str, list[str]]:
    """Source server ids by application name; ``applications``: id by name."""
    names = {application_id: name for name, application_id in applications.items()}
    found: dict[str, list[str]] = {name: [] for name in applications}
    for view in services.mgn.servers_of_applications(list(names), archived=archived):
        found[names[str(view.application_id)]].append(view.source_server_id)
    return found


def _finalized(services: Services, wave: str, servers: dict[str, list[str]]) -> dict[str, list[str]]:
    """Those that the ledger knows as finalized in this wave."""
    ids = {one: migration_id_for(wave, one) for listed in servers.values() for one in listed}
    records = services.ledger.read(list(ids.values())) if ids else {}
    final = {one for one, key in ids.items() if (record := records.get(key)) and is_final(wave, record)}
    return {name: [one for one in listed if one in final] for name, listed in servers.items()}
