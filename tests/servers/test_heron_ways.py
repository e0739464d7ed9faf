"""Ways to a server that end, and what a server hears from behind itself; and sessions that are well."""

import asyncio
import signal

import pytest

from tests.probing import ask, probing, seen
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, assert_cut, opened, says, sockjs, staged, stomp, ws, wss
from tests.servers.envoy import Envoy
from tests.servers.frameworks import Tornado
from tests.servers.goapps import Melody
from tests.servers.haproxy import HaProxy
from tests.servers.homely import deliver, stomping
from tests.servers.house import house
from tests.servers.joined import ANNA, beaten
from tests.servers.jvm import Artemis, Vertx
from tests.servers.lesser import Lighttpd
from tests.servers.lines import echoed, leave
from tests.servers.mosquitto import PING, connect
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeStomp, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.socat import Socat
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.things import minding
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def a_terminal_is_closed(start: Starter, recorder: Recorder) -> None:
    """The terminal with ``ssh -L`` is closed under a till's STOMP and a SockJS page of Vert.x; one goes directly."""
    app = start(Vertx)
    tunnel = start(SshTunnel, app.port)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "till", 2)
        await asyncio.to_thread(tunnel.kill_client, signal.SIGHUP)

    tables: dict[str, Table] = {
        "direct": {"url": app.stomp_url, "heart_beat": "1000,1000"},
        "till": {"url": f"stomp+ws://{LOOPBACK}:{tunnel.port}/stomp", "heart_beat": "1000,1000"},
        "page": sockjs(tunnel.port, "websocket", do=says(0.9, 6)),
    }
    watch = await staged(tables, "till", "page", strike=strike, ok=False)
    assert_cut(watch, "till", "page")
    recorder.keep("heron-ssh-l-closed-two-protocols", watch)


async def the_far_half_is_killed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """sshd's half of a tunnel is killed on the far host, and a supervisor makes it again; TLS goes through it."""
    app = start(NodeEndings, cert=str(certificate.chain), key=str(certificate.key))
    tunnel = start(SshTunnel, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "desk", dir="in", opcode=1, count=3)
        tunnel.signal_far_half(signal.SIGKILL)
        for name in ("desk", "board"):
            await seen(watch, "close", name)
        await asyncio.sleep(1.5)
        await asyncio.to_thread(tunnel.kill_client)  # it has ended
        await asyncio.to_thread(tunnel.begin_client)
        for name in ("desk", "board"):
            await seen(watch, "open", name, count=2)
        await asyncio.sleep(1.0)

    tables = {
        "direct": wss(app.port, certificate, do=says(1.2, 12)),
        "desk": wss(tunnel.port, certificate, do=says(0.7, 3), reconnect=True),
        "board": wss(tunnel.port, certificate, reconnect=True),
    }
    watch = await staged(tables, "desk", "board", strike=strike)
    recorder.keep("heron-ssh-wss-far-half-killed-and-made-again", watch)


async def the_way_to_the_broker_is_killed(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """socat between Spring's relay and Artemis is killed: a page by lighttpd is told and comes back in vain, a board
    too. Who is at Artemis itself is well."""
    way = start(Socat, artemis.port)
    spring = start(Spring, relay=way.port, relay_system="anna:crew", relay_client="anna:crew", inbound_threads=1)
    lighttpd = start(Lighttpd, spring.port)
    base: Table = {"heart_beat": "3000,3000"}
    tables = {
        "past": stomp(artemis.port, "3000,3000", ANNA, do=says(1.3, 9, "stomp-send heron.x 1")),
        "page": base | {"url": f"stomp+ws://{LOOPBACK}:{lighttpd.port}/ws", "reconnect": True},
        "board": base | {"url": spring.sockjs_url, "sockjs_transport": "xhr-streaming"},
    }

    async def strike(watch: Watch) -> None:
        await ask(watch, "stomp-send /queue/heron.orders 1", "page")
        await asyncio.sleep(1.6)
        await asyncio.to_thread(way.end)
        await seen(watch, "close", "page", count=2)

    watch = await staged(tables, "page", "board", strike=strike)
    recorder.keep("heron-lighttpd-relay-way-to-artemis-killed", watch)


async def the_broker_of_a_relay_is_killed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Spring relays to Vert.x's STOMP, which is killed under one who polls by stunnel; another server is well."""
    broker, other = start(Vertx), start(NodeWs)
    port = int(broker.stomp_url.rpartition(":")[2])
    spring = start(Spring, relay=port, inbound_threads=1)
    stunnel = start(Stunnel, spring.port, certificate)
    poller: Table = {"url": f"stomp+https://localhost:{stunnel.port}/sockjs", "sockjs_transport": "xhr-polling"}
    poller |= {"cacert": str(certificate.ca), "heart_beat": "0,0", "do": ["0.7 stomp-send /queue/heron.a 1"]}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "poller", command="SEND", dir="out")
        await asyncio.sleep(1.4)
        await asyncio.to_thread(broker.end)

    watch = await staged({"elsewhere": ws(other.port, do=says(1.1, 6)), "poller": poller}, "poller", strike=strike)
    recorder.keep("heron-stunnel-relay-vertx-killed-under-poller", watch)


async def a_phone_in_a_lift(start: Starter, recorder: Recorder) -> None:
    """A phone reads nothing for 4 s while melody has much for it, is given up, and comes back; a desk stays."""
    app = start(Melody, Kernel=4096, Buffer=6, WriteWait=1.2)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            desk=ws(app.port, "/ws", no_compression=True, do=says(0.9, 2)),
            phone=ws(app.port, "/ws", no_compression=True, do=says(0.8, 2), reconnect=True),
        )
        await echoed(watch, 2, "phone")
        await ask(watch, "freeze 4", "phone")
        await ask(watch, "send flood 60 70000", "desk")
        await seen(watch, "open", "phone", count=2)
        await asyncio.sleep(1.0)
        await leave(watch, "desk", status=1)
    assert watch.of("close", "phone")[0]["initiator"] == "remote"
    recorder.keep("heron-melody-phone-in-a-lift", watch)


async def a_router_resets_a_till(recorder: Recorder) -> None:
    """A router answers a till's beats by RST for a moment, and lets it in again; a chat with the same host is well."""
    with routed() as hosts:
        hosts.start_python()
        hosts.start_stomp(beat_every=1400, wants=1400)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                chat={"url": f"ws://{SERVER}:8081/", "do": says(1.2, 12)},
                till={"url": f"stomp+ws://{SERVER}:8082/", "heart_beat": "1400,1400", "reconnect": True},
            )
            await beaten(watch, "till", 2)
            hosts.router.wall("tcp dport 8082 reject with tcp reset", name="moment")
            await seen(watch, "close", "till")
            hosts.router.no_wall("moment")
            await seen(watch, "stomp", "till", command="CONNECTED", count=2)
            await beaten(watch, "till", 1)
            await leave(watch, "chat")
    assert watch.of("close", "till")[0]["transport"]["how"] == "reset"
    recorder.keep("heron-router-resets-a-till-once", watch)


async def a_long_silence(start: Starter, recorder: Recorder) -> None:
    """Nine seconds without a word, a broker without beats, and a word at the end; nginx elsewhere is restarted."""
    app, broker = start(NodeWs), start(Vertx)
    nginx, other = start(Nginx, app.port), start(Nginx, app.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            silent=ws(nginx.port, do=["9.2 send still here"]),
            till={"url": broker.stomp_url, "heart_beat": "0,0", "do": ["9.0 stomp-send /topic/a 1"]},
            talks=ws(app.port, do=says(2.3, 9)),
        )
        await asyncio.to_thread(other.end, signal.SIGTERM)
        await asyncio.to_thread(other.begin)
        await seen(watch, "frame", "silent", dir="in", text="still here")
        await leave(watch, "silent", "till", "talks", status=0)
    recorder.keep("heron-well-nginx-restarted-elsewhere-and-long-silence", watch)


async def a_nap(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """Three clients read and say nothing for 2.4 s, one of them twice; their servers forgive it."""
    tornado = start(Tornado, websocket_ping_interval=4.0, websocket_ping_timeout=4.0)
    page = start(SockJsNode, heartbeat_delay=2500)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            chat=ws(tornado.port, do=["0.8 send a", "1.2 freeze 2.4", "4.3 freeze 1.6", "6.5 send b"]),
            till=stomp(artemis.port, "6000,6000", ANNA, do=["1.1 freeze 2.4", "5.0 stomp-send heron.nap 1"]),
            page=sockjs(page.port, "xhr-streaming", do=["1.0 freeze 2.4", "4.0 send hello"]),
        )
        await seen(watch, "frame", "chat", dir="in", text="b")
        await leave(watch, "chat", "till", "page", status=0)
    recorder.keep("heron-well-laptop-nap-three-ways", watch)


async def small_quarrels(start: Starter, recorder: Recorder) -> None:
    """MQTT keeps alive, a stream of SockJS and news over STOMP tell of others' ends and codes; all three are well."""

    async def news(_: str, client: object, message: str | bytes) -> None:
        if str(message).startswith("SUBSCRIBE"):
            for n, text in enumerate(("server restart planned 1012", "ERROR: broker not available", "goodbye")):
                await asyncio.sleep(0.9)
                await deliver(client, "/topic/ops", text, n)  # type: ignore[arg-type]

    page = start(SockJsNode, heartbeat_delay=1700)
    pings = [f"0.3 send-binary {connect('tank', 3)}", *says(2.2, 7, f"send-binary {PING}")]
    async with (
        house(stomping(news, "ops/1"), subprotocols=["v12.stomp"]) as ops,
        house(minding(), subprotocols=["mqtt"], ping_interval=None) as app,
    ):
        haproxy = start(HaProxy, app.port)
        url = f"stomp+ws://{LOOPBACK}:{ops.port}/?user=a"
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(
                watch,
                tank=ws(haproxy.port, "/mqtt?user=tank", do=pings, subprotocol=["mqtt"]),
                page=sockjs(page.port, "xhr-streaming", do=['1.0 send c[3000,"Go away!"]', "2.2 send 1011 again"]),
                ops={"url": url, "heart_beat": "0,0", "subscribe": ["/topic/ops"]},
            )
            await seen(watch, "frame", "tank", dir="in", count=4)
            await seen(watch, "stomp", "ops", command="MESSAGE", count=3)
            await leave(watch, "tank", "page", "ops", status=0)
    recorder.keep("heron-well-small-quarrels-of-mqtt-and-sockjs", watch)


async def late_beats(start: Starter, recorder: Recorder) -> None:
    """Envoy takes a new configuration under a till whose beats come late by half; a page leaves its server a word."""
    broker = start(NodeStomp, beatEvery=1300, beats=1000)
    app = start(NodeWs, pingEvery=1500)
    envoy = start(Envoy, broker.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        late = ["1.0 throttle-beats 1950"]
        await opened(
            watch,
            till={"url": f"stomp+ws://{LOOPBACK}:{envoy.port}/", "heart_beat": "1300,1300", "do": late},
            page=ws(app.port, do=["1.2 send order", "5.5 send thanks"]),
        )
        await beaten(watch, "till", 2)
        await asyncio.to_thread(envoy.change)
        await beaten(watch, "till", 2)
        await seen(watch, "frame", "page", dir="in", text="thanks")
        await leave(watch, "till", "page", status=0)
    recorder.keep("heron-well-reload-of-envoy-and-late-beats", watch)


async def test_ways(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Four ways at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            a_terminal_is_closed(start, recorder),
            the_far_half_is_killed(certificate, start, recorder),
            a_phone_in_a_lift(start, recorder),
            a_router_resets_a_till(recorder),
        )
    )


async def test_relays(artemis: Artemis, start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Two relays at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            the_way_to_the_broker_is_killed(artemis, start, recorder),
            the_broker_of_a_relay_is_killed(certificate, start, recorder),
        )
    )


async def test_well(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """Four at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            a_long_silence(start, recorder),
            a_nap(artemis, start, recorder),
            small_quarrels(start, recorder),
            late_beats(start, recorder),
        )
    )
