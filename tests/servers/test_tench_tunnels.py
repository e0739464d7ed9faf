"""Tunnels and outbound proxies under sessions with another host: which half ends, and what only looks like it."""

import asyncio
import os
import signal

import pytest

from tests.probing import seen
from tests.servers.ashore import begun, doors
from tests.servers.between import opened, says
from tests.servers.eels import NODE, PYTHON, STOMP, looking, ssh
from tests.servers.forward import Dante, Privoxy, Socks
from tests.servers.lines import echoed, leave, within
from tests.servers.node import NodeEndings
from tests.servers.pond import settled
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, Routed, routed
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def outbound(hosts: Routed, start: Starter, kind: type, **options: object) -> tuple[object, str]:
    """A forward proxy on the client's own host that leads afar, and how it is named."""
    proxy = await begun(hosts.client, start, kind, **options)
    scheme = "socks5" if kind in (Socks, Dante) else "http"
    return proxy, f"{scheme}://{LOOPBACK}:{proxy.port}"


async def test_what_ssh_leads_to_restarts(start: Starter, recorder: Recorder) -> None:
    """The tunnel stands, the program behind it is killed and started anew: both come back, through it and past it."""
    with routed() as hosts:
        app = hosts.start_node()
        tunnel = await ssh(hosts, start, 8080)
        hosts.start_stomp(beat_every=1500, wants=1500)
        async with looking(hosts) as watch:
            await opened(
                watch,
                other={"url": STOMP, "heart_beat": "1500,1500"},
                through={"url": f"ws://{LOOPBACK}:{tunnel.port}/", "do": says(0.8, 3), "reconnect": True},
                past={"url": NODE, "do": says(1.1, 3), "reconnect": True},
            )
            await echoed(watch, 3, "through")
            app.kill()
            for name in ("through", "past"):
                await within(watch, 10, "close", name)
            await asyncio.to_thread(app.wait)
            hosts.start_node()
            for name in ("through", "past"):
                await seen(watch, "open", name, count=2)
            await asyncio.sleep(1)
            await leave(watch, "other", status=1)
    recorder.keep("tench-ssh-program-behind-it-restarts", watch)


async def test_behind_privoxy_the_server_dies(start: Starter, recorder: Recorder) -> None:
    """The outbound proxy lives; the program afar is killed, under one through it and one past it."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeEndings)
        doors(hosts, app)
        hosts.start_python(8081)
        _, way = await outbound(hosts, start, Privoxy)
        url = f"ws://{SERVER}:{app.port}/"
        async with looking(hosts) as watch:
            await opened(
                watch,
                other={"url": PYTHON, "proxy": way, "do": says(1.2, 9)},
                through={"url": url, "proxy": way, "do": says(0.9, 6)},
                past={"url": url, "do": says(1.1, 6)},
            )
            await echoed(watch, 3, "through")
            os.kill(app.pid, signal.SIGKILL)
            for name in ("through", "past"):
                await within(watch, 10, "close", name)
            await settled(watch, "through", "past")
            await leave(watch, "other", status=1)
    recorder.keep("tench-privoxy-outbound-server-killed", watch)
