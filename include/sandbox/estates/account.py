"""What seeds and problems work with: boto3 clients of the sandbox, and metrics as AWS would have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from include.sandbox.estates.own_airflow import OwnAirflow


@dataclass
class Account:
    """
    One sandbox account.

    :param make: a new boto3 client by service name.
    :param control: the sandbox's control API, for MGN servers; None where only moto stands.
    :param settings: ``MIGRATION_OPS_*`` names of our own resources.
    :param airflow: stands for our own Airflow in tests; None where a real one runs, in which nothing is planted.
    """

    make: Callable[[str], Any]
    control: Any = None
    settings: dict[str, str] = field(default_factory=dict)
    airflow: OwnAirflow | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """The client of a service, made once."""
        if service not in self._clients:
            self._clients[service] = self.make(service)
        return self._clients[service]

    def metric(
        self, namespace: str, name: str, dimensions: Mapping[str, str], *values: float, minutes_apart: int = 5
    ) -> None:
        """Data points of a metric, the last one some minutes ago, each earlier one ``minutes_apart`` before."""
        points = [
            {
                "MetricName": name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                "Timestamp": self.now - timedelta(minutes=2 + minutes_apart * age),
                "Value": float(value),
            }
            for age, value in enumerate(reversed(values))
        ]
        self.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=points)
