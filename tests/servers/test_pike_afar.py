"""The life of servers and proxies on another host: what is known of them is what comes over the line."""

import asyncio
import os
import signal

import pytest

from tests.probing import seen
from tests.servers.asgi_hosts import Gunicorn
from tests.servers.ashore import begun, doors
from tests.servers.between import TCP, Table, answer, says
from tests.servers.goapps import Melody
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.lines import THERE, behind_nginx, elsewhere, open_doors
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.outside import there
from tests.servers.pond import Supervised, again_on, cut, heard, local_port, refusals, run, run_on, struck, told
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.rustapps import Axum
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_wire_doors import trusts
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_server_afar_is_killed(start: Starter, recorder: Recorder) -> None:
    """Out of memory, under a talker and a listener; another host is well."""
    with routed() as hosts, elsewhere(hosts):
        app = await begun(hosts.server, start, Melody)
        doors(hosts, app)
        tables: dict[str, Table] = {
            "third": {"url": THERE, "do": says(1.2, 8)},
            "talks": there(app.port, "/ws", do=says(0.7, 7)),
            "hears": there(app.port, "/ws", ping_interval=1.5),
        }
        strike = struck(signal.SIGKILL, app.pid, "talks", 4)
        watch = await run(tables, "talks", "hears", strike=strike, on=hosts.client.words)
    cut(watch, "talks", "hears")
    recorder.keep("pike-afar-melody-oom", watch)


async def test_a_server_afar_is_killed_and_back(start: Starter, recorder: Recorder) -> None:
    """Its supervisor starts it anew 0.9 s after it was killed; both come back."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeEndings)
        with hosts.server.inside():
            supervised = start(Supervised, app, 0.9)
        doors(hosts, app)
        tables = {
            "a": there(app.port, do=says(0.7, 3), reconnect=True),
            "b": there(app.port, do=["0.5 send hi"], reconnect=True),
        }

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 4)
            os.kill(supervised.pid, signal.SIGABRT)

        watch = await run(tables, "a", "b", strike=strike, back=["a", "b"], on=hosts.client.words)
    cut(watch, "a", "b")
    recorder.keep("pike-afar-node-abort-supervised-back", watch)


async def test_nginx_afar_is_reloaded(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A renewed certificate: the old worker has 0.7 s; a session that goes past it to the app is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, Axum)
        with hosts.server.inside():
            nginx = start(Nginx, app.port, certificate=certificate, shutdown_timeout=0.7)
        doors(hosts, app, nginx)
        base: Table = {"url": f"wss://{SERVER}:{nginx.port}/ws"} | trusts(certificate)
        tables = {
            "past": there(app.port, "/ws", do=says(1.2, 8)),
            "a": base | {"do": says(0.7, 7)},
            "b": base | {"ping_interval": 1.3},
            "c": base,
        }

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 4)
            nginx.reload()

        watch = await run(tables, "a", "b", "c", strike=strike, on=hosts.client.words)
    cut(watch, "a", "b", "c")
    recorder.keep("pike-afar-nginx-wss-reloaded", watch)


async def test_haproxy_afar_is_killed(start: Starter, recorder: Recorder) -> None:
    """HAProxy and its worker are killed, its port refuses; who goes past it to SockJS is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, SockJsNode, heartbeat_delay=1800)
        haproxy = await begun(hosts.server, start, HaProxy, app.port)
        doors(hosts, app, haproxy)

        def to(port: int, transport: str, **options: object) -> Table:
            return {"url": f"http://{SERVER}:{port}/echo", "sockjs_transport": transport} | options

        tables = {
            "past": to(app.port, "websocket", do=says(1.1, 8)),
            "a": to(haproxy.port, "websocket", do=says(0.7, 7)),
            "b": to(haproxy.port, "xhr-streaming"),
        }

        async def strike(watch: Watch) -> None:
            await seen(watch, "sockjs", "a", kind="a", dir="in", count=4)
            os.killpg(haproxy.pid, signal.SIGKILL)

        watch = await run(tables, "a", "b", strike=strike, on=hosts.client.words)
    recorder.keep("pike-afar-haproxy-killed-sockjs", watch)


async def test_behind_a_tcp_balancer_afar(start: Starter, recorder: Recorder) -> None:
    """A balancer that passes bytes; the one server behind it is killed. It takes who comes, and lets go at once."""
    with routed() as hosts, elsewhere(hosts):
        app = await begun(hosts.server, start, NodeWs)
        haproxy = await begun(hosts.server, start, HaProxy, app.port, options=TCP)
        doors(hosts, haproxy)
        tables: dict[str, Table] = {
            "third": {"url": THERE, "do": says(1.2, 8)},
            "a": there(haproxy.port, do=says(0.8, 7)),
            "b": there(haproxy.port),
        }

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 3)
            os.kill(app.pid, signal.SIGKILL)
            for name in ("a", "b"):
                await seen(watch, "postmortem", name, stage="http")

        watch = await run(tables, "a", "b", strike=strike, on=hosts.client.words)
    cut(watch, "a", "b")
    recorder.keep("pike-afar-tcp-balancer-backend-killed", watch)


async def test_an_operator_kills_a_socket_afar(start: Starter, recorder: Recorder) -> None:
    """``ss -K`` on the server for one of three."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        doors(hosts, app)
        tables = {
            "a": there(app.port, do=says(0.8, 7)),
            "b": there(app.port, do=says(1.2, 7)),
            "c": there(app.port, ping_interval=1.6),
        }

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 4)
            run_on(hosts.server, "ss", "-K", "dport", "=", f":{local_port(watch, 'a')}")

        watch = await run(tables, "a", strike=strike, on=hosts.client.words)
    cut(watch, "a", how=("reset",))
    recorder.keep("pike-afar-ss-k-at-the-server", watch)


async def test_somebody_kills_a_socket_here(start: Starter, recorder: Recorder) -> None:
    """``ss -K`` on the client's own host for one of two that talk to a server afar."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        doors(hosts, app)
        tables = {"a": there(app.port, do=says(0.9, 7)), "b": there(app.port, do=says(1.2, 7))}

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 3)
            run_on(hosts.client, "ss", "-K", "sport", "=", f":{local_port(watch, 'a')}")

        watch = await run(tables, "a", strike=strike, on=hosts.client.words)
    recorder.keep("pike-afar-ss-k-here", watch)


async def test_gunicorn_afar_is_told_to_reload(start: Starter, recorder: Recorder) -> None:
    """HUP: the worker of uvicorn's says 1012 to both and another is there; one comes back."""
    with routed() as hosts:
        app = await begun(hosts.server, start, Gunicorn, "uvicorn.workers.UvicornWorker")
        doors(hosts, app)
        tables = {
            "a": there(app.port, "/live", do=says(0.8, 3), reconnect=True),
            "b": there(app.port, "/live", ping_interval=1.5),
        }

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 3)
            os.kill(app.pid, signal.SIGHUP)

        watch = await run(tables, "a", "b", strike=strike, back=["a"], on=hosts.client.words)
    told(watch, 1012, "a", "b")
    recorder.keep("pike-afar-gunicorn-hup-1012", watch)


async def test_a_server_afar_says_bye(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """SIGTERM: 1001 to both behind nginx with TLS, which says 502 from then on."""
    with routed() as hosts, elsewhere(hosts):
        app = await begun(hosts.server, start, NodeEndings)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, app.port)
        base: Table = {"url": url} | trusts(certificate)
        tables: dict[str, Table] = {
            "third": {"url": THERE, "do": says(1.3, 8)},
            "a": base | {"do": says(0.8, 6)},
            "b": base,
        }

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 4)
            os.kill(app.pid, signal.SIGTERM)

        watch = await run(tables, "a", "b", strike=strike, on=hosts.client.words)
    told(watch, 1001, "a", "b")
    recorder.keep("pike-afar-nginx-sigterm-1001-then-502", watch)


async def test_a_frame_is_reset_afar(start: Starter, recorder: Recorder) -> None:
    """Half a message, and a RST by the program; another user of it is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeEndings)
        doors(hosts, app)
        do = [*says(0.9, 2), "2.7 send raw 827e7000deadbeef0102", "3.0 send reset"]
        tables = {"b": there(app.port, do=says(1.2, 6)), "a": there(app.port, do=do)}
        watch = await run(tables, "a", on=hosts.client.words)
    cut(watch, "a", how=("reset",))
    recorder.keep("pike-afar-frame-cut-by-reset", watch)


async def test_a_closing_afar_never_ends(start: Starter, recorder: Recorder) -> None:
    """1000 by a server that stands still after it, TCP open; another host is well."""
    with routed() as hosts, elsewhere(hosts):
        app = await begun(hosts.server, start, NodeEndings)
        doors(hosts, app)
        tables: dict[str, Table] = {
            "third": {"url": THERE, "do": says(1.2, 9)},
            "a": there(app.port, do=["0.7 send one", "1.8 send hang 1000 finished"], close_timeout=2.2),
        }
        watch = await run(tables, "a", on=hosts.client.words)
        os.kill(app.pid, signal.SIGCONT)
    told(watch, 1000, "a")
    recorder.keep("pike-afar-1000-and-tcp-stays", watch)


async def test_stunnel_afar_dies(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """stunnel in front of the app crashes under two; who has the plain port is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        stunnel = await begun(hosts.server, start, Stunnel, app.port, certificate)
        doors(hosts, app, stunnel)
        base: Table = {"url": f"wss://{SERVER}:{stunnel.port}/"} | trusts(certificate)
        tables = {
            "plain": there(app.port, do=says(1.2, 8)),
            "a": base | {"do": says(0.7, 7)},
            "b": base | {"ping_interval": 1.5},
        }
        strike = struck(signal.SIGSEGV, stunnel.pid, "a", 4)
        watch = await run(tables, "a", "b", strike=strike, on=hosts.client.words)
    cut(watch, "a", "b")
    recorder.keep("pike-afar-stunnel-segfault", watch)


async def test_a_program_afar_terminates_one(start: Starter, recorder: Recorder) -> None:
    """``terminate()`` for one of three, by a FIN; the others are well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        doors(hosts, app)
        tables = {
            "a": there(app.port, do=[*says(0.8, 3), "3.4 send terminate"]),
            "b": there(app.port, do=says(1.2, 6)),
            "c": there(app.port),
        }
        watch = await run(tables, "a", on=hosts.client.words)
    cut(watch, "a", how=("fin",))
    recorder.keep("pike-afar-terminate-one", watch)


async def test_a_broker_afar_is_restarted(start: Starter, recorder: Recorder) -> None:
    """CoilMQ is killed by its update and there again after 1.4 s; three come back, STOMP over TCP."""
    with routed() as hosts:
        broker = await begun(hosts.server, start, CoilMq)
        doors(hosts, broker)
        base: Table = {"url": f"stomp://{SERVER}:{broker.port}", "heart_beat": "0,0", "reconnect": True}
        base |= {"stomp_version": "1.0,1.1", "vhost": "localhost"} | CREW
        tables = {
            "a": base | {"do": says(0.8, 3, "stomp-send /topic/a 1")},
            "b": base | {"subscribe": ["/topic/a"]},
            "c": base,
        }

        async def strike(watch: Watch) -> None:
            await seen(watch, "stomp", "a", command="SEND", dir="out", count=3)
            await asyncio.to_thread(broker.end)
            await asyncio.sleep(1.4)  # so long it is away
            again_on(hosts.server, broker)

        watch = await run(tables, "a", "b", "c", strike=strike, back=["a", "b", "c"], on=hosts.client.words)
    cut(watch, "a", "b", "c")
    recorder.keep("pike-afar-coilmq-restarted", watch)


async def test_nobody_behind_nginx_afar(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """SockJS by nginx with TLS, whose server is away: 502 to one who polls and one who streams. Another is well."""
    with routed() as hosts, elsewhere(hosts):
        app = await begun(hosts.server, start, SockJsNode)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, app.port)
        await asyncio.to_thread(app.end)
        base: Table = {"url": f"https{url[3:]}echo"} | trusts(certificate)
        tables = {
            "poll": base | {"sockjs_transport": "xhr-polling"},
            "stream": base | {"sockjs_transport": "xhr-streaming"},
        }
        third: Table = {"url": THERE, "do": says(0.9, 5)}
        watch = await refusals(tables, on=hosts.client.words, after=1.3, before=1.0, third=third)
    assert answer(watch, "poll") == 502
    recorder.keep("pike-afar-nginx-sockjs-502-two", watch)


async def test_a_proxy_afar_waits(start: Starter, recorder: Recorder) -> None:
    """HAProxy waits 2.2 s for an app that stands still: 504; a session that came before hears nothing, and waits."""
    with routed() as hosts:
        app, well = await begun(hosts.server, start, NodeWs), await begun(hosts.server, start, NodeWs)
        haproxy = await begun(hosts.server, start, HaProxy, app.port, client=30, server=2.2, tunnel=60)
        doors(hosts, haproxy, well)
        os.kill(app.pid, signal.SIGSTOP)
        watch = await refusals(
            {"late": there(haproxy.port, "/q")},
            on=hosts.client.words,
            after=1.1,
            before=0.8,
            well=there(well.port, do=says(1.2, 7)),
        )
        os.kill(app.pid, signal.SIGCONT)
    assert answer(watch, "late") == 504
    recorder.keep("pike-afar-haproxy-504", watch)


async def test_haproxy_afar_is_reloaded(start: Starter, recorder: Recorder) -> None:
    """A new map of routes: HAProxy's old worker is stopped hard after 0.9 s, two come back at once; past it is well."""
    with routed() as hosts:
        app = await begun(hosts.server, start, NodeWs)
        haproxy = await begun(hosts.server, start, HaProxy, app.port, hard_stop=0.9)
        doors(hosts, app, haproxy)
        tables = {
            "past": there(app.port, do=says(1.2, 8)),
            "a": there(haproxy.port, do=says(0.7, 4), reconnect=True),
            "b": there(haproxy.port, reconnect=True, ping_interval=1.9),
        }

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 3)
            haproxy.reload()

        watch = await run(tables, "a", "b", strike=strike, back=["a", "b"], on=hosts.client.words)
    cut(watch, "a", "b")
    recorder.keep("pike-afar-haproxy-reloaded", watch)


async def test_one_of_two_hosts_dies(start: Starter, recorder: Recorder) -> None:
    """SockJS is killed on one host under a socket, a stream and a poll; a user closes in order at another just then."""
    with routed() as hosts, elsewhere(hosts):
        app = await begun(hosts.server, start, SockJsNode, heartbeat_delay=1500)
        doors(hosts, app)
        url = f"http://{SERVER}:{app.port}/echo"
        tables: dict[str, Table] = {
            "user": {"url": THERE, "do": says(0.9, 3)},
            "socket": {"url": url, "sockjs_transport": "websocket", "do": says(0.8, 6)},
            "stream": {"url": url, "sockjs_transport": "xhr-streaming"},
            "poll": {"url": url, "sockjs_transport": "xhr-polling"},
        }

        async def strike(watch: Watch) -> None:
            await seen(watch, "sockjs", "socket", kind="a", dir="in", count=3)
            await watch.command("user: close 1000 bye")
            os.kill(app.pid, signal.SIGKILL)

        watch = await run(tables, "user", "socket", "stream", "poll", strike=strike, on=hosts.client.words)
    recorder.keep("pike-afar-sockjs-killed-user-leaves", watch)


async def test_nothing_happens_afar(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """nginx is reloaded and gives its old worker time, the server next door is restarted: ours are well."""
    with routed() as hosts:
        app, next_door = await begun(hosts.server, start, NodeWs), await begun(hosts.server, start, NodeWs)
        with hosts.server.inside():
            nginx = start(Nginx, app.port, certificate=certificate)
        open_doors(hosts.server, nginx.port)
        base: Table = {"url": f"wss://{SERVER}:{nginx.port}/"} | trusts(certificate)
        tables = {"a": base | {"do": says(0.8, 7)}, "b": base | {"ping_interval": 1.4}}

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 2)
            nginx.reload()
            await asyncio.to_thread(next_door.end)
            again_on(hosts.server, next_door)
            await heard(watch, "a", 7)

        watch = await run(tables, strike=strike, on=hosts.client.words)
    recorder.keep("pike-afar-none-nginx-reload-with-patience", watch)
