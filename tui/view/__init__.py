"""Floor 4: what a pane shows, as plain rows and strings; no Textual."""
