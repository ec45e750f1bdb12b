"""The project on one machine: installation, the sandbox and a real Airflow beside it, the demo driver."""
