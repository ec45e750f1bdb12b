"""Callbacks to the address in a conf: signed (Standard Webhooks), checked against what may be called, pinned."""
