"""The rest of the causes, in other products and other words."""

import asyncio
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.between import Table, opened, says, sockjs, staged, stomp, ws
from tests.servers.endings import assert_said
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.lines import beaten, leave, open_doors, over
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import Fastify
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_silent_server import silence
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_fastify_stands_still(start: Starter, recorder: Recorder) -> None:
    """Stopped by a signal under one that talks and one that does not; both ping. A session elsewhere is well."""
    server, other = start(Fastify), start(NodeWs)
    pings: Table = {"ping_interval": 2.3, "ping_timeout": 1.7, "close_timeout": 0.7}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            talks=ws(server.port, "/ws", do=says(0.9, 6), **pings),
            reads=ws(server.port, "/ws", **pings),
            other=ws(other.port, **pings),
        )
        await seen(watch, "frame", "reads", opcode=10, dir="in")
        with frozen(server.pid):
            await over(watch, "talks", "reads")
            await leave(watch, "other", status=1)
    for name in ("talks", "reads"):
        assert watch.the("close", name)["initiator"] == "local"
    recorder.keep("liveness-fastify-stands-still", watch)


async def test_a_scheduler_is_busy_under_a_stream(start: Starter, recorder: Recorder) -> None:
    """Spring over XHR streaming behind nginx: its beats stop, what is posted is taken and what is sent comes."""
    spring = start(Spring, heart_beat="1300,1300", sockjs_heart_beat=25000)
    proxy = start(Nginx, spring.port, 40, rules="proxy_buffering off;")
    base = {"url": f"stomp+http://{LOOPBACK}:{proxy.port}/sockjs", "sockjs_transport": "xhr-streaming"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, beats=base | {"heart_beat": "1300,1300", "subscribe": ["/topic/orders"]})
        await beaten(watch, 2, "beats")
        await ask(watch, "stomp-send /app/block/12000 report", "beats")
        await silence(watch, "beats")
        await ask(watch, "stomp-send /topic/other one", "beats")
        await watch.until(lambda line: line["type"] == "http" and line.get("status") == 204, count=4)
        await leave(watch)
    recorder.keep("liveness-nginx-stream-scheduler-busy", watch)


async def test_a_page_that_answers_no_pings(start: Starter, recorder: Recorder) -> None:
    """sockjs-node asks every 2.3 s over WebSocket, behind HAProxy; a poller on the same server is well."""
    server = start(SockJsNode, heartbeat_delay=2300)
    proxy = start(HaProxy, server.port, tunnel=40)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            mute=sockjs(proxy.port, "websocket", do=["0.9 send hello", "2.6 hold-pongs"]),
            polls=sockjs(proxy.port, "xhr-polling"),
        )
        await looked(watch, "mute")
        assert not watch.of("close", "polls")
        assert await watch.finish() == 1
    assert watch.the("close", "mute")["initiator"] == "remote"
    recorder.keep("liveness-haproxy-sockjs-no-pongs", watch)


async def test_a_tab_slept(start: Starter, recorder: Recorder) -> None:
    """sockjs-tornado behind nginx forgets a poller after 2.2 s without a poll; a WebSocket on it is well."""
    server = start(SockJsTornado, disconnect_delay=2.2, heartbeat_delay=1.7)
    proxy = start(Nginx, server.port, 40)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            tab=sockjs(proxy.port, "xhr-polling", do=["0.6 send hello"]),
            page=sockjs(proxy.port, "websocket", do=says(1.3, 8)),
        )
        await seen(watch, "sockjs", "tab", dir="in", kind="a")
        await ask(watch, "pause-polling 6.3", "tab")
        await looked(watch, "tab")
        assert not watch.of("close", "page")
        assert await watch.finish() == 1
    recorder.keep("liveness-nginx-tornado-tab-slept", watch)


@pytest.fixture
def hasty(broker: RabbitMq) -> Iterator[RabbitMq]:
    """The broker, which wants a login within 3.3 seconds; 10 otherwise."""
    broker.ctl("eval", "application:set_env(rabbitmq_stomp, login_timeout, 3300).")
    yield broker
    broker.ctl("eval", "application:unset_env(rabbitmq_stomp, login_timeout).")


async def test_a_library_that_never_logs_in(hasty: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """RabbitMQ behind ssh, STOMP over TCP, one session alone: no CONNECT within 3.3 s."""
    tunnel = start(SshTunnel, hasty.stomp_port)
    script = stomp(tunnel.port, "2000,2000", no_stomp_connect=True)
    async with probing("--stdin", **POSTMORTEM) as watch:
        assert (await open_session(watch, name="script", **script))["ok"]
        await looked(watch, "script")
        assert await watch.finish() == 1
    assert watch.the("close")["initiator"] == "remote"
    recorder.keep("liveness-ssh-stomp-never-logs-in", watch)


async def test_the_queue_of_a_topic_is_deleted(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """STOMP over TCP, alone: an operator tidies up and deletes the queue under a topic subscription."""

    def queues() -> set[str]:
        """Those that subscriptions have."""
        return {word for word in broker.ctl("list_queues", "name").split() if word.startswith("stomp-subscription-")}

    before = queues()
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, board=stomp(broker.stomp_port, "1900,1900"))
        await ask(watch, r"stomp-frame SUBSCRIBE\nid:b\ndestination:/topic/live.b\nreceipt:in\n\n\0", "board")
        await seen(watch, "stomp", "board", command="RECEIPT")
        await ask(watch, "stomp-send /topic/live.b one", "board")
        await seen(watch, "stomp", "board", command="MESSAGE")
        (queue,) = queues() - before
        await asyncio.to_thread(broker.ctl, "delete_queue", queue)
        await seen(watch, "stomp", "board", command="ERROR")
        await beaten(watch, 2, "board")
        await watch.finish()
    assert watch.the("close")["error"] == "Server cancelled subscription"
    recorder.keep("liveness-rabbitmq-topic-queue-deleted", watch)


async def test_a_user_resets_one_page(start: Starter, recorder: Recorder) -> None:
    """sockjs-node behind HAProxy: the one that talks is reset here in the middle of it, the other one stays."""
    server = start(SockJsNode, heartbeat_delay=3100)
    proxy = start(HaProxy, server.port, tunnel=40)
    watch = await staged(
        {
            "stays": sockjs(proxy.port, "websocket", do=says(1.7, 9)),
            "talks": sockjs(proxy.port, "websocket", do=[*says(0.8, 3), "3.3 reset"]),
        },
        "talks",
        status=0,
    )
    assert watch.the("close", "talks")["initiator"] == "local"
    recorder.keep("liveness-haproxy-sockjs-reset-here", watch)


async def test_a_firewall_resets_a_page(start: Starter, recorder: Recorder) -> None:
    """Spring over SockJS: a firewall remembers for 5 s and resets what it forgot; a desk that talks is well."""
    with routed() as hosts:
        with hosts.server.inside():
            spring = start(Spring, heart_beat="", sockjs_heart_beat=25000)
        open_doors(hosts.server, spring.port)
        hosts.router.wall("ct state invalid reject with tcp reset", name="strict")
        hosts.router.set(
            net__netfilter__nf_conntrack_tcp_timeout_established=5, net__netfilter__nf_conntrack_tcp_loose=0
        )
        base = {"url": f"stomp+http://{SERVER}:{spring.port}/sockjs", "sockjs_transport": "websocket"}
        base |= {"heart_beat": "0,0"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                page=base | {"do": ["0.8 stomp-send /topic/a one", "8.4 stomp-send /topic/a two"]},
                desk=base | {"do": says(1.8, 14, "stomp-send /topic/a three")},
            )
            await over(watch, "page")
            await leave(watch, "desk", status=1)
    assert watch.the("close", "page")["transport"]["how"] == "reset"
    recorder.keep("liveness-firewall-resets-page", watch)


async def test_a_poller_signs_off(start: Starter, recorder: Recorder) -> None:
    """Spring over polling behind nginx: DISCONNECT and its RECEIPT; a colleague over WebSocket stays."""
    spring = start(Spring, heart_beat="3300,3300")
    proxy = start(Nginx, spring.port, 40)
    base = {"url": f"stomp+http://{LOOPBACK}:{proxy.port}/sockjs", "heart_beat": "3300,3300"}
    watch = await staged(
        {
            "stays": base | {"sockjs_transport": "websocket", "subscribe": ["/topic/orders"]},
            "leaves": base
            | {
                "sockjs_transport": "xhr-polling",
                "do": [*says(0.9, 2.8, "stomp-send /topic/orders one"), "3.6 disconnect"],
            },
        },
        "leaves",
        status=0,
    )
    assert watch.the("close", "leaves")["asked"] is True
    recorder.keep("liveness-nginx-poller-signs-off", watch)


async def test_a_game_is_over(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Behind stunnel, a lone player: the last move is answered, and then 4620 with its reason."""

    async def game(_: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send(f"moved {message!s}")
        if message == "mate":
            await asyncio.sleep(1.4)
            await client.close(4620, "game over")

    async with house(game, ping_interval=2.6) as app:
        front = start(Stunnel, app.port, certificate)
        table = {"url": f"wss://localhost:{front.port}/?user=anna", "cacert": str(certificate.ca)}
        watch = await staged({"A": table | {"do": [*says(0.8, 3, "send e4"), "3.1 send mate"]}}, "A", stage="http")
    assert_said(watch.the("close"), 4620, "game over")
    recorder.keep("liveness-stunnel-game-over-4620", watch)


async def test_a_stream_is_read_late(start: Starter, recorder: Recorder) -> None:
    """Spring over XHR streaming: too much waits for a page that stands still for 3.9 s. Its colleague is well.

    The hosts' kernels keep little.
    """
    with routed() as hosts:
        for host in (hosts.client, hosts.server):
            host.set(net__ipv4__tcp_rmem="4096 16384 16384", net__ipv4__tcp_wmem="4096 16384 16384")
        with hosts.server.inside():
            spring = start(
                Spring,
                heart_beat="",
                kernel_buffer=8192,
                send_time_limit=60000,
                send_buffer_limit=60000,
                sockjs_stream_bytes=1 << 24,
            )
        open_doors(hosts.server, spring.port)
        base = {"url": f"stomp+http://{SERVER}:{spring.port}/sockjs", "heart_beat": "0,0"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                slow=base | {"sockjs_transport": "xhr-streaming", "subscribe": ["/topic/prices"]},
                well=base | {"sockjs_transport": "websocket"},
            )
            await ask(watch, "stomp-send /app/prices/1/20 x", "well")
            await seen(watch, "stomp", "slow", command="MESSAGE")
            await ask(watch, "freeze 3.9", "slow")
            for _ in range(8):
                await ask(watch, "stomp-send /app/prices/4/9000 x", "well")
                await asyncio.sleep(0.3)  # the fault takes its time
            await over(watch, "slow")
            await leave(watch, "well", status=1)
    assert watch.the("close", "slow")["initiator"] == "remote"
    recorder.keep("liveness-spring-stream-read-late", watch)
