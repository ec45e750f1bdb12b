"""The sensors' import path of before: DAGs of your own may still use it."""

from migration_ops.operators.sensors import MgnJobSensor, MgnReplicationSensor

__all__ = ["MgnJobSensor", "MgnReplicationSensor"]
