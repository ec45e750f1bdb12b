"""The CMDB: the protocol of a CMDB client, and the client for Cloud Migration Factory."""
