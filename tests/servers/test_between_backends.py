"""Node's ws, RabbitMQ, ActiveMQ and sockjs-node stopped, killed and held behind nginx, HAProxy and ssh that live."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, open_session, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import (
    TCP,
    Table,
    assert_cut,
    opened,
    says,
    sockjs,
    staged,
    stomp,
    stomps,
    web_stomp,
    ws,
    wss,
)
from tests.servers.child import Daemon
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW, beaten
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.strict import StrictNode
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

CHECKS = """option httpchk GET /
    http-check expect status 426
    timeout check 400ms
    default-server check inter 400ms fall 2 on-marked-down shutdown-sessions"""
"""HAProxy asks Node's ws for its health, and ends the sessions of one that does not answer."""


@pytest.mark.parametrize(("front", "code"), [("nginx", 1001), ("haproxy", 1012)])
async def test_it_says_goodbye(
    certificate: Certificate, start: Starter, recorder: Recorder, front: str, code: int
) -> None:
    """The Close passes the proxy as it is."""
    server = start(NodeEndings)
    proxy: Daemon
    if front == "nginx":
        proxy = start(Nginx, server.port)
        tables = {"busy": ws(proxy.port, do=says(0.5, 3)), "idle": ws(proxy.port)}
    else:
        proxy = start(HaProxy, server.port, certificate=certificate)
        tables = {"busy": wss(proxy.port, certificate, do=says(0.7, 3)), "idle": wss(proxy.port, certificate)}

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "busy", dir="in", count=3)
        if code == 1001:
            os.kill(server.pid, signal.SIGTERM)
        else:
            await ask(watch, "send everybody 1012 new version", "idle")

    watch = await staged(tables, "busy", "idle", strike=strike, ok=False)
    assert [line["received"]["code"] for line in watch.of("close")] == [code, code]
    recorder.keep(f"between-{front}-backend-says-{code}", watch)


async def test_it_is_frozen_behind_nginx(echo_port: int, start: Starter, recorder: Recorder) -> None:
    """nginx's kernel acknowledges what is said; the probe's own pings find out."""
    server = start(NodeWs)
    nginx, other = start(Nginx, server.port), start(Nginx, echo_port)
    pings: Table = {"ping_interval": 0.9, "ping_timeout": 2.1, "close_timeout": 1}

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "B", dir="in", opcode=10, count=2)
        os.kill(server.pid, signal.SIGSTOP)

    tables = {"A": ws(nginx.port, **pings), "B": ws(nginx.port, **pings), "elsewhere": ws(other.port, **pings)}
    try:
        watch = await staged(tables, "A", "B", strike=strike)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert [line["initiator"] for line in watch.of("close")[:2]] == ["local", "local"]
    recorder.keep("between-nginx-backend-frozen", watch)


async def test_a_pause_that_is_survived(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """RabbitMQ stands still behind HAProxy for less than anybody's patience, and beats on."""
    haproxy = start(HaProxy, broker.port, certificate=certificate)
    table = {"url": f"stomp+wss://localhost:{haproxy.port}/ws", "cacert": str(certificate.ca)}

    async def strike(watch: Watch) -> None:
        await beaten(watch, "A", 2)
        with frozen(broker.pid):
            for name in ("A", "B"):
                await seen(watch, "heartbeat", name, layer="stomp-in", state="missed")
        await beaten(watch, "A", 3)
        await beaten(watch, "B", 2)

    tables = {"A": web_stomp(0, "1100,1100") | table, "B": web_stomp(0, "1400,1400") | table}
    recorder.keep("between-haproxy-backend-pause-survived", await staged(tables, strike=strike, status=0))


async def test_activemq_is_killed_behind_haproxy(
    own_activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """HAProxy ends TLS and leads nowhere now: it takes who looks, and hangs up."""
    haproxy = start(HaProxy, own_activemq.port, certificate=certificate, options=TCP)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "brisk", 2)
        own_activemq.sigkill()

    tables = {
        "brisk": stomps(haproxy.port, "900,900", certificate, CREW),
        "idle": stomps(haproxy.port, "0,0", certificate, CREW, subscribe=["/queue/between"]),
    }
    watch = await staged(tables, "brisk", "idle", strike=strike, stage="tls")
    assert_cut(watch, "brisk", "idle")
    recorder.keep("between-haproxy-stomps-broker-killed", watch)


async def test_activemq_is_stopped_behind_ssh(
    own_activemq: ActiveMq, echo_port: int, start: Starter, recorder: Recorder
) -> None:
    """The tunnel lives, as a session through it to another server shows."""
    tunnel, other = start(SshTunnel, own_activemq.port), start(SshTunnel, echo_port)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "brisk", 2)
        own_activemq.terminate()

    tables = {
        "brisk": stomp(tunnel.port, "1200,1200", CREW),
        "idle": stomp(tunnel.port, "0,0", CREW),
        "elsewhere": ws(other.port, ping_interval=1),
    }
    watch = await staged(tables, "brisk", "idle", strike=strike)
    assert_cut(watch, "brisk", "idle")
    recorder.keep("between-ssh-activemq-stopped", watch)


async def test_rabbitmq_is_stopped_and_started_behind_nginx(
    own_broker: RabbitMq, start: Starter, recorder: Recorder
) -> None:
    """``stop_app`` and ``start_app``: 502 in between."""
    nginx = start(Nginx, own_broker.port)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "A", 2)
        await asyncio.to_thread(own_broker.ctl, "stop_app")
        await seen(watch, "http", "A", dir="in", status=502)
        await asyncio.to_thread(own_broker.ctl, "start_app")
        for name in ("A", "B"):
            connected = {"type": "stomp", "s": name, "command": "CONNECTED"}
            await watch.until(lambda line, wanted=connected: wanted.items() <= line.items(), 40, count=2)  # type: ignore[misc]

    tables = {name: web_stomp(nginx.port, beats, reconnect=True) for name, beats in (("A", "800,800"), ("B", "0,0"))}
    watch = await staged(tables, "A", "B", strike=strike)
    assert_cut(watch, "A", "B")
    recorder.keep("between-nginx-rabbitmq-stopped-and-started", watch)


async def test_one_of_a_pool_is_killed(start: Starter, recorder: Recorder) -> None:
    """nginx leads who comes back to the other server at once."""
    one, two = start(NodeWs), start(NodeWs)
    pool = f"upstream pool {{ server {LOOPBACK}:{one.port}; server {LOOPBACK}:{two.port}; }}"
    upgrade = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"
    rules = f"location /live {{ proxy_pass http://pool; proxy_http_version 1.1; {upgrade} }}"
    nginx = start(Nginx, one.port, http=pool, rules=rules)
    tables = {name: ws(nginx.port, "/live", reconnect=True, do=says(0.8, 6)) for name in ("first", "second")}

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "second", dir="in", count=2)
        one.end()
        await seen(watch, "open", "first", count=2)

    watch = await staged(tables, "first", strike=strike)
    assert_cut(watch, "first")
    recorder.keep("between-nginx-one-of-a-pool-killed", watch)


async def test_it_lets_nobody_grow_old(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Node's ws ends every session at an age, without a word, behind nginx with TLS; both are busy."""
    server = start(StrictNode, life=3.2, says=0.7, ending="fin")
    nginx = start(Nginx, server.port, certificate=certificate)
    talk = says(0.6, 6)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "elder", dir="in", count=2)
        await opened(watch, younger=wss(nginx.port, certificate, do=talk))

    watch = await staged(
        {"elder": wss(nginx.port, certificate, do=talk)}, "elder", "younger", strike=strike, stage="tls"
    )
    assert_cut(watch, "elder", "younger")
    assert all(3 < line["age"] < 5 for line in watch.of("close"))
    recorder.keep("between-nginx-lifetime", watch)


async def test_haproxys_checks_give_it_up(start: Starter, recorder: Recorder) -> None:
    """The server stands still; its sessions are shut down, busy and idle, and nobody is left to lead to."""
    server = start(NodeWs)
    haproxy = start(HaProxy, server.port, options=CHECKS)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "busy", dir="in", count=3)
        os.kill(server.pid, signal.SIGSTOP)

    try:
        watch = await staged(
            {"busy": ws(haproxy.port, do=says(0.4, 5)), "idle": ws(haproxy.port)}, "busy", "idle", strike=strike
        )
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert_cut(watch, "busy", "idle")
    recorder.keep("between-haproxy-check-fails", watch)


@pytest.mark.parametrize("order", ["drained", "closed"])
async def test_an_operator_lets_nobody_in(start: Starter, recorder: Recorder, order: str) -> None:
    """Who is in stays. A drained server is led to no more; a disabled frontend listens no more."""
    server = start(NodeWs)
    haproxy = start(HaProxy, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "A", dir="in", count=2)
        haproxy.say("set server back/1 state drain" if order == "drained" else "disable frontend front")
        await open_session(watch, name="newcomer", **ws(haproxy.port))
        await seen(watch, "close", "newcomer")
        await ask(watch, "send still here", "A")
        await seen(watch, "frame", "A", dir="in", text="still here")

    watch = await staged({"A": ws(haproxy.port, do=says(0.5, 2))}, "newcomer", strike=strike, status=3)
    recorder.keep(f"between-haproxy-{order}-newcomer", watch)


async def test_one_message_ends_its_process(start: Starter, recorder: Recorder) -> None:
    """What nobody catches ends both sessions; whoever watches over the program starts it again."""
    server = start(NodeEndings)
    nginx = start(Nginx, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "B", dir="in", count=2)
        await ask(watch, "send throw", "A")
        await seen(watch, "http", dir="in", status=502)
        server.end()  # what is left of it
        server.begin()
        for name in ("A", "B"):
            await seen(watch, "open", name, count=2)

    tables = {"A": ws(nginx.port, reconnect=True), "B": ws(nginx.port, reconnect=True, do=says(0.6, 4))}
    watch = await staged(tables, "A", "B", strike=strike)
    assert_cut(watch, "A", "B")
    recorder.keep("between-nginx-backend-throws", watch)


async def test_sockjs_node_is_killed_behind_ssh(echo_port: int, start: Starter, recorder: Recorder) -> None:
    """Through ``-D``, which lives: a session to another server notices nothing."""
    server = start(SockJsNode, heartbeat_delay=1100)
    tunnel = start(SshTunnel, echo_port, way="-D")
    way = {"proxy": f"socks5h://{LOOPBACK}:{tunnel.port}"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "polls", kind="h", count=2)
        server.end()

    tables = {
        "polls": sockjs(server.port, "xhr-polling", **way),
        "socket": sockjs(server.port, "websocket", do=says(0.7, 4), **way),
        "elsewhere": ws(echo_port, ping_interval=0.9, **way),
    }
    watch = await staged(tables, "polls", "socket", strike=strike, ok=False)
    recorder.keep("between-ssh-d-sockjs-killed", watch)
