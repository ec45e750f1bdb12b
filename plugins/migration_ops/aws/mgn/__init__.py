"""AWS Application Migration Service: the hook, views of its servers and jobs, and its states in named sets."""
