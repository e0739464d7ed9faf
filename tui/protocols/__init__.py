"""Floor 1: sans-IO decoders. Bytes in, events out; no clock, no socket, nothing raised for what a peer sent."""
