"""Readers of the account's resources, by service. Each listing is read to its end, once per read.

Checks, alarms and the audit all get what these modules read, so that they agree on what a resource is. A part that
could not be read is a failure document in its place. Some readers leave out what was deleted since it was listed.
"""
