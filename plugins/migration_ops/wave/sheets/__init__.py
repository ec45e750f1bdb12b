"""What people decide by and read afterwards: the evidence sheets and the wave report."""
