"""Rules of the wave, pure: where a migration stands, replication, launch, boot, change window and failure."""
