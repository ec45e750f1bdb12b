"""Whether Airflow's own parts are alive: metadatabase, scheduler, triggerer, DAG processor."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds

HEALTHY = "healthy"
WITHOUT_HEARTBEAT = "metadatabase"


def judge(component: Facts, _: Facts, limits: Thresholds) -> Judgement:
    limit = limits.orchestrator.max_heartbeat_age_seconds
    if not component["isAnswered"]:
        return unknown("Airflow says nothing of it")
    status = component.maybe("status")
    if component["name"] == WITHOUT_HEARTBEAT:
        return ok(HEALTHY) if status == HEALTHY else critical(f"Airflow calls it {status}")
    if status != HEALTHY and component.maybe("heartbeatAgeSeconds") is None:
        # Airflow answers no heartbeat of what has never run, and of most of it no status either.
        return critical("it has never run", value=status, limit=limit)
    age = component["heartbeatAgeSeconds"]
    if age > limit:
        return critical(f"its last heartbeat was {age:g} s ago, limit {limit}", value=age, limit=limit)
    if age < -limit:
        return unknown(f"its heartbeat is {-age:g} s ahead: the clocks differ", value=age, limit=limit)
    if status != HEALTHY:
        return warning(f"Airflow calls it {status}", value=age, limit=limit)
    return ok(f"its last heartbeat was {max(age, 0):g} s ago", value=age, limit=limit)
