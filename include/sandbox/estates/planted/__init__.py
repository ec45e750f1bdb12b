"""Planted problems, a service a module: ``plant(account) -> {check id: resources}``, each on a resource of its own."""
