"""``make bench``: what the package costs, in calls and in time, beside named peers. Nothing is asserted."""
