"""Airflow operators, sensors, triggers and listeners: thin shells around the other packages.

Airflow is imported here, in the DAG files, in ``migration_plugin.py`` and by the hook base in ``aws/session.py`` only.
"""
