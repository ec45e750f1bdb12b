"""The CMDB: the protocol that a CMDB client fulfils, and Cloud Migration Factory as one."""
