"""One module a service: what there is, each listing read to its end and made once in a read, and parts on demand.

Checks, alarms and the audit are handed what these modules read, so that they cannot differ about what a resource is.
A part that could not be read is a failure document in its own place; what was deleted since it was listed is left out.
"""
