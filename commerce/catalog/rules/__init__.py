"""What the catalogue decides without I/O: how goods are found, and which sheets are sound."""
