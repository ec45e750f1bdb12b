"""Moves servers to AWS in waves with AWS Application Migration Service, from Apache Airflow."""

__version__ = "0.1.0"
