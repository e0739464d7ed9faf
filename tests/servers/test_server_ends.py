"""What becomes of sessions when the server itself ends, directly and behind a proxy, and what ``watch`` saw of it."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, probing, seen
from tests.servers.activemq import LOGIN as ACTIVEMQ_LOGIN
from tests.servers.activemq import ActiveMq
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonWs
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.takes import Take, extra
from tests.servers.test_idle_proxies import chatter
from tests.servers.test_proxy_ends import LOOK, assert_cut, talked, url

pytestmark = pytest.mark.real

KINDS = {"node": NodeWs, "python": PythonWs}
FRONTS = {"nginx": (Nginx, 502), "haproxy": (HaProxy, 503)}


@pytest.mark.parametrize("kind", [extra("node"), "python"])
async def test_it_is_killed(echo_port: int, start: Starter, recorder: Recorder, take: Take, kind: str) -> None:
    """Nobody listens any more; a session with another server goes on."""
    server = start(KINDS[kind])
    words = ("--stdin", *chatter(take.one_of(0.3, 0.4), 3, take.one_of("A", "B", "elsewhere")))
    names = (f"A={url(server)}", f"B={url(server)}", f"elsewhere=ws://{LOOPBACK}:{echo_port}/")
    async with probing(*names, *words, **LOOK) as watch:
        await seen(watch, "open", count=3)
        await talked(watch, take)
        server.end(take.one_of(signal.SIGKILL, signal.SIGSEGV))
        await seen(watch, "postmortem", "A", ok=False)
        await seen(watch, "postmortem", "B", ok=False)
        assert await watch.finish() == 1
    assert_cut(watch, "A", "B")
    assert watch.of("postmortem")[0]["how"] == "refused"
    recorder.keep(take.of(f"{kind}-killed-two-and-a-sibling"), watch)


@pytest.mark.parametrize(("kind", "sign"), [("node", signal.SIGTERM), extra("python", signal.SIGKILL)])
async def test_it_is_back_at_once(
    echo_port: int, start: Starter, recorder: Recorder, take: Take, kind: str, sign: signal.Signals
) -> None:
    """Neither program says goodbye: SIGTERM ends both without a Close. On the same port it starts anew."""
    server = start(KINDS[kind])
    words = ("--stdin", "--reconnect", *chatter(take.one_of(0.3, 0.4), 3, take.one_of("A", "elsewhere")))
    names = (f"A={url(server)}", f"B={url(server)}", f"elsewhere=ws://{LOOPBACK}:{echo_port}/")
    async with probing(*names, *words) as watch:
        await seen(watch, "open", count=3)
        await talked(watch, take)
        server.end(sign)
        server.begin()
        await seen(watch, "open", "A", count=2)
        await seen(watch, "open", "B", count=2)
        await watch.finish()
    assert_cut(watch, "A", "B")
    assert watch.the("close", "elsewhere")["asked"] is True
    recorder.keep(take.of(f"{kind}-back-at-once"), watch)


@pytest.mark.extra
async def test_it_is_away_for_a_while(start: Starter, recorder: Recorder, take: Take) -> None:
    """The first attempt is refused, a later one is not."""
    server = start(take.one_of(NodeWs, PythonWs))
    async with probing(url(server), "--stdin", "--reconnect", *chatter(0.4, 3)) as watch:
        await seen(watch, "open")
        await talked(watch, take)
        server.end(take.one_of(signal.SIGTERM, signal.SIGKILL))
        await seen(watch, "end", how="refused")
        server.begin()
        await seen(watch, "open", count=2)
        await watch.finish()
    assert_cut(watch, "A")
    recorder.keep(take.of("server-away-for-a-while"), watch)


@pytest.mark.parametrize("front", ["nginx", extra("haproxy")])
async def test_behind_a_proxy(echo_port: int, start: Starter, recorder: Recorder, take: Take, front: str) -> None:
    """The proxy passes the end on, and answers who comes back that nobody is behind it."""
    kind, status = FRONTS[front]
    server = start(take.one_of(NodeWs, PythonWs))
    proxy = start(kind, server.port)
    names = (f"A={url(proxy)}", f"B={url(proxy)}", f"elsewhere=ws://{LOOPBACK}:{echo_port}/")
    async with probing(*names, "--stdin", *chatter(0.4, 3, take.one_of("A", "B")), **LOOK) as watch:
        await seen(watch, "open", count=3)
        await talked(watch, take)
        server.end(take.one_of(signal.SIGKILL, signal.SIGABRT))
        await watch.until(lambda line: line["type"] == "postmortem" and line.get("status") == status)
        assert await watch.finish() == 1
    assert_cut(watch, "A", "B")
    recorder.keep(take.of(f"{front}-server-killed"), watch)


@pytest.mark.extra
async def test_behind_a_proxy_and_back(start: Starter, recorder: Recorder, take: Take) -> None:
    """502 or 503 at the first attempt, 101 when the server is back."""
    kind, status = FRONTS[take.one_of(*FRONTS)]
    server = start(take.one_of(NodeWs, PythonWs))
    proxy = start(kind, server.port)
    async with probing(url(proxy), "-n", "2", "--stdin", "--reconnect", *chatter(0.4, 3, "A1")) as watch:
        await seen(watch, "open", count=2)
        await talked(watch, take)
        server.end(take.one_of(signal.SIGKILL, signal.SIGTERM))
        await seen(watch, "http", "A1", status=status)
        await seen(watch, "http", "A2", status=status)
        server.begin()
        await seen(watch, "open", count=4)
        await watch.finish()
    assert_cut(watch, "A1", "A2")
    recorder.keep(take.of("proxy-server-back"), watch)


async def test_one_of_two_backends_is_killed(start: Starter, recorder: Recorder, take: Take) -> None:
    """HAProxy gave each session a server, told apart by the name one says; whose server lives notices nothing."""
    node, python = start(NodeWs), start(PythonWs)
    ports = take.one_of((node.port, python.port), (python.port, node.port))
    proxy = start(HaProxy, *ports)
    async with probing(url(proxy), "-n", "2", "--stdin", *chatter(0.4, 3), **LOOK) as watch:
        await seen(watch, "open", count=2)
        await talked(watch, take)
        (python if "websockets" in str(watch.the("http", "A1", dir="in")["headers"]) else node).end()
        await seen(watch, "close", "A1")
        behind = await seen(watch, "postmortem", "A1", stage="behind", ok=False)
        assert await watch.finish() == 1
    assert_cut(watch, "A1")
    assert watch.the("close", "A2")["asked"] is True
    assert behind["how"] == "gone" and watch.of("verdict", "A1")[-1]["cause"] == "server-crash"
    recorder.keep(take.of("haproxy-one-backend-killed"), watch)


@pytest.mark.extra
async def test_sockjs(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(SockJsNode, heartbeat_delay=take.one_of(400, 600))
    for transport in ("websocket", "xhr-streaming"):
        words = ("--sockjs-transport", transport, "--stdin", *chatter(0.4, 3))
        async with probing(f"http://{LOOPBACK}:{server.port}/echo", *words, **LOOK) as watch:
            await seen(watch, "sockjs", kind="o")
            await seen(watch, "sockjs", kind="a", count=take.one_of(1, 2))
            server.end(signal.SIGKILL)
            await seen(watch, "postmortem", ok=False)
            assert await watch.finish() == 1
        assert watch.the("close")["initiator"] == "remote"
        recorder.keep(take.of(f"sockjs-node-{transport}-killed"), watch)
        server.begin()


@pytest.mark.extra
async def test_rabbitmq_behind_a_proxy(own_broker: RabbitMq, start: Starter, recorder: Recorder, take: Take) -> None:
    """One through nginx, one direct, one over TCP: all end together, and come back in vain."""
    nginx = start(Nginx, own_broker.port)
    words = (
        *LOGIN,
        "--heart-beat",
        take.one_of("0,0", "500,500"),
        "--subscribe",
        "/topic/news",
        "--reconnect",
        "--stdin",
    )
    names = (
        f"proxied=stomp+ws://{LOOPBACK}:{nginx.port}/ws",
        f"direct={own_broker.url}",
        f"tcp={own_broker.tcp_url}",
    )
    async with probing(*names, *words) as watch:
        await seen(watch, "stomp", command="CONNECTED", count=3)
        for _ in range(take.one_of(1, 2)):
            await ask(watch, "stomp-send /topic/news hello", "direct")
        await seen(watch, "stomp", "tcp", command="MESSAGE")
        own_broker.sigkill()
        await seen(watch, "http", "proxied", status=502)
        await seen(watch, "end", "direct", how="refused")
        await seen(watch, "end", "tcp", how="refused")
        await watch.finish()
    for name in ("proxied", "direct", "tcp"):
        close = watch.of("close", name)[0]
        assert (close["initiator"], close["received"]) == ("remote", None)
    recorder.keep(take.of("rabbitmq-sigkill-behind-nginx"), watch)


@pytest.mark.extra
async def test_activemq(own_activemq: ActiveMq, echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """Stopped in order it says nothing either; the look finds nobody."""
    words = ("--heart-beat", take.one_of("0,0", "1000,1000"), "--stdin", *chatter(0.4, 3, "elsewhere"))
    names = (
        f"A={own_activemq.url}",
        f"B={own_activemq.url}",
        f"elsewhere=ws://{LOOPBACK}:{echo_port}/",
    )
    async with probing(*names, *words, *ACTIVEMQ_LOGIN, **LOOK) as watch:
        await seen(watch, "stomp", command="CONNECTED", count=2)
        await seen(watch, "frame", "elsewhere", dir="in", count=take.one_of(1, 2, 3))
        own_activemq.terminate()
        await seen(watch, "postmortem", "A", ok=False)
        await seen(watch, "postmortem", "B", ok=False)
        assert await watch.finish() == 1
    for name in "AB":
        assert (watch.the("close", name)["initiator"], watch.the("close", name)["transport"]["how"]) == (
            "remote",
            "fin",
        )
    recorder.keep(take.of("activemq-stop-and-look"), watch)


@pytest.mark.extra
async def test_rabbitmq_is_stopped_and_started(own_broker: RabbitMq, recorder: Recorder, take: Take) -> None:
    """``rabbitmqctl stop_app`` and ``start_app``: refused in between, then served again."""
    words = (*LOGIN, "--heart-beat", take.one_of("0,0", "800,800"), "--reconnect", "--stdin")
    async with probing(f"ws={own_broker.url}", f"tcp={own_broker.tcp_url}", *words) as watch:
        await seen(watch, "stomp", command="CONNECTED", count=2)
        await asyncio.to_thread(own_broker.ctl, "stop_app")
        await seen(watch, "close", "ws")
        await seen(watch, "close", "tcp")
        await asyncio.to_thread(own_broker.ctl, "start_app")
        await watch.until(lambda line: line.get("command") == "CONNECTED", within=40, count=4)
        await watch.finish()
    for name in ("ws", "tcp"):
        assert watch.of("close", name)[0]["initiator"] == "remote"
    recorder.keep(take.of("rabbitmq-stopped-and-started"), watch)


@pytest.mark.extra
async def test_spring_is_killed(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """Two over SockJS and one over WebSocket; a session elsewhere lives."""
    spring = start(Spring, heart_beat="500,500")
    names = (f"A={spring.sockjs_url}", f"B={spring.ws_url}", f"elsewhere=ws://{LOOPBACK}:{echo_port}/")
    words = ("--heart-beat", take.one_of("500,500", "700,600"), "--sockjs-transport", "websocket", "--stdin")
    async with probing(*names, *words, **LOOK) as watch:
        await seen(watch, "stomp", command="CONNECTED", count=2)
        await seen(watch, "stomp", "B", command="beat", dir="in", count=take.one_of(1, 2))
        os.kill(spring.pid, signal.SIGKILL)
        await seen(watch, "postmortem", "A", ok=False)
        await seen(watch, "postmortem", "B", ok=False)
        assert await watch.finish() == 1
    assert_cut(watch, "B")
    recorder.keep(take.of("spring-sigkill-and-a-sibling"), watch)
