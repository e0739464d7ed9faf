"""``python -m tui``: the same as ``whoops``. The screen starts its probe and its lab this way."""

from tui.cli import main

main()
