"""Idle timeouts and ages of reverse proxies: with beats one way or none, alone, in a row, and look-alikes of them."""

import pytest

from tests.servers.between import Table, says, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.goapps import Gobwas
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeStomp, NodeWs
from tests.servers.pond import cut, run
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_the_client_says_nothing(start: Starter, recorder: Recorder) -> None:
    """``option independent-streams``: the server's beats do not count for ``timeout client``; ours would."""
    app = start(NodeStomp, beatEvery=800, beats=99, wants=0)
    haproxy = start(HaProxy, app.port, client=4.4, server=30, options="option independent-streams")
    tables: dict[str, Table] = {
        "both": {"url": f"stomp+ws://127.0.0.1:{haproxy.port}/", "ping_interval": 1.9, "heart_beat": "0,800"},
        "hears": {"url": f"stomp+ws://127.0.0.1:{haproxy.port}/", "heart_beat": "0,800"},
    }
    watch = await run(tables, "hears")
    cut(watch, "hears")
    recorder.keep("barbel-haproxy-timeout-client-beats-one-way", watch)


async def test_the_program_has_a_deadline(start: Starter, recorder: Recorder) -> None:
    """No proxy's: gobwas gives up on who says nothing for 3.5 s, behind nginx, which gives a minute."""
    app = start(Gobwas, Idle=3500)
    nginx = start(Nginx, app.port)
    tables = {"talks": ws(nginx.port, "/ws", do=says(1.1, 8)), "quiet": ws(nginx.port, "/ws", do=["0.9 send hi"])}
    watch = await run(tables, "quiet")
    recorder.keep("barbel-nginx-gobwas-read-deadline", watch)


async def test_caddy_streams_have_an_age(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """``stream_timeout`` of 4.7 s under a talker and one that pings, over TLS; they came at other times."""
    app = start(NodeWs)
    caddy = start(Caddy, app.port, life=4.7, tls=f"{certificate.chain} {certificate.key}")
    tables = {
        "direct": ws(app.port, do=says(1.3, 10)),
        "a": wss(caddy.port, certificate, do=says(0.7, 8)),
        "b": wss(caddy.port, certificate, ping_interval=1.2),
    }
    watch = await run(tables, "a", "b")
    recorder.keep("barbel-caddy-wss-stream-timeout", watch)
