"""The wave: from a conf to servers that run in AWS.

A conf becomes a plan (``conf``, ``plan``), rules judge (``rules``), permission is asked in one place, steps act
through ``launching`` and wait through ``waits``, and people read ``sheets``. No Airflow in here.
"""
