"""Who asked for a run, and whether what a task was given is what the run was triggered with."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context

from migration_ops.core.policy import Policy, PolicyError
from migration_ops.wave.conf.model import WaveConf, restore_conf
from migration_ops.wave.conf.problems import Finding
from migration_ops.wave.plan.plan import WavePlan, build_plan
from migration_ops.wave.rules.refusals import PlanMismatchError
from migration_ops.wave.services import Services


def requester_of(context: Context) -> str | None:
    """Name of the user who triggered the run; None when Airflow does not know (a schedule, the command line)."""
    return getattr(context["dag_run"], "triggering_user_name", None) or None


def refuse(findings: list[Finding]) -> None:
    """:raises PolicyError: the installation does not allow something of the conf; every finding is named."""
    if findings:
        shown = "; ".join(f"{one.path or 'run'}: {one.message}" for one in findings)
        raise PolicyError(shown, findings=[one.as_document() for one in findings])


def region_of(services: Services, policy: Policy) -> str | None:
    """The connection's Region; None where Regions are not restricted, as it is not needed then."""
    return services.client("sts").meta.region_name if policy.regions else None


def require_plan_of_run(plan: WavePlan, document: dict[str, Any]) -> None:
    """The run's conf cannot be edited, its XComs can: the plan must be the one that the conf makes.

    For a wave that is read from MGN only the rest of the conf is compared: the applications come from MGN.

    :raises PlanMismatchError: it is another one.
    """
    conf = restore_conf(document)
    if conf.applications:
        same = build_plan(conf).plan_hash == plan.plan_hash and conf.dry_run is plan.conf.dry_run
    else:
        same = _settings_of(conf) == _settings_of(plan.conf)
    if not same:
        raise PlanMismatchError("the plan is not what this run's conf makes", planHash=plan.plan_hash)


def _settings_of(conf: WaveConf) -> dict[str, Any]:
    """All but what MGN listed."""
    return {key: value for key, value in conf.as_document().items() if key not in ("applications", "mgnWaveId")}
