"""Systems that are notified of a migration: the CMDB, callback receivers and telemetry.

Each is reached through an Airflow connection or a setting, and a failure here never undoes a migration.
"""
