"""Floor 6: what stands on the screen and which key does what; where the lines come from and where commands go."""
