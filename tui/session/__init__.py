"""Floor 2: a session folded from its facts: state, counters, keep-alive timers, STOMP both ways, the close report.

Pure: no clock, no socket, no file. ``tui.diagnosis.engine`` drives it; views and the watch program read it.
"""
