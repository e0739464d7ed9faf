"""A quiet tunnel of HAProxy, an app that dies behind nginx, both afar, and a restart of HAProxy that takes long."""

import asyncio
import signal

import pytest

from tests.servers.ashore import begun, doors
from tests.servers.between import Table, says
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeStomp, NodeWs
from tests.servers.outside import there
from tests.servers.pond import HEAD, cut, heard, run
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonWs
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_tunnel_of_haproxy_is_quiet(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """``timeout tunnel`` of 5.2 s under TLS afar: one that talked at first, one that never did; one talks on."""
    with routed() as hosts:
        app = await begun(hosts.server, start, PythonWs, ping_interval=None)
        haproxy = await begun(hosts.server, start, HaProxy, app.port, tunnel=5.2, certificate=certificate)
        doors(hosts, haproxy)
        base: Table = {"url": f"wss://{SERVER}:{haproxy.port}/"} | trusts(certificate)
        tables = {"a": base | {"do": says(0.8, 2)}, "b": base, "c": base | {"do": says(1.7, 14)}}
        watch = await run(tables, "a", "b", on=hosts.client.words)
    cut(watch, "a", "b")
    recorder.keep("sole-afar-haproxy-tunnel-tls", watch)


async def test_the_app_behind_nginx_is_killed(start: Starter, recorder: Recorder) -> None:
    """One of nginx's two programs afar is killed: who was there is cut, who comes is told 502; the other is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        other = await begun(hosts.server, start, NodeWs)
        rules = f"location /ok {{ proxy_pass http://{LOOPBACK}:{other.port}; {HEAD} }}"
        nginx = await begun(hosts.server, start, Nginx, app.port, rules=rules)
        doors(hosts, nginx)
        tables = {
            "ok": there(nginx.port, "/ok", do=says(1.4, 12)),
            "a": there(nginx.port, do=says(0.8, 9)),
            "b": there(nginx.port),
        }

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 3)
            await asyncio.to_thread(app.end)

        late = {"c": there(nginx.port)}
        watch = await run(tables, "a", "b", "c", strike=strike, late=late, on=hosts.client.words)
    cut(watch, "a", "b")
    recorder.keep("sole-afar-nginx-app-killed-502", watch)


async def test_haproxy_restarts_slowly(start: Starter, recorder: Recorder) -> None:
    """HAProxy is stopped and begins again after 1.2 s; both come back, STOMP with beats of 4 s."""
    app = start(NodeStomp, beatEvery=4000, beats=99)
    haproxy = start(HaProxy, app.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{haproxy.port}/", "heart_beat": "4000,4000", "reconnect": True}

    async def strike(watch: Watch) -> None:
        await asyncio.sleep(3)
        await asyncio.to_thread(haproxy.end, signal.SIGTERM)
        await asyncio.sleep(1.2)
        await asyncio.to_thread(haproxy.begin)

    watch = await run({"a": base, "b": base}, "a", "b", strike=strike, back=["a", "b"])
    cut(watch, "a", "b")
    recorder.keep("sole-haproxy-restart-stomp-1s2", watch)
