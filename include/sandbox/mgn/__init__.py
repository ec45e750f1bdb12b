"""Application Migration Service as the sandbox offers it: botocore's protocol, the documented rules."""
