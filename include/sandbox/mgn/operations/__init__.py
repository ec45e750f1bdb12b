"""The operations of MGN that the sandbox simulates. Importing this package registers them."""

__all__ = ["groups", "jobs", "servers", "settings", "tagging"]
