import pytest

from tui.screens.pace import FAR, NEAR, pace


@pytest.mark.parametrize(
    ("fps", "environ", "ticks", "slowed"),
    [
        (None, {}, NEAR, False),
        (None, {"SSH_TTY": "/dev/pts/1"}, FAR, True),
        (None, {"SSH_CONNECTION": "1.2.3.4 5 6.7.8.9 22"}, FAR, True),
        (20.0, {"SSH_TTY": "/dev/pts/1"}, 20.0, False),
        (0.0, {}, 0.5, False),
        (1e9, {}, 60.0, False),
    ],
)
def test_pace(fps: float | None, environ: dict[str, str], ticks: float, slowed: bool) -> None:
    chosen = pace(fps, environ)
    assert (chosen.ticks, chosen.slowed) == (ticks, slowed)
    assert int(chosen.environment["TEXTUAL_FPS"]) >= 1
