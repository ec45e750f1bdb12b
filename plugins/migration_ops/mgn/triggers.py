"""Where a wave that was deferred before an upgrade finds its trigger: Airflow's table holds this class path."""

from migration_ops.operators.triggers import WatchTrigger

__all__ = ["WatchTrigger"]
