"""Findings of scanners and of the package index: reports of others, read and judged as our own."""
