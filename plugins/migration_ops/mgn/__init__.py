"""Old import paths that outlive an upgrade: class paths of deferred waves, and sensors in DAGs of your own."""
