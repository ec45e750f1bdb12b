"""Airflow operators, sensors, triggers and listeners: thin shells around the rooms below.

Airflow is imported here, in ``board``, in the DAG files and by the one hook base in ``aws/session.py``, nowhere else.
"""
