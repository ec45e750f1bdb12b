"""The ground floor: what every other room may use. Nothing here speaks boto3 or Airflow, or does I/O when imported.

So far it holds the one engine that finds secrets (``secrets``) and hides them (``redaction``), and the one function
that knows the level of a log line (``log_levels``).
"""
