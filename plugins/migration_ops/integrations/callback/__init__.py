"""Callbacks to the URL in a conf: signed (Standard Webhooks), only to allowed hosts, at checked addresses."""
