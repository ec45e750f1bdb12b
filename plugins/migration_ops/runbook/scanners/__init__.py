"""Reports of scanners and of the package index, read and turned into our own findings."""
