"""Proxies on another host, and servers behind them there: what only the wire can tell."""

import asyncio
import os
import signal

import pytest

from tests.servers.ashore import begun, doors
from tests.servers.between import Table, says
from tests.servers.golang import Gorilla
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate
from tests.servers.node import NodeStomp, NodeWs
from tests.servers.outside import there, there_stomp
from tests.servers.pond import cut, heard, run
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_wire_doors import trusts
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def secret(port: int, certificate: Certificate, path: str = "/", **options: object) -> Table:
    """A raw session over TLS at a port of the server host."""
    return {"url": f"wss://{SERVER}:{port}{path}"} | trusts(certificate) | options


async def test_no_beats_by_haproxy(start: Starter, recorder: Recorder) -> None:
    """STOMP by HAProxy with ``timeout tunnel 2800ms``: two that turned beats off go, one that has the server beat
    stays."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeStomp, beatEvery=1100, beats=99)
        mute = await begun(hosts.server, start, NodeStomp, beatEvery=1100, beats=0)
        one = await begun(hosts.server, start, HaProxy, app.port, tunnel=2.8)
        two = await begun(hosts.server, start, HaProxy, mute.port, tunnel=2.8)
        doors(hosts, one, two)
        tables = {
            "beats": there_stomp(one.port, "0,1500"),
            "a": there_stomp(two.port, "0,0"),
            "b": there_stomp(two.port, "0,0", subscribe=["/topic/a"]),
        }
        watch = await run(tables, "a", "b", on=hosts.client.words)
    cut(watch, "a", "b")
    recorder.keep("trout-afar-haproxy-stomp-no-beats-idle", watch)


async def test_stunnel_stops(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """stunnel is stopped in order under two; it stays down. Who goes past it is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        stunnel = await begun(hosts.server, start, Stunnel, app.port, certificate)
        doors(hosts, app, stunnel)

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 3)
            await asyncio.to_thread(stunnel.end, signal.SIGTERM)

        tables = {
            "past": there(app.port, do=says(1.2, 8)),
            "a": secret(stunnel.port, certificate, do=says(0.7, 6)),
            "b": secret(stunnel.port, certificate),
        }
        watch = await run(tables, "a", "b", strike=strike, on=hosts.client.words)
    cut(watch, "a", "b")
    recorder.keep("trout-afar-stunnel-stopped", watch)


async def test_one_of_a_pool_is_killed(start: Starter, recorder: Recorder) -> None:
    """HAProxy with two: one is killed under one user, who is at the other at once; two that were there are well."""
    with routed() as hosts:
        one, two = await begun(hosts.server, start, Gorilla), await begun(hosts.server, start, Gorilla)
        haproxy = await begun(
            hosts.server, start, HaProxy, one.port, two.port, options="balance leastconn\n    option redispatch 1"
        )
        doors(hosts, haproxy)
        tables = {
            "a": there(haproxy.port, "/ws", do=says(0.7, 3), reconnect=True),
            "b": there(haproxy.port, "/ws", do=says(1.1, 8)),
        }

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 3)
            os.kill(one.pid, signal.SIGKILL)

        watch = await run(tables, "a", strike=strike, back=["a"], on=hosts.client.words)
    cut(watch, "a")
    recorder.keep("trout-afar-haproxy-pool-one-killed", watch)
