"""Draws the README's picture from a recording of ``whoops demo``: ``python tests/terminal/picture.py``."""

import asyncio
import os
import re
import tempfile
from pathlib import Path

from tui.screens.pace import pace

HERE = Path(__file__).parent


async def draw(recording: Path) -> str:
    """Opens the recording as a person would; what is on the screen, as SVG."""
    os.environ.update(pace(None, {}).environment)
    from tui.app import WhoopsApp
    from tui.screens.desk import Desk
    from tui.screens.source import FileSource
    from tui.view.look import Look

    with tempfile.TemporaryDirectory() as folder:
        app = WhoopsApp(Desk([FileSource(recording)], Look(), Path(folder)))
        async with app.run_test(size=(120, 40)) as pilot:
            while app.desk.behind or not app.main.shown:
                await pilot.pause()
            await pilot.press("2")
            await pilot.pause()
            return app.export_screenshot(title="whoops")


drawn = asyncio.run(draw(HERE / "demo.jsonl"))
# The fonts it names are on the web; whoever looks at the picture has one of their own.
drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL).replace("Fira Code,", "")
(HERE / "demo.svg").write_text(drawn)
