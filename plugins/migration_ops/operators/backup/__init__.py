"""Operators of backup, restore and the recovery drill."""
