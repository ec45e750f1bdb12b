"""What operators see outside Airflow: log lines, CloudWatch metrics and EventBridge events of each migration."""
