"""The project on one machine: installation, the sandbox with a real Airflow, and the demo."""
