"""What is behind a proxy that lives: servers that die, stop, hang or are not there, drained by hand or by a pool."""

import asyncio
import os
import signal

import pytest

from tests.probing import seen
from tests.servers.apache import Apache
from tests.servers.ashore import begun, doors
from tests.servers.between import Table, says, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.frameworks import Aiohttp
from tests.servers.goapps import Gobwas
from tests.servers.haproxy import HaProxy
from tests.servers.lines import THERE, elsewhere
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.outside import there
from tests.servers.pond import cut, heard, run
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_backend_afar_restarts(start: Starter, recorder: Recorder) -> None:
    """The app behind HAProxy on another host is killed and begun anew; both come back, another host is well."""
    with routed() as hosts, elsewhere(hosts):
        app = await begun(hosts.server, start, NodeWs)
        haproxy = await begun(hosts.server, start, HaProxy, app.port)
        doors(hosts, haproxy)

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 3)
            await asyncio.to_thread(app.end, signal.SIGKILL)
            await seen(watch, "close", "a")
            await asyncio.sleep(2.2)
            with hosts.server.inside():
                app.begin()

        tables: dict[str, Table] = {
            "third": {"url": THERE, "do": says(1.6, 9)},
            "a": there(haproxy.port, do=says(0.7, 2.2), reconnect=True),
            "b": there(haproxy.port, reconnect=True),
        }
        watch = await run(tables, "a", "b", strike=strike, back=["a", "b"], on=hosts.client.words)
    recorder.keep("dace-afar-haproxy-app-killed-back-later", watch)


async def test_a_backend_says_goodbye(start: Starter, recorder: Recorder) -> None:
    """aiohttp behind Caddy is stopped in order: whatever it says passes to both; another server is well."""
    app, other = start(Aiohttp), start(NodeWs)
    caddy = start(Caddy, app.port)

    async def strike(watch: Watch) -> None:
        await heard(watch, "a", 3)
        os.kill(app.pid, signal.SIGTERM)

    tables = {"other": ws(other.port, do=says(1.2, 7)), "a": ws(caddy.port, do=says(0.7, 6)), "b": ws(caddy.port)}
    watch = await run(tables, "a", "b", strike=strike)
    recorder.keep("dace-caddy-aiohttp-stopped", watch)


async def test_an_operator_shuts_a_server(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """``shutdown sessions server`` cuts the two of one server; the third's goes on."""
    one, two = start(Gobwas), start(Gobwas)
    haproxy = start(HaProxy, one.port, two.port, options="balance roundrobin", certificate=certificate)

    async def strike(watch: Watch) -> None:
        await heard(watch, "a", 3)
        haproxy.say("shutdown sessions server back/1")

    base = wss(haproxy.port, certificate) | {"url": f"wss://localhost:{haproxy.port}/ws"}
    tables = {"a": base | {"do": says(0.8, 6)}, "b": base | {"do": says(1.2, 7)}, "c": base}
    watch = await run(tables, "a", "c", strike=strike)
    cut(watch, "a", "c")
    recorder.keep("dace-haproxy-wss-shuts-a-server", watch)


async def test_the_inner_of_two_dies(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """nginx in front lives, HAProxy behind it is killed, afar: 502 afterwards; one by HAProxy's app is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        haproxy = await begun(hosts.server, start, HaProxy, app.port)
        nginx = await begun(hosts.server, start, Nginx, haproxy.port, certificate=certificate)
        doors(hosts, app, nginx)

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 3)
            await asyncio.to_thread(haproxy.end)

        base: Table = {"url": f"wss://{SERVER}:{nginx.port}/"} | trusts(certificate)
        tables = {
            "past": there(app.port, do=says(1.2, 7)),
            "a": base | {"do": says(0.8, 6)},
            "b": base | {"ping_interval": 1.5},
        }
        watch = await run(tables, "a", "b", strike=strike, on=hosts.client.words)
    cut(watch, "a", "b")
    recorder.keep("dace-afar-nginx-inner-haproxy-killed", watch)


async def test_words_pass_by_apache(start: Starter, recorder: Recorder) -> None:
    """Look-alikes by Apache: one ended by its app's 4401, one by ``terminate()``; the third is well."""
    app = start(NodeWs)
    apache = start(Apache, app.port)
    tables = {
        "well": ws(apache.port, do=says(1.1, 6)),
        "a": ws(apache.port, do=["0.8 send hi", "2.1 send close 4401 session token expired"]),
        "b": ws(apache.port, do=[*says(0.7, 2.5), "2.9 send terminate"]),
    }
    watch = await run(tables, "a", "b")
    recorder.keep("dace-apache-4401-and-terminate", watch)
