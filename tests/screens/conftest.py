"""The inspector on a recording made by hand."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.view.story import Story
from tests.waiting import comes
from tui.app import WhoopsApp
from tui.screens.desk import Desk
from tui.screens.source import FileSource, ProbeSource
from tui.view.look import Look


async def settled(pilot: Pilot[None], app: WhoopsApp) -> None:
    """Every line that has come is on the screen, and a pane has the focus."""

    def there() -> bool:
        drawn = bool(app.main.shown) and all(shown.head.lines or not shown.display for shown in app.main.shown)
        return drawn and not app.desk.busy and app.focused is not None

    await comes(pilot, there)


@pytest.fixture
def asker(tmp_path: Path) -> Path:
    """The asker's story as a file."""
    path = tmp_path / "asker.jsonl"
    path.write_bytes(Story().asker().data)
    return path


@pytest.fixture
def reading(asker: Path, tmp_path: Path) -> Callable[..., WhoopsApp]:
    """The inspector on that file, or on others."""

    def make(*paths: Path, look: Look | None = None) -> WhoopsApp:
        return WhoopsApp(Desk([FileSource(path) for path in paths or (asker,)], look or Look(), tmp_path))

    return make


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[WhoopsApp]:
    """The inspector with a probe that repeats its commands and says nothing else."""
    desk = Desk([ProbeSource(command=("cat",))], Look(), tmp_path / "rec")
    assert desk.child is not None
    yield WhoopsApp(desk)
    desk.child.stop()
    desk.child.close()
