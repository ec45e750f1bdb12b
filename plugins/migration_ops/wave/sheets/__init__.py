"""The evidence sheets that people decide by, and the wave report that they read afterwards."""
