"""Floor 3: judgement. ``engine`` drives the session folds and is the one place findings are emitted."""
