"""Everything the package tells the outside: the CMDB, the caller's callback, and what may be called at all."""
