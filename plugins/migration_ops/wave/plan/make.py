"""The first step: the conf becomes a plan, or a typed error that names every fault (design: "Documents")."""

from __future__ import annotations

from typing import Any

from migration_ops.core.errors import InvalidInput
from migration_ops.wave.conf.model import WaveConf, conf_from_mgn_wave, parse_conf
from migration_ops.wave.plan.plan import WavePlan, build_plan
from migration_ops.wave.services import Services


def make_plan(services: Services, conf: WaveConf) -> WavePlan:
    """The plan; with ``mgnWaveId`` applications and servers are read from MGN first.

    :raises InvalidConf: what MGN lists does not make a valid conf (for example a server in two applications).
    :raises InvalidInput: the wave of MGN has no applications, or one of them no servers.
    :raises NotFound: no such wave.
    """
    if conf.mgn_wave_id:
        conf = parse_conf(_conf_of_mgn(services, conf), now=services.now())
    if conf.callback_url:
        services.check_callback_url(conf.callback_url)
    return build_plan(conf)


def _conf_of_mgn(services: Services, conf: WaveConf) -> dict[str, Any]:
    applications = services.mgn.applications_of_wave(str(conf.mgn_wave_id))
    if not applications:
        raise InvalidInput("the wave of MGN has no applications", path="mgnWaveId", value=conf.mgn_wave_id)
    servers: dict[str, list[str]] = {name: [] for name in applications}
    names = {application_id: name for name, application_id in applications.items()}
    for view in services.mgn.servers_of_applications(list(names)):
        servers[names[str(view.application_id)]].append(view.source_server_id)
    empty = [name for name, ids in servers.items() if not ids]
    if empty:
        raise InvalidInput("applications of the wave have no servers", path="mgnWaveId", applications=empty)
    return conf_from_mgn_wave(conf, {name: sorted(ids) for name, ids in servers.items()})
