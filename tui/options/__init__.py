"""Floor 1: what to open. Targets, options and where they come from, folded into one ``SessionSpec`` per session."""
