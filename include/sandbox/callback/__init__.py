"""A receiver of callbacks that verifies their signatures as Standard Webhooks says."""
