"""The operations of MGN that the sandbox simulates. Importing this package registers them."""

from include.sandbox.mgn.operations import groups, jobs, servers, settings, tagging

__all__ = ["groups", "jobs", "servers", "settings", "tagging"]
