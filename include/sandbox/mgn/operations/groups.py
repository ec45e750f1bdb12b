"""Operations on waves and applications."""

from __future__ import annotations

from typing import Any

from include.sandbox.mgn import groups
from include.sandbox.mgn.estate import Group
from include.sandbox.mgn.paging import page_of
from include.sandbox.mgn.render import without_nothing
from include.sandbox.mgn.service import Context, operation


def _wave(context: Context, request: dict[str, Any]) -> Group:
    return context.account.wave(request["waveID"])


def _application(context: Context, request: dict[str, Any]) -> Group:
    return context.account.application(request["applicationID"])


def _passes(group: Group, filters: dict[str, Any], ids_member: str) -> bool:
    if filters.get(ids_member) and group.group_id not in filters[ids_member]:
        return False
    if filters.get("waveIDs") and ids_member != "waveIDs" and group.parent_id not in filters["waveIDs"]:
        return False
    return "isArchived" not in filters or group.is_archived == filters["isArchived"]


@operation("ListWaves")
def list_waves(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    filters = request.get("filters") or {}
    found = [one for one in context.account.waves.values() if _passes(one, filters, "waveIDs")]
    page, token = page_of("ListWaves", request, found)
    items = [groups.wave_document(context.account, one) for one in page]
    return without_nothing({"items": items, "nextToken": token})


@operation("ListApplications")
def list_applications(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    filters = request.get("filters") or {}
    found = [one for one in context.account.applications.values() if _passes(one, filters, "applicationIDs")]
    page, token = page_of("ListApplications", request, found)
    items = [groups.application_document(context.account, one) for one in page]
    return without_nothing({"items": items, "nextToken": token})


@operation("CreateWave")
def create_wave(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return groups.wave_document(context.account, groups.create(context.account, "wave", request))


@operation("UpdateWave")
def update_wave(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    wave = _wave(context, request)
    groups.update(context.account, "wave", wave, request)
    return groups.wave_document(context.account, wave)


@operation("DeleteWave")
def delete_wave(context: Context, request: dict[str, Any]) -> None:
    groups.delete_wave(context.account, _wave(context, request))


@operation("ArchiveWave")
def archive_wave(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    wave = _wave(context, request)
    groups.archive_wave(context.account, wave)
    return groups.wave_document(context.account, wave)


@operation("UnarchiveWave")
def unarchive_wave(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    wave = _wave(context, request)
    groups.unarchive(context.account, "wave", wave)
    return groups.wave_document(context.account, wave)


@operation("CreateApplication")
def create_application(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return groups.application_document(context.account, groups.create(context.account, "application", request))


@operation("UpdateApplication")
def update_application(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    application = _application(context, request)
    groups.update(context.account, "application", application, request)
    return groups.application_document(context.account, application)


@operation("DeleteApplication")
def delete_application(context: Context, request: dict[str, Any]) -> None:
    groups.delete_application(context.account, _application(context, request))


@operation("ArchiveApplication")
def archive_application(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    application = _application(context, request)
    groups.archive_application(context.account, application)
    return groups.application_document(context.account, application)


@operation("UnarchiveApplication")
def unarchive_application(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    application = _application(context, request)
    groups.unarchive(context.account, "application", application)
    return groups.application_document(context.account, application)


@operation("AssociateSourceServers")
def associate_source_servers(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    groups.associate_servers(context.account, _application(context, request), request["sourceServerIDs"])
    return {}


@operation("DisassociateSourceServers")
def disassociate_source_servers(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    groups.disassociate_servers(context.account, _application(context, request), request["sourceServerIDs"])
    return {}


@operation("AssociateApplications")
def associate_applications(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    groups.associate_applications(context.account, _wave(context, request), request["applicationIDs"])
    return {}


@operation("DisassociateApplications")
def disassociate_applications(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    groups.disassociate_applications(context.account, _wave(context, request), request["applicationIDs"])
    return {}
