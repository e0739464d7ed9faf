"""Floor 5: widgets draw one view model each, and know no protocol."""
