"""The plan that a conf makes: applications in order, estimates, its text and its hash."""
