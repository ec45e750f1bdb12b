"""Waits that hold no worker: what a step waits for, the conditions that end a wait, and the shared poll."""
