"""Floor 1: recordings on disk: fact lines written as they came, read back, found by row. Knows lines, not protocols."""
