"""The ground floor: states, results, findings, documents, settings and errors that every other room uses.

Pure Python and pydantic: it imports neither boto3 nor Airflow, and nothing else of this package.
"""
