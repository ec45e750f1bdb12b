"""Waiting without a worker: what a step waits for, the conditions that end a wait, and the shared poll behind them."""
