"""Two tiers, pools and forward proxies, here and on other hosts; and what only looks like the end of a server."""

import asyncio
import os
import signal

import pytest

from tests.probing import open_session, seen
from tests.servers.asgi_hosts import Daphne, Hypercorn
from tests.servers.ashore import begun, doors
from tests.servers.between import Table, opened, says, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.forward import Socks
from tests.servers.frameworks import Aiohttp
from tests.servers.goapps import Gobwas
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.lesser import Hitch
from tests.servers.lines import THERE, elsewhere, leave, open_doors
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeStomp, NodeWs, SockJsNode
from tests.servers.outside import there
from tests.servers.pond import (
    HEAD,
    Supervised,
    again_on,
    cut,
    heard,
    homes,
    pool,
    run,
    settled,
    struck,
)
from tests.servers.recordings import Recorder
from tests.servers.routed import INSIDE, SERVER, Host, routed
from tests.servers.rustapps import Axum
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_the_app_behind_two_afar_is_killed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """nginx with TLS, HAProxy, and an app that the kernel kills: 503 passes both. Another host is well."""
    with routed() as hosts, elsewhere(hosts):
        app = await begun(hosts.server, start, Aiohttp)
        haproxy = await begun(hosts.server, start, HaProxy, app.port)
        with hosts.server.inside():
            nginx = start(Nginx, haproxy.port, certificate=certificate)
        open_doors(hosts.server, nginx.port)
        base: Table = {"url": f"wss://{SERVER}:{nginx.port}/"} | trusts(certificate)
        tables: dict[str, Table] = {
            "third": {"url": THERE, "do": says(1.4, 9)},
            "a": base | {"do": says(0.7, 7)},
            "b": base | {"ping_interval": 1.6},
        }

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 4)
            os.kill(app.pid, signal.SIGKILL)
            for name in ("a", "b"):
                await seen(watch, "postmortem", name, stage="http")

        watch = await run(tables, "a", "b", strike=strike, on=hosts.client.words)
    cut(watch, "a", "b")
    recorder.keep("pike-afar-nginx-haproxy-app-oom-503", watch)


async def test_one_of_a_pool_afar_is_killed(start: Starter, recorder: Recorder) -> None:
    """One of two behind nginx on another host; its two users are at the other at once, where one always was."""
    with routed() as hosts:
        one, two = await begun(hosts.server, start, Coder), await begun(hosts.server, start, Coder)
        with hosts.server.inside():
            way = f"location /c {{ proxy_pass http://c/ws; {HEAD} }}"
            nginx = start(Nginx, one.port, rules=way, http=pool("c", one.port, two.port))
        open_doors(hosts.server, nginx.port)
        tables = {
            "a": there(nginx.port, "/c", do=says(0.8, 2.5), reconnect=True),
            "b": there(nginx.port, "/c", do=says(1.2, 8)),
            "c": there(nginx.port, "/c", reconnect=True),
        }
        strike = struck(signal.SIGKILL, one.pid, "a", 3)
        watch = await run(tables, "a", "c", strike=strike, back=["a", "c"], on=hosts.client.words)
    cut(watch, "a", "c")
    recorder.keep("pike-afar-nginx-pool-one-killed", watch)


async def test_an_operator_afar_shuts_a_server(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """``shutdown sessions server`` at HAProxy on another host, for the one with two users; the third's goes on."""
    with routed() as hosts:
        one, two = await begun(hosts.server, start, NodeWs), await begun(hosts.server, start, NodeWs)
        with hosts.server.inside():
            haproxy = start(HaProxy, one.port, two.port, options="balance roundrobin", certificate=certificate)
        open_doors(hosts.server, haproxy.port)
        base: Table = {"url": f"wss://{SERVER}:{haproxy.port}/"} | trusts(certificate)
        tables = {"a": base | {"do": says(0.7, 7)}, "b": base | {"do": says(1.1, 8)}, "c": base}

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 4)
            haproxy.say("shutdown sessions server back/1")

        watch = await run(tables, "a", "c", strike=strike, on=hosts.client.words)
    cut(watch, "a", "c")
    recorder.keep("pike-afar-haproxy-operator-shuts-a-server", watch)


async def test_a_proxy_afar_is_restarted(start: Starter, recorder: Recorder) -> None:
    """nginx is stopped and started within half a second; who goes past it to the same app is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, Axum)
        nginx = await begun(hosts.server, start, Nginx, app.port)
        doors(hosts, app, nginx)
        tables = {
            "past": there(app.port, "/ws", do=says(1.1, 8)),
            "a": there(nginx.port, "/ws", do=says(0.8, 2.5), reconnect=True),
            "b": there(nginx.port, "/ws", reconnect=True),
        }

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 3)
            await asyncio.to_thread(nginx.end, signal.SIGTERM)
            again_on(hosts.server, nginx)

        watch = await run(tables, "a", "b", strike=strike, back=["a", "b"], on=hosts.client.words)
    cut(watch, "a", "b")
    recorder.keep("pike-afar-nginx-stopped-and-started", watch)


async def test_a_socks_proxy_afar_dies(start: Starter, recorder: Recorder) -> None:
    """The office's SOCKS proxy is killed: two by it are cut and it refuses; one that goes out directly is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        doors(hosts, app)
        socks = await begun_socks(hosts.router, start)
        way: Table = {"proxy": f"socks5://{INSIDE}:{socks.port}"}
        tables = {
            "direct": there(app.port, do=says(1.2, 8)),
            "a": there(app.port, do=says(0.7, 7)) | way,
            "b": there(app.port, ping_interval=1.5) | way,
        }
        strike = struck(signal.SIGKILL, socks.pid, "a", 4)
        watch = await run(tables, "a", "b", strike=strike, on=hosts.client.words)
    cut(watch, "a", "b")
    recorder.keep("pike-afar-socks-proxy-killed", watch)


async def begun_socks(router: Host, start: Starter) -> Socks:
    """microsocks on the router, whom its client reaches."""
    socks = await begun(router, start, Socks)
    open_doors(router, socks.port)
    return socks


async def test_two_idle_ones_go_together(start: Starter, recorder: Recorder) -> None:
    """No reload: nginx gives 3.2 s of silence, and two quiet pages that spoke together are cut together."""
    app = start(NodeWs)
    nginx = start(Nginx, app.port, 3.2)
    quiet = ws(nginx.port, do=["1.1 send hello"])
    watch = await run({"busy": ws(nginx.port, do=says(0.9, 8)), "a": quiet, "b": quiet}, "a", "b")
    cut(watch, "a", "b")
    recorder.keep("pike-nginx-two-idle-together", watch)


async def test_a_server_afar_stands_still(start: Starter, recorder: Recorder) -> None:
    """No crash: a program is held by its debugger, its kernel acknowledges; our pings give up. Another host is well."""
    with routed() as hosts, elsewhere(hosts):
        app = await begun(hosts.server, start, Gobwas)
        doors(hosts, app)
        tables: dict[str, Table] = {
            "third": {"url": THERE, "do": says(1.2, 12)},
            "a": there(app.port, "/ws", do=says(0.7, 9), ping_interval=1.2, ping_timeout=2.5, close_timeout=0.8),
        }

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 4)
            os.kill(app.pid, signal.SIGSTOP)

        watch = await run(tables, "a", strike=strike, on=hosts.client.words)
        os.kill(app.pid, signal.SIGCONT)
    recorder.keep("pike-afar-gobwas-in-a-debugger", watch)


async def test_a_tunnel_ends(start: Starter, recorder: Recorder) -> None:
    """No proxy of ours: ``ssh -L`` loses its connection under two; who goes directly is well."""
    app = start(NodeWs)
    tunnel = start(SshTunnel, app.port)

    async def strike(watch: Watch) -> None:
        await heard(watch, "a", 4)
        tunnel.signal_far_half(signal.SIGTERM)

    tables = {
        "direct": ws(app.port, do=says(1.2, 8)),
        "a": ws(tunnel.port, do=says(0.7, 7)),
        "b": ws(tunnel.port, ping_interval=1.4),
    }
    watch = await run(tables, "a", "b", strike=strike)
    cut(watch, "a", "b")
    recorder.keep("pike-ssh-l-loses-its-connection", watch)


async def test_streams_have_an_age(start: Starter, recorder: Recorder) -> None:
    """No restart: Caddy ends each stream at 4.1 s, busy or not, one after the other as they came."""
    app = start(NodeWs)
    caddy = start(Caddy, app.port, life=4.1)
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, direct=ws(app.port, do=says(1.3, 9)), a=ws(caddy.port, do=says(0.6, 7)))
        await heard(watch, "a", 2)
        await opened(watch, b=ws(caddy.port, do=says(0.8, 7)))
        for name in ("a", "b"):
            await seen(watch, "close", name)
        await settled(watch, "a", "b")
        await leave(watch, "direct")
    recorder.keep("pike-caddy-streams-of-an-age", watch)


async def test_a_soft_stop(start: Starter, recorder: Recorder) -> None:
    """``SIGUSR1``: HAProxy lets nobody in and lets who is in stay: a latecomer is refused, the rest are well."""
    app = start(NodeWs)
    haproxy = start(HaProxy, app.port)

    async def strike(watch: Watch) -> None:
        await heard(watch, "a", 2)
        os.kill(haproxy.pid, signal.SIGUSR1)
        await asyncio.sleep(0.5)  # until its ports are shut
        await open_session(watch, name="late", **ws(haproxy.port))

    watch = await run({"a": ws(haproxy.port, do=says(0.8, 7)), "b": ws(haproxy.port)}, "late", strike=strike)
    recorder.keep("pike-haproxy-soft-stop-refuses-latecomer", watch)


async def test_daphne_exits(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A fatal error ends Daphne's process under one, alone, by hitch: nobody is behind it then."""
    app = start(Daphne)
    hitch = start(Hitch, app.port, certificate)
    page = wss(hitch.port, certificate, do=[*says(0.8, 3), "3.3 send exit"])
    watch = await run({"A": page | {"url": f"wss://localhost:{hitch.port}/live"}}, "A")
    cut(watch, "A")
    recorder.keep("pike-hitch-daphne-exits-alone", watch)


async def test_hypercorn_ends_in_order(start: Starter, recorder: Recorder) -> None:
    """SIGTERM to Hypercorn behind Envoy; it says what it says to both. Another server is well."""
    app, other = start(Hypercorn), start(NodeWs)
    envoy = start(Envoy, app.port)

    async def strike(watch: Watch) -> None:
        await heard(watch, "a", 3)
        os.kill(app.pid, signal.SIGTERM)

    tables = {
        "other": ws(other.port, do=says(1.2, 8)),
        "a": ws(envoy.port, "/live", do=says(0.8, 6)),
        "b": ws(envoy.port, "/live"),
    }
    watch = await run(tables, "a", "b", strike=strike)
    recorder.keep("pike-envoy-hypercorn-sigterm", watch)


async def test_a_program_lets_go(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A program ends TCP of one by FIN and says nothing, and lives: the other is well. By nginx with TLS."""
    async with homes() as app:
        nginx = start(Nginx, app.port, certificate=certificate)

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 4)
            app.clients["a"].transport.close()

        base = wss(nginx.port, certificate)
        tables = {
            "a": base | {"url": f"wss://localhost:{nginx.port}/?user=a", "do": says(0.7, 7)},
            "b": base | {"url": f"wss://localhost:{nginx.port}/?user=b", "do": says(1.1, 7)},
        }
        watch = await run(tables, "a", strike=strike)
    cut(watch, "a", how=("fin",))
    recorder.keep("pike-nginx-wss-fin-without-a-word", watch)


async def test_a_panic_ends_one(start: Starter, recorder: Recorder) -> None:
    """A panic in the task of one of axum's clients; the program lives, the other is well. Afar."""
    with routed() as hosts:
        app = await begun(hosts.server, start, Axum)
        doors(hosts, app)
        tables = {
            "b": there(app.port, "/ws", do=says(1.2, 7)),
            "a": there(app.port, "/ws", do=[*says(0.8, 3), "3.3 send panic"]),
            "c": there(app.port, "/ws", ping_interval=1.4),
        }
        watch = await run(tables, "a", on=hosts.client.words)
    cut(watch, "a")
    recorder.keep("pike-afar-axum-panic-in-a-task", watch)


async def test_everybody_is_well(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Bursts, long silence with beats, a slow echo; a second proxy dies next door under nobody of ours."""
    app, beats = start(NodeWs), start(NodeStomp, beatEvery=900, beats=99)
    haproxy, next_door = start(HaProxy, app.port, certificate=certificate), start(Nginx, app.port)
    tables = {
        "bursts": wss(haproxy.port, certificate, do=[f"{1.9 + n / 50:.2f} send burst {n}" for n in range(12)]),
        "idle": {"url": beats.url, "heart_beat": "900,900"},
        "quiet": wss(haproxy.port, certificate, do=["0.3 send hi"], ping_interval=2.2),
    }

    async def strike(watch: Watch) -> None:
        await heard(watch, "bursts", 12)
        await asyncio.to_thread(next_door.end)
        await beaten_on(watch)

    async def beaten_on(watch: Watch) -> None:
        await seen(watch, "stomp", "idle", command="beat", dir="in", count=8)

    watch = await run(tables, strike=strike)
    recorder.keep("pike-none-bursts-beats-and-a-death-next-door", watch)


async def test_a_worker_afar_is_supervised(start: Starter, recorder: Recorder) -> None:
    """SockJS crashes on another host and is back after a second: a socket and a poll come back; a third is well."""
    with routed() as hosts, elsewhere(hosts):
        app = await begun(hosts.server, start, SockJsNode, heartbeat_delay=1600)
        with hosts.server.inside():
            supervised = start(Supervised, app, 0.1)
        doors(hosts, app)
        url = f"http://{SERVER}:{app.port}/echo"
        tables: dict[str, Table] = {
            "third": {"url": THERE, "do": says(1.3, 9)},
            "socket": {"url": url, "sockjs_transport": "websocket", "do": says(0.8, 2.5), "reconnect": True},
            "stream": {"url": url, "sockjs_transport": "xhr-streaming", "reconnect": True},
        }

        async def strike(watch: Watch) -> None:
            await seen(watch, "sockjs", "socket", kind="a", dir="in", count=3)
            os.kill(supervised.pid, signal.SIGSEGV)

        watch = await run(tables, "socket", "stream", strike=strike, back=["socket", "stream"], on=hosts.client.words)
    recorder.keep("pike-afar-sockjs-segfault-supervised-back", watch)
