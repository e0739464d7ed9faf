"""Servers and proxies on this machine that die, come back, are taken out by hand, or have nobody behind them."""

import asyncio
import os
import re
import signal

import pytest

from tests.probing import seen
from tests.servers.apache import Apache
from tests.servers.asgi_hosts import Gunicorn
from tests.servers.between import Table, answer, opened, says, sockjs, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.child import children
from tests.servers.envoy import Envoy
from tests.servers.forward import Connect, Dante
from tests.servers.goapps import Gobwas, Melody
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.lesser import Lighttpd, Nghttpx, Varnish
from tests.servers.lines import leave
from tests.servers.looks import Strike
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeStomp, NodeWs, SockJsNode
from tests.servers.pond import HEAD, Supervised, cut, heard, local_port, pool, refusals, run, settled, struck, told
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.rustapps import Axum
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.traefik import Traefik
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_an_operator_shuts_one_session(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """``shutdown session`` at HAProxy's socket, for one of two busy ones over TLS."""
    app = start(NodeWs)
    haproxy = start(HaProxy, app.port, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await heard(watch, "batch", 4)
        found = re.search(rf"(0x\w+): .*src={LOOPBACK}:{local_port(watch, 'batch')} ", haproxy.say("show sess"))
        assert found is not None
        haproxy.say(f"shutdown session {found[1]}")

    tables = {
        "batch": wss(haproxy.port, certificate, do=says(0.6, 6, "send row")),
        "page": wss(haproxy.port, certificate, do=says(1.1, 7, "send hi")),
    }
    watch = await run(tables, "batch", strike=strike)
    cut(watch, "batch")
    recorder.keep("pike-haproxy-operator-shuts-one", watch)


async def test_a_server_of_a_pool_is_put_into_maintenance(start: Starter, recorder: Recorder) -> None:
    """Its operator takes one of two out and shuts its sessions; they come back to the other, where one has stayed."""
    one, two = start(NodeWs), start(NodeWs)
    haproxy = start(HaProxy, one.port, two.port, options="balance roundrobin")

    async def strike(watch: Watch) -> None:
        await heard(watch, "b", 3)
        haproxy.say("set server back/1 state maint")
        haproxy.say("shutdown sessions server back/1")

    tables = {
        "a": ws(haproxy.port, do=says(0.7, 2.6), reconnect=True),
        "b": ws(haproxy.port, do=says(0.9, 8)),
        "c": ws(haproxy.port, reconnect=True),
    }
    watch = await run(tables, "a", "c", strike=strike, back=["a", "c"])
    cut(watch, "a", "c")
    recorder.keep("pike-haproxy-pool-maint-shuts-sessions", watch)


async def test_one_of_a_pool_is_killed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """One of two Melodys dies by a signal; its two users come back by nginx, and are at the other."""
    one, two = start(Melody), start(Melody)
    way = f"location /live {{ proxy_pass http://live/ws; {HEAD} }}"
    nginx = start(Nginx, one.port, certificate=certificate, rules=way, http=pool("live", one.port, two.port))
    base = wss(nginx.port, certificate) | {"url": f"wss://localhost:{nginx.port}/live"}
    tables = {
        "a": base | {"do": says(0.8, 2.5), "reconnect": True},
        "b": base | {"do": says(1.2, 8)},
        "c": base | {"reconnect": True, "ping_interval": 1.7},
    }
    watch = await run(tables, "a", "c", strike=struck(signal.SIGSEGV, one.pid, "a", 3), back=["a", "c"])
    cut(watch, "a", "c")
    recorder.keep("pike-nginx-pool-melody-killed-other-takes-over", watch)


async def test_haproxy_under_a_supervisor(
    start: Starter, recorder: Recorder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """HAProxy is killed and started anew 0.6 s later; who goes past it to the same server is well."""
    app = start(NodeEndings)
    haproxy = start(HaProxy, app.port)
    supervised = Supervised(tmp_path_factory.mktemp("super"), haproxy, 0.6)
    try:
        tables = {
            "past": ws(app.port, do=says(1.1, 8)),
            "a": ws(haproxy.port, do=says(0.8, 2.5), reconnect=True),
            "b": ws(haproxy.port, reconnect=True),
        }

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 3)
            worker = children(supervised.pid)
            os.kill(supervised.pid, signal.SIGKILL)
            for pid in worker:
                os.kill(pid, signal.SIGKILL)

        watch = await run(tables, "a", "b", strike=strike, back=["a", "b"])
    finally:
        supervised.stop()
    cut(watch, "a", "b")
    recorder.keep("pike-haproxy-killed-supervised-back", watch)


async def test_a_worker_of_nginx_dies(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """nginx's worker dies by a fault in a module, its master starts another at once; direct ones are well."""
    app = start(Gobwas)
    nginx = start(Nginx, app.port, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await heard(watch, "desk", 4)
        for pid in children(nginx.pid):
            os.kill(pid, signal.SIGSEGV)

    base = wss(nginx.port, certificate) | {"url": f"wss://localhost:{nginx.port}/ws"}
    tables = {
        "direct": ws(app.port, "/ws", do=says(1.2, 7)),
        "desk": base | {"do": says(0.6, 6)},
        "wall": base | {"ping_interval": 1.1},
    }
    watch = await run(tables, "desk", "wall", strike=strike)
    cut(watch, "desk", "wall")
    assert "exited on signal 11" in nginx.log
    recorder.keep("pike-nginx-worker-segfault", watch)


async def test_envoy_is_told_to_quit(start: Starter, recorder: Recorder) -> None:
    """``quitquitquit`` at its admin page, and nobody starts it again; the server itself is well."""
    app = start(Axum)
    envoy = start(Envoy, app.port)

    async def strike(watch: Watch) -> None:
        await heard(watch, "a", 4)
        await asyncio.to_thread(envoy.say, "quitquitquit")

    tables = {
        "past": ws(app.port, "/ws", do=says(1.0, 7)),
        "a": ws(envoy.port, "/ws", do=says(0.7, 7)),
        "b": ws(envoy.port, "/ws"),
    }
    watch = await run(tables, "a", "b", strike=strike)
    cut(watch, "a", "b")
    recorder.keep("pike-envoy-quitquitquit", watch)


async def test_the_inner_of_two_proxies_is_restarted(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """nginx with TLS, HAProxy behind it: HAProxy is restarted. Another path of nginx leads past it to the same app."""
    app = start(NodeWs)
    haproxy = start(HaProxy, app.port)
    nginx = start(
        Nginx,
        app.port,
        certificate=certificate,
        rules=f"location /in {{ proxy_pass http://{LOOPBACK}:{haproxy.port}; {HEAD} }}",
    )

    async def strike(watch: Watch) -> None:
        await heard(watch, "a", 3)
        await asyncio.to_thread(haproxy.stop)
        for name in ("a", "b"):
            await seen(watch, "close", name)
        await asyncio.to_thread(haproxy.begin)

    base = wss(nginx.port, certificate)
    inner = base | {"url": f"wss://localhost:{nginx.port}/in"}
    tables = {"page": base | {"do": says(1.2, 8)}, "a": inner | {"do": says(0.8, 6)}, "b": inner}
    watch = await run(tables, "a", "b", strike=strike)
    cut(watch, "a", "b")
    recorder.keep("pike-nginx-haproxy-inner-restarted", watch)


async def test_traefik_finds_nobody(start: Starter, recorder: Recorder) -> None:
    """The server behind Traefik was killed under two; one comes back to a 502. One at another server is well."""
    app, other = start(SockJsNode, heartbeat_delay=1500), start(NodeWs)
    traefik = start(Traefik, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "socket", kind="a", dir="in", count=3)
        await asyncio.to_thread(app.end)

    tables = {
        "other": ws(other.port, do=says(1.2, 7)),
        "socket": sockjs(traefik.port, "websocket", do=says(0.8, 5)),
        "poll": sockjs(traefik.port, "xhr-polling"),
    }
    watch = await run(tables, "socket", "poll", strike=strike)
    recorder.keep("pike-traefik-sockjs-killed-502", watch)


async def test_caddy_finds_nobody(start: Starter, recorder: Recorder) -> None:
    """STOMP by Caddy, whose broker did not come up after the night's update: 502; a broker elsewhere is well."""
    gone, well = start(NodeStomp, beatEvery=0, beats=0), start(NodeStomp, beatEvery=1200, beats=99)
    caddy = start(Caddy, gone.port)
    await asyncio.to_thread(gone.end)
    watch = await refusals(
        {"till": {"url": f"stomp+ws://{LOOPBACK}:{caddy.port}/", "heart_beat": "0,0"}},
        after=1.2,
        before=1.1,
        well={"url": well.url, "heart_beat": "1200,1200"},
    )
    assert answer(watch, "till") == 502
    recorder.keep("pike-caddy-stomp-broker-did-not-come-up-502", watch)


async def test_lighttpd_finds_nobody_for_two(start: Starter, recorder: Recorder) -> None:
    """lighttpd says 503 for a server that is away, to one of two paths; the other path's is well."""
    gone, well = start(NodeWs), start(NodeWs)
    rules = (
        f'$HTTP["url"] =~ "^/old" {{ proxy.server = ( "" => ( ( "host" => "{LOOPBACK}", "port" => {gone.port} ) ) ) }}'
    )
    lighttpd = start(Lighttpd, well.port, rules=rules)
    await asyncio.to_thread(gone.end)
    watch = await refusals(
        {"one": ws(lighttpd.port, "/old/1"), "two": ws(lighttpd.port, "/old/2")},
        after=1.4,
        before=1.0,
        new=ws(lighttpd.port, "/new", do=says(0.9, 6)),
    )
    recorder.keep("pike-lighttpd-nobody-behind-two", watch)
    assert answer(watch, "one") == answer(watch, "two") == 503


async def test_haproxy_behind_nginx_waits(start: Starter, recorder: Recorder) -> None:
    """The app stands still; HAProxy, the inner of two, gives up after 2.4 s: 504 by nginx. The chat's app is well."""
    stuck, well = start(NodeWs), start(NodeWs)
    haproxy = start(HaProxy, stuck.port, server=2.4)
    nginx = start(Nginx, well.port, rules=f"location /rep {{ proxy_pass http://{LOOPBACK}:{haproxy.port}; {HEAD} }}")
    os.kill(stuck.pid, signal.SIGSTOP)
    watch = await refusals(
        {"report": ws(nginx.port, "/rep/4")}, after=1.0, before=0.8, chat=ws(nginx.port, "/chat", do=says(1.3, 8))
    )
    os.kill(stuck.pid, signal.SIGCONT)
    assert answer(watch, "report") == 504
    recorder.keep("pike-nginx-haproxy-504-app-stands-still", watch)


async def test_a_worker_of_gunicorn_is_killed(start: Starter, recorder: Recorder) -> None:
    """The kernel kills one of gunicorn's two workers (out of memory) behind Varnish; the other's users are well."""
    app = start(Gunicorn, "uvicorn.workers.UvicornWorker", "--workers", "2")
    varnish = start(Varnish, app.port)

    async def strike(watch: Watch) -> None:
        for name in ("a", "b", "c", "d"):
            await heard(watch, name, 1)
        for name in ("a", "b", "c", "d"):
            await watch.command(f"{name}: send pid")
            await heard(watch, name, 3)
        said = {name: watch.of("frame", name, dir="in", opcode=1)[-1]["text"] for name in ("a", "b", "c", "d")}
        for name in said:
            said[name] = next(
                line["text"] for line in watch.of("frame", name, dir="in", opcode=1) if line["text"].isdigit()
            )
        gone.extend(name for name in said if said[name] == said["a"])
        os.kill(int(said["a"]), signal.SIGKILL)

    gone: list[str] = []
    tables = {name: ws(varnish.port, "/live", do=says(0.9 + n / 5, 6)) for n, name in enumerate("abcd")}
    watch = await run_some(tables, gone, strike)
    cut(watch, *gone)
    assert len(gone) < 4
    recorder.keep("pike-varnish-gunicorn-worker-oom", watch)


async def run_some(tables: dict[str, Table], gone: list[str], strike: Strike) -> Watch:
    """As ``run``; the strike says who goes."""
    async with watching("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await strike(watch)
        for name in gone:
            await seen(watch, "close", name)
        await settled(watch, *gone)
        await leave(watch, *(name for name in tables if name not in gone))
    return watch


async def test_a_frame_is_cut_in_the_middle(start: Starter, recorder: Recorder) -> None:
    """A text of 1,024 bytes is begun, 9 of them come, and TCP ends: by nghttpx; another session is well."""
    app = start(NodeEndings)
    nghttpx = start(Nghttpx, app.port)
    tables = {
        "page": ws(nghttpx.port, do=says(1.1, 6)),
        "feed": ws(nghttpx.port, do=[*says(0.8, 2), "2.6 send cut 817e04007b226b223a5b312c32"]),
    }
    watch = await run(tables, "feed")
    cut(watch, "feed")
    recorder.keep("pike-nghttpx-frame-cut", watch)


async def test_a_program_dies_in_the_middle_of_a_large_answer(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Half a header of a binary frame, and the program ends; by stunnel, one alone."""
    app = start(NodeEndings)
    stunnel = start(Stunnel, app.port, certificate)
    export = wss(stunnel.port, certificate, do=[*says(0.9, 2.5), "3.2 send raw 827f00000000", "3.3 send exit"])
    watch = await run({"export": export}, "export")
    cut(watch, "export")
    recorder.keep("pike-stunnel-exit-in-a-header-alone", watch)


async def test_a_closing_that_never_ends(start: Starter, recorder: Recorder) -> None:
    """The user closes, the server answers it and then stands still with TCP open; the other app is well."""
    app, other = start(NodeEndings), start(NodeWs)
    tables = {
        "other": ws(other.port, do=says(1.2, 9)),
        "form": ws(
            app.port,
            do=["0.7 send one", "1.4 send hang-when-answered", "2.2 close 1000 done"],
            close_timeout=2.0,
        ),
    }
    watch = await run(tables, "form")
    os.kill(app.pid, signal.SIGCONT)
    recorder.keep("pike-close-answered-tcp-left-open", watch)


async def test_a_server_says_bye_and_never_hangs_up(start: Starter, recorder: Recorder) -> None:
    """1001 by a server whose event loop then stands still: TCP stays. By redirection of nothing, direct, two users."""
    app, other = start(NodeEndings), start(NodeWs)
    tables = {
        "other": ws(other.port, do=says(1.2, 9)),
        "a": ws(app.port, do=["0.8 send hi", "1.9 send hang 1001 bye"], close_timeout=2.4),
    }
    watch = await run(tables, "a")
    os.kill(app.pid, signal.SIGCONT)
    told(watch, 1001, "a")
    recorder.keep("pike-says-bye-1001-never-hangs-up", watch)


async def test_a_program_terminates_everybody(start: Starter, recorder: Recorder) -> None:
    """A program's watchdog terminates all of its sockets and lives on, behind Envoy; others' are well."""
    app, other = start(NodeEndings), start(NodeWs)
    envoy = start(Envoy, app.port)
    tables = {
        "other": ws(other.port, do=says(1.1, 7)),
        "a": ws(envoy.port, do=[*says(0.7, 2), "2.8 send terminate-everybody"], reconnect=True),
        "b": ws(envoy.port, ping_interval=1.4, reconnect=True),
    }
    watch = await run(tables, "a", "b", back=["a", "b"])
    cut(watch, "a", "b")
    recorder.keep("pike-envoy-terminate-everybody", watch)


async def test_a_program_resets_one(start: Starter, recorder: Recorder) -> None:
    """A program destroys one socket by RST, the others stay; direct."""
    app = start(NodeEndings)
    tables = {
        "a": ws(app.port, do=[*says(0.7, 3), "3.3 send reset"]),
        "b": ws(app.port, do=says(1.2, 6)),
        "c": ws(app.port, ping_interval=1.5),
    }
    watch = await run(tables, "a")
    cut(watch, "a", how=("reset",))
    recorder.keep("pike-node-resets-one-of-three", watch)


async def test_dante_is_killed(start: Starter, recorder: Recorder) -> None:
    """The whole of Dante is killed under two STOMP sessions; one that goes past it is well."""
    broker = start(CoilMq)
    dante = start(Dante)
    there: Table = {"stomp_version": "1.0,1.1", "vhost": "localhost"}
    way: Table = there | {"proxy": f"socks5://{LOOPBACK}:{dante.port}"}
    tables = {
        "past": stomp(broker.port, "0,0", CREW, do=says(1.2, 7, "stomp-send /topic/a 1")) | there,
        "one": stomp(broker.port, "0,0", CREW, do=says(0.7, 7, "stomp-send /topic/a 2")) | way,
        "two": stomp(broker.port, "0,0", CREW) | way,
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "one", command="SEND", dir="out", count=4)
        os.killpg(dante.pid, signal.SIGKILL)

    watch = await run(tables, "one", "two", strike=strike)
    cut(watch, "one", "two")
    recorder.keep("pike-dante-killed-stomp", watch)


async def test_tinyproxy_restarts(start: Starter, recorder: Recorder, certificate: Certificate) -> None:
    """tinyproxy is stopped in order and started again 0.25 s later: who goes through it comes back."""
    app = start(NodeEndings, cert=str(certificate.chain), key=str(certificate.key))
    tiny = start(Connect)
    way: Table = {"proxy": f"http://{LOOPBACK}:{tiny.port}", "reconnect": True}

    async def strike(watch: Watch) -> None:
        await heard(watch, "a", 3)
        await asyncio.to_thread(tiny.end)
        await asyncio.sleep(0.25)  # so long it is away
        await asyncio.to_thread(tiny.begin)

    tables = {
        "direct": wss(app.port, certificate, do=says(1.3, 9)),
        "a": wss(app.port, certificate, do=says(0.8, 2.5)) | way,
        "b": wss(app.port, certificate) | way,
    }
    watch = await run(tables, "a", "b", strike=strike, back=["a", "b"])
    cut(watch, "a", "b")
    recorder.keep("pike-tinyproxy-wss-restarted", watch)


async def test_apache_is_restarted_by_hand(start: Starter, recorder: Recorder) -> None:
    """SIGHUP: Apache's children end at once and new ones begin; who goes past it is well."""
    app = start(SockJsNode, heartbeat_delay=1600)
    apache = start(Apache, app.port)
    tables = {
        "past": sockjs(app.port, "websocket", do=says(1.1, 7)),
        "a": sockjs(apache.port, "websocket", do=says(0.7, 7)),
        "b": sockjs(apache.port, "xhr-streaming"),
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "a", kind="a", dir="in", count=4)
        os.kill(apache.pid, signal.SIGHUP)

    watch = await run(tables, "a", "b", strike=strike)
    recorder.keep("pike-apache-sighup-sockjs", watch)
