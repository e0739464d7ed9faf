"""Messages too long, bytes that are no frames, closings that stall, doors that stay shut; and who is well."""

import os
import signal

import pytest

from tests.probing import ask
from tests.servers.ashore import begun, doors
from tests.servers.between import says
from tests.servers.ide import App
from tests.servers.outside import there
from tests.servers.pond import heard, run
from tests.servers.recordings import Recorder
from tests.servers.routed import routed
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_our_closing_is_not_answered_afar(start: Starter, recorder: Recorder) -> None:
    """We close, and the server's loop stands still just then: no Close comes back. Afar."""
    with routed() as hosts:
        app = await begun(hosts.server, start, App)
        doors(hosts, app)
        tables = {"a": there(app.port, do=[*says(0.8, 2)], close_timeout=2.0)}

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 2)
            os.kill(app.pid, signal.SIGSTOP)
            await ask(watch, "close 1000 done", "a")

        watch = await run(tables, "a", strike=strike, on=hosts.client.words)
        os.kill(app.pid, signal.SIGCONT)
    recorder.keep("ide-afar-our-close-unanswered", watch)
