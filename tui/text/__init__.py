"""Floor 0: remote text made safe and measured. Nothing a peer sent reaches a terminal except through here."""
