"""The wave: what moves a group of applications to AWS, step by step.

``rules`` holds what can be decided without looking at anything. ``permission`` is the one place that says whether a
step may act on an application now. Steps, sheets and waits belong here too.
"""
