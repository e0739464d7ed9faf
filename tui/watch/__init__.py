"""Floor 5: the headless program. The probe, somebody who takes its lines, and an exit status."""
