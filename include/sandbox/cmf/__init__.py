"""A Cloud Migration Factory API in a box: the routes, refusals and lost updates of CMF 4.5."""
