"""What every other package may use: settings, errors, findings, changes, secrets. It imports neither boto3 nor Airflow.

Nothing here does I/O when imported.
"""
