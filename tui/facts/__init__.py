"""Floor 0: the vocabulary every other floor speaks.

Facts (what happened at a socket), findings (what is computed from facts), session commands, the JSON Lines
codec that carries them, the clock that stamps them and the redaction that is applied before a line exists.
"""
