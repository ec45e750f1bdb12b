"""What is read: one AWS service a module, each with ``read(reader) -> dict``."""
