"""Nothing is wrong with anybody here, though it looks odd: slow answers, late and lost packets, silence, refusals."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request

from tests.probing import ask, open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import TCP, Table, answer, opened, says, sockjs, stomp, stomps, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW, GUEST, beaten
from tests.servers.lines import behind_nginx, echoed, leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import Fastify
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDERS = "stomp-send /topic/orders one more"


async def test_one_thread_for_everybody(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Spring has one thread for what clients say, and somebody's word occupies it for seconds; nobody is dropped."""
    shop = start(Spring, heart_beat="4000,4000", inbound_threads=1)
    haproxy = start(HaProxy, shop.port, certificate=certificate)
    table: Table = {"url": f"stomp+https://localhost:{haproxy.port}/sockjs", "cacert": str(certificate.ca)}
    table |= {"heart_beat": "4000,4000", "subscribe": ["/topic/orders"]}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            boss=table | {"sockjs_transport": "websocket", "do": ["1.1 stomp-send /app/sleep/3400 please"]},
            page=table | {"sockjs_transport": "xhr-streaming", "do": says(1.9, 5, ORDERS)},
        )
        await seen(watch, "stomp", "page", command="MESSAGE", count=2)
        await leave(watch, "boss", "page", status=0)
    recorder.keep("words-haproxy-spring-busy-thread-and-well", watch)


async def test_packets_take_their_time(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """A mobile network: most of a second for some packets. A home-made STOMP server, and nginx under our pings."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_python()
        hosts.start_stomp(beat_every=1400, wants=1400)
        _, url = behind_nginx(hosts, start, certificate, 8081)
        hosts.weather(delay=0.09, jitter=0.55)
        trust: Table = {"cacert": str(certificate.ca), "servername": "localhost"}
        chat = trust | {"url": url, "do": says(1.3, 7), "ping_interval": 1.5, "ping_timeout": 5}
        board = {"url": f"stomp+ws://{SERVER}:8082/", "heart_beat": "1400,1400"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, chat=chat, board=board)
            await seen(watch, "frame", "chat", dir="in", opcode=1, count=4)
            await beaten(watch, "board", 3)
            await leave(watch, "chat", "board", status=0)
    recorder.keep("words-mobile-jitter-and-well", watch)


async def test_large_ones(broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Drawings of some ten kilobytes: by ssh to uvicorn, STOMP over TLS, a stream of SockJS behind Caddy."""
    app = start(Uvicorn, ws_max_size=4_000_000)
    tunnel = start(SshTunnel, app.port)
    server = start(SockJsNode, heartbeat_delay=3100)
    caddy = start(Caddy, server.port)
    drawings = stomps(0, "3300,3300", certificate, GUEST, url=broker.tls_url, subscribe=["/queue/drawings"])
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            plans=ws(tunnel.port, "/plans", do=["0.9 send-repeat wall 15000", "3.2 send one more"]),
            drawings=drawings | {"do": [f"1.6 stomp-send /queue/drawings {'x' * 40_000}"]},
            tiles=sockjs(caddy.port, "xhr-streaming", do=["1.2 send-repeat tile 8000", "2.7 send one more"]),
        )
        await seen(watch, "frame", "plans", dir="in", opcode=1, count=2)
        await seen(watch, "stomp", "drawings", command="MESSAGE")
        await seen(watch, "sockjs", "tiles", dir="in", kind="a", count=2)
        await leave(watch, "plans", "drawings", "tiles", status=0)
    recorder.keep("words-large-drawings-and-well", watch)


async def test_nothing_to_say(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """ActiveMQ without beats behind HAProxy, an alarm behind nginx, a stream with a rare heartbeat: a long silence."""
    haproxy = start(HaProxy, activemq.port, options=TCP, client=40)
    app = start(NodeWs)
    nginx = start(Nginx, app.port, 40)
    server = start(SockJsNode, heartbeat_delay=6300)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            stock=stomp(haproxy.port, "0,0", CREW, subscribe=["/queue/lobby.rare"]),
            alarm=ws(nginx.port, "/alarm", do=["0.4 send test"]),
            feed=sockjs(server.port, "xhr-streaming"),
        )
        await asyncio.sleep(12.4)  # the silence is what is staged
        await ask(watch, "stomp-send /queue/lobby.rare one", "stock")
        await ask(watch, "send test again", "alarm")
        await seen(watch, "stomp", "stock", command="MESSAGE")
        await seen(watch, "frame", "alarm", dir="in", opcode=1, count=2)
        await leave(watch, "stock", "alarm", "feed", status=0)
    recorder.keep("words-long-silence-and-well", watch)


async def test_a_packet_here_and_there(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Some are lost, some overtake others, some come twice: TCP mends it all."""
    with routed() as hosts:
        hosts.be_patient(15)
        hosts.start_node()
        hosts.start_python(ping_interval=1.7, ping_timeout=6)
        hosts.weather(delay=0.03, lose=0.06, swap=0.2, double=0.1)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                busy={
                    "url": f"ws://{SERVER}:8080/",
                    "do": says(0.7, 7, "send-repeat tick 900"),
                    "no_compression": True,
                },
                calm={"url": f"ws://{OTHER}:8081/", "do": says(2.9, 7)},
            )
            await echoed(watch, 8, "busy")
            await echoed(watch, 1, "calm")
            await leave(watch, "busy", "calm", status=0)
    recorder.keep("words-some-loss-and-well", watch)


async def test_somebody_is_sent_away_next_door(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A third program is throttled by Fastify; RabbitMQ's client and Fastify's other one do not notice."""
    app = start(Fastify)
    async with probing("--stdin", **POSTMORTEM) as watch:
        chat = ws(app.port, "/ws", do=says(0.95, 5))
        await opened(watch, chat=chat, queue=web_stomp(broker.port, "1450,1450"))
        await seen(watch, "frame", "chat", dir="in", opcode=1)
        await open_session(watch, name="crawler", url=app.at("/throttled"))
        await looked(watch, "crawler")
        await echoed(watch, 2, "chat")
        await beaten(watch, "queue", 1)
        await leave(watch, "chat", "queue", status=3)
    assert answer(watch, "crawler") == 429
    recorder.keep("words-throttled-next-door-and-well", watch)


async def test_they_connect_anew(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A subscriber over HAProxy and one who polls are told to by their users; both are let in again at once."""
    haproxy = start(HaProxy, broker.stomp_port, options=TCP)
    server = start(SockJsNode, heartbeat_delay=2600)
    board = stomp(haproxy.port, "1850,1850", GUEST, subscribe=["/topic/board"])
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, board=board, poll=sockjs(server.port, "xhr-polling", do=says(1.2, 3)))
        for life, name in ((2, "board"), (2, "poll")):
            await beaten(watch, "board", 1)
            await ask(watch, "reconnect", name)
            kind = {"command": "CONNECTED"} if name == "board" else {"kind": "o"}
            await seen(watch, "stomp" if name == "board" else "sockjs", name, count=life, **kind)
        await ask(watch, "stomp-send /topic/board hello", "board")
        await seen(watch, "stomp", "board", command="MESSAGE")
        await ask(watch, "send hello", "poll")
        await seen(watch, "sockjs", "poll", dir="in", kind="a")
        assert await watch.finish() == 0
    recorder.keep("words-both-connect-anew-and-well", watch)


async def late(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application whose database is slow."""
    await asyncio.sleep(2.6)
    await client.send(message)


async def slowly(_: ServerConnection, request: Request) -> None:
    """It asks somebody else about whoever comes."""
    await asyncio.sleep(2.3 if "slow" in request.path else 0.4)


async def test_answers_that_are_late(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The 101 and each echo come after seconds; over TLS by stunnel, pinged by both ends."""
    async with house(late, process_request=slowly, ping_interval=2.9) as app:
        stunnel = start(Stunnel, app.port, certificate)
        table = wss(stunnel.port, certificate, ping_interval=1.9)
        there = f"wss://localhost:{stunnel.port}"
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(
                watch,
                slow=table | {"url": f"{there}/?user=slow", "do": ["0.8 send report", "4.1 send report"]},
                quick=table | {"url": f"{there}/?user=quick", "do": ["1.3 send report"]},
            )
            await seen(watch, "frame", "slow", dir="in", opcode=1, count=2)
            await leave(watch, "slow", "quick", status=0)
    recorder.keep("words-late-answers-and-well", watch)
