"""Which test holds what: every step, operator, check, alarm, condition and query, and how each of them can go wrong.

``map.yaml`` is written by hand, its rows are held against the code's registries and its cells against the tests.
``python -m tests.coverage_map > docs/coverage.md`` prints it.
"""
