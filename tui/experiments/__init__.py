"""Experiments: planners that name the sessions to open and read how those ended. ``whoops experiment`` and the palette
run them; a planner knows no socket and no screen."""
