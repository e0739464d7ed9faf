"""Servers on another host: what becomes of them and of their hosts, as far as the line tells."""

import asyncio
import signal

import pytest

from tests.probing import seen
from tests.servers.ashore import begun, doors
from tests.servers.between import TCP, opened, says
from tests.servers.eels import NODE, looking
from tests.servers.frozen import frozen
from tests.servers.goapps import Gobwas
from tests.servers.haproxy import HaProxy
from tests.servers.lines import beaten, echoed, leave, within
from tests.servers.node import NodeStomp, NodeWs
from tests.servers.outside import there
from tests.servers.pond import cut, heard, local_port, run_on, settled
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_program_freezes_afar(start: Starter, recorder: Recorder) -> None:
    """A debugger holds the program on another host: its kernel takes our pings, nobody answers. A sibling is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, Gobwas)
        doors(hosts, app)
        hosts.start_node()
        async with looking(hosts) as watch:
            await opened(
                watch,
                other={"url": NODE, "do": says(1.3, 12)},
                held=there(app.port, "/ws", do=says(0.9, 4), ping_interval=1.3, ping_timeout=2.9, close_timeout=1),
            )
            await echoed(watch, 3, "held")
            with frozen(app.pid):
                await within(watch, 20, "close", "held")
                await settled(watch, "held")
            await leave(watch, "other", status=1)
    assert watch.the("close", "held")["initiator"] == "local"
    recorder.keep("tench-afar-debugger-holds-gobwas", watch)


async def test_ss_kills_at_the_server(start: Starter, recorder: Recorder) -> None:
    """An operator kills one user's socket on the server's host; the same program keeps another."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeStomp, beatEvery=1400, beats=1000)
        doors(hosts, app)
        async with looking(hosts) as watch:
            await opened(
                watch,
                kept={"url": f"stomp+ws://{SERVER}:{app.port}/", "heart_beat": "1400,1400"},
                shot={"url": f"stomp+ws://{SERVER}:{app.port}/", "heart_beat": "1400,1400"},
            )
            await beaten(watch, 3, "shot")
            run_on(hosts.server, "ss", "-K", "dport", "=", f":{local_port(watch, 'shot')}")
            await within(watch, 10, "close", "shot")
            await settled(watch, "shot")
            await leave(watch, "kept", status=1)
    cut(watch, "shot", how=("reset",))
    recorder.keep("tench-afar-ss-k-one-of-two-stomp", watch)


async def test_haproxy_in_tcp_mode_restarts(start: Starter, recorder: Recorder) -> None:
    """A balancer of bytes is restarted under two that come back; one that goes past it to the app is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        haproxy = await begun(hosts.server, start, HaProxy, app.port, options=TCP)
        doors(hosts, app, haproxy)
        async with looking(hosts) as watch:
            await opened(
                watch,
                past=there(app.port, do=says(1.2, 9)),
                a=there(haproxy.port, do=says(0.8, 4), reconnect=True),
                b=there(haproxy.port, ping_interval=1.6, reconnect=True),
            )
            await heard(watch, "a", 4)

            def anew() -> None:
                haproxy.end(signal.SIGTERM)
                with hosts.server.inside():
                    haproxy.begin()

            await asyncio.to_thread(anew)
            for name in ("a", "b"):
                await seen(watch, "open", name, count=2)
            await asyncio.sleep(1.1)
            await leave(watch, "past", status=1)
    cut(watch, "a", "b")
    recorder.keep("tench-afar-haproxy-tcp-restarted", watch)
