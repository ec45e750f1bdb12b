"""The plan of a wave: which applications move in which order, and a digest of all that an approver agrees to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeVar

from migration_ops.core.documents import canonical_digest, migration_id_for
from migration_ops.core.errors import InvalidInputError
from migration_ops.wave.conf.model import ApplicationConf, WaveConf, restore_conf
from migration_ops.wave.rules.refusals import PlanMismatchError

__all__ = [
    "PlannedApplication",
    "PlannedServer",
    "WavePlan",
    "build_plan",
    "levels_of",
    "migration_id_for",
]

# Applications are hashed as planned. A dry run and the real run after it have the same hash.
_OUTSIDE_THE_HASH = frozenset({"applications", "dryRun"})
T = TypeVar("T")


@dataclass(frozen=True)
class PlannedServer:
    """One server and its migration."""

    migration_id: str
    source_server_id: str
    cmdb_id: str | None = None

    def as_document(self) -> dict[str, Any]:
        return {"migrationId": self.migration_id, "sourceServerId": self.source_server_id, "cmdbId": self.cmdb_id}

    @classmethod
    def from_document(cls, document: Any, path: str = "server") -> PlannedServer:
        """:raises InvalidInputError: it is no such document; ``path`` says what is missing or malformed."""
        migration_id, server_id = (_part(document, key, str, path) for key in ("migrationId", "sourceServerId"))
        return cls(migration_id, server_id, document.get("cmdbId"))


@dataclass(frozen=True)
class PlannedApplication:
    """The unit of cutover, retry and rollback. ``level`` 0 depends on nothing, 1 on level 0 at most, and so on."""

    app_name: str
    depends_on: tuple[str, ...]
    impact: str
    level: int
    servers: tuple[PlannedServer, ...]
    checks: tuple[dict[str, Any], ...] = ()

    @property
    def server_ids(self) -> tuple[str, ...]:
        return tuple(one.source_server_id for one in self.servers)

    @property
    def migration_ids(self) -> tuple[str, ...]:
        return tuple(one.migration_id for one in self.servers)

    def as_document(self) -> dict[str, Any]:
        return {
            "appName": self.app_name,
            "dependsOn": list(self.depends_on),
            "impact": self.impact,
            "level": self.level,
            "servers": [one.as_document() for one in self.servers],
            "checks": [dict(one) for one in self.checks],
        }

    @classmethod
    def from_document(cls, document: Any, path: str = "application") -> PlannedApplication:
        """:raises InvalidInputError: it is no such document; ``path`` says what is missing or malformed."""
        servers = enumerate(_part(document, "servers", list, path))
        return cls(
            app_name=_part(document, "appName", str, path),
            depends_on=tuple(_part(document, "dependsOn", list, path)),
            impact=_part(document, "impact", str, path),
            level=_part(document, "level", int, path),
            servers=tuple(PlannedServer.from_document(one, f"{path}.servers[{number}]") for number, one in servers),
            checks=tuple(_documents(document, "checks", path)),
        )


@dataclass(frozen=True)
class WavePlan:
    """Applications in the order in which they may be cut over. ``conf`` is complete: defaults and ids filled in.

    It is a document only in XCom. A document of an earlier version, with fewer keys in its conf, gets the defaults.
    """

    wave: str
    applications: tuple[PlannedApplication, ...]
    plan_hash: str
    conf: WaveConf

    @property
    def server_ids(self) -> tuple[str, ...]:
        return tuple(one for application in self.applications for one in application.server_ids)

    @property
    def migration_ids(self) -> tuple[str, ...]:
        return tuple(one for application in self.applications for one in application.migration_ids)

    def application(self, app_name: str) -> PlannedApplication:
        """:raises InvalidInputError: the plan has no such application."""
        for one in self.applications:
            if one.app_name == app_name:
                return one
        raise InvalidInputError("no such application in the plan", wave=self.wave, appName=app_name)

    def as_document(self) -> dict[str, Any]:
        return {
            "wave": self.wave,
            "applications": [one.as_document() for one in self.applications],
            "planHash": self.plan_hash,
            "conf": self.conf.as_document(),
        }

    @classmethod
    def from_document(cls, document: Any) -> WavePlan:
        """The plan as it was made. Its hash is computed again: whoever can edit XComs must not be able to change it.

        :raises InvalidInputError: it is no such document; ``path`` says what is missing or malformed.
        :raises InvalidConfError: its conf is malformed; ``findings`` say where.
        :raises PlanMismatchError: its hash is another one.
        """
        applications = enumerate(_part(document, "applications", list, "plan"))
        plan = cls(
            wave=_part(document, "wave", str, "plan"),
            applications=tuple(
                PlannedApplication.from_document(one, f"plan.applications[{number}]") for number, one in applications
            ),
            plan_hash=_part(document, "planHash", str, "plan"),
            conf=restore_conf(_part(document, "conf", dict, "plan")),
        )
        _require_own_hash(document, plan)
        return plan


def build_plan(conf: WaveConf) -> WavePlan:
    """The plan of a conf with applications; the same conf gives the same plan on every run.

    Order: by level, within a level as in the conf.

    :raises InvalidInputError: no applications (``mgnWaveId`` was not resolved), a dependency cycle or unknown name.
    """
    if not conf.applications:
        raise InvalidInputError("the conf names no applications", path="applications")
    levels = levels_of({one.app_name: one.depends_on for one in conf.applications})
    planned = [_planned(conf.wave, one, levels[one.app_name]) for one in conf.applications]
    planned.sort(key=lambda one: one.level)  # Stable: the conf's order stays within a level.
    complete = _complete(conf)
    plan_hash = _hash_of([one.as_document() for one in planned], complete.as_document())
    return WavePlan(conf.wave, tuple(planned), plan_hash, complete)


def _hash_of(applications: list[Any], conf: dict[str, Any]) -> str:
    settings = {key: value for key, value in conf.items() if key not in _OUTSIDE_THE_HASH}
    return canonical_digest({"applications": applications, "conf": settings})


def _require_own_hash(document: dict[str, Any], plan: WavePlan) -> None:
    """Computed over the document itself: one of an earlier version has fewer keys than the plan made from it."""
    made_of = _hash_of(document["applications"], document["conf"])
    if made_of != plan.plan_hash or plan.wave != plan.conf.wave:
        raise PlanMismatchError("the plan is not what its hash was made of", planHash=plan.plan_hash, found=made_of)


def levels_of(depends_on: dict[str, Iterable[str]]) -> dict[str, int]:
    """The length of the longest chain of dependencies of each application.

    :raises InvalidInputError: a cycle (named), or a dependency that is no key of ``depends_on``.
    """
    try:
        order = list(TopologicalSorter(depends_on).static_order())
    except CycleError as error:
        cycle = " → ".join(reversed(error.args[1]))
        raise InvalidInputError(f"applications depend on each other: {cycle}", path="applications") from error
    levels: dict[str, int] = {}
    for name in order:
        if name not in depends_on:
            raise InvalidInputError(f"no application of this wave is named {name!r}", path="applications")
        levels[name] = 1 + max((levels[needed] for needed in depends_on[name]), default=-1)
    return levels


def _planned(wave: str, application: ApplicationConf, level: int) -> PlannedApplication:
    return PlannedApplication(
        app_name=application.app_name,
        depends_on=application.depends_on,
        impact=application.impact,
        level=level,
        servers=tuple(
            PlannedServer(
                one.migration_id or migration_id_for(wave, one.source_server_id), one.source_server_id, one.cmdb_id
            )
            for one in application.servers
        ),
        checks=tuple(one.model_dump(mode="json", by_alias=True) for one in application.checks),
    )


def _complete(conf: WaveConf) -> WaveConf:
    """The conf with the id of every migration."""
    return conf.model_copy(update={"applications": tuple(_with_ids(conf.wave, one) for one in conf.applications)})


def _with_ids(wave: str, application: ApplicationConf) -> ApplicationConf:
    servers = tuple(
        one.model_copy(update={"migration_id": one.migration_id or migration_id_for(wave, one.source_server_id)})
        for one in application.servers
    )
    return application.model_copy(update={"servers": servers})


def _part(document: Any, key: str, kind: type[T], path: str) -> T:
    value = document.get(key) if isinstance(document, dict) else None
    if not isinstance(value, kind):
        raise InvalidInputError("a plan's document lacks a part, or it is malformed", path=f"{path}.{key}")
    return value


def _documents(document: Any, key: str, path: str) -> list[dict[str, Any]]:
    found = _part(document, key, list, path)
    for number, one in enumerate(found):
        if not isinstance(one, dict):
            raise InvalidInputError("a plan's document is malformed", path=f"{path}.{key}[{number}]")
    return [dict(one) for one in found]
