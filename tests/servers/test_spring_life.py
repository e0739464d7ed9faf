"""A Spring application killed under its sessions."""

import signal

import pytest

from tests.probing import seen
from tests.servers.looks import watched
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_it_is_killed(start: Starter, recorder: Recorder) -> None:
    spring = start(Spring, heart_beat="1700,2900")
    for transport, beat in (("ws", "1900,1300"), ("websocket", "2300,1100"), ("xhr-streaming", "1400,1600")):
        url, over = (spring.ws_url, []) if transport == "ws" else (spring.sockjs_url, ["--sockjs-transport", transport])
        words = [f"beating={url}", f"idle={url}", *over, "--heart-beat", beat]

        async def strike(watch: Watch) -> None:
            await seen(watch, "stomp", "idle", command="CONNECTED")
            await seen(watch, "stomp", "beating", command="beat", dir="in", count=2)
            spring.end(signal.SIGKILL)

        watch = await watched(words, ("beating", "idle"), ok=False, strike=strike)
        recorder.keep(f"spring-life-{transport}-killed", watch)
        if transport != "xhr-streaming":
            spring.begin()
