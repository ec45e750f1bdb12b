"""The wave: what moves a group of applications to AWS, step by step.

``rules`` holds the decisions that need no input or output. ``permission`` is the one place that says whether a step
may act on an application now. Conf, plan, preflight, launching, steps, sheets and waits are sub-packages.
"""
