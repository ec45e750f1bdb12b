"""The clean estate, a service a module: ``seed(account)``. Names sort: what one seeds, a later one may use."""
