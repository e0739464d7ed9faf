"""What resembles a program's doing and is a proxy's, the network's or ours; and stops and words of more programs."""

import pytest

from tests.servers.between import says, ws
from tests.servers.ide import App
from tests.servers.node import NodeEndings
from tests.servers.pond import run, told
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_cache_is_away(start: Starter, recorder: Recorder) -> None:
    """1011 in words to two of the same program, a third of another stays."""
    app, other = start(NodeEndings), start(App)
    tables = {
        "next": ws(other.port, do=says(1.2, 5)),
        "a": ws(app.port, do=[*says(0.8, 2), "2.4 send everybody 1011 redis connection lost"]),
        "b": ws(app.port),
    }
    watch = await run(tables, "a", "b")
    told(watch, 1011, "a", "b")
    recorder.keep("ide-redis-connection-lost-1011", watch)
