"""Sessions that look odd and are well: a slow server, late packets, large messages, silence, troubles next door."""

import asyncio

import pytest

from tests.probing import ask, probing, seen
from tests.servers.between import TCP, Table, answer, opened, refused, says, sockjs, stomp, stomps, web_stomp, ws, wss
from tests.servers.haproxy import HaProxy
from tests.servers.joined import GUEST
from tests.servers.lines import behind_nginx, leave, open_doors
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_reports_that_take_their_time(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """One thread computes a report for one while the other waits for an answer, again and again; nginx is patient."""
    app = start(Uvicorn)
    nginx = start(Nginx, app.port, 4.3, certificate)
    boss = wss(nginx.port, certificate, do=["0.8 send block 2.4", "4.1 send block 1.9"], ping_interval=1.3)
    clerk = wss(nginx.port, certificate, do=says(0.9, 6.4))
    async with probing("--ping-timeout", "6.5", "--stdin", **POSTMORTEM) as watch:
        await opened(watch, boss=boss | {"ping_timeout": 6.5}, clerk=clerk)
        await seen(watch, "frame", "clerk", dir="in", opcode=1, count=7)
        await leave(watch, "boss", "clerk", status=0)
    recorder.keep("knock-nginx-slow-reports-and-well", watch)


async def test_a_radio_link(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Every packet is late, by a little or by most of a second: a stream of SockJS and a WebSocket behind nginx."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_node()
        _, url = behind_nginx(hosts, start, certificate, 8080)
        with hosts.server.inside():
            server = start(SockJsNode, heartbeat_delay=1600)
        open_doors(hosts.server, server.port)
        hosts.weather(delay=0.06, jitter=0.7)
        trust: Table = {"cacert": str(certificate.ca), "servername": "localhost"}
        chat = trust | {"url": url, "do": says(1.1, 7), "no_compression": True}
        feed = {"url": f"http://{SERVER}:{server.port}/echo", "sockjs_transport": "xhr-streaming", "do": says(1.9, 7)}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, chat=chat, feed=feed)
            await seen(watch, "frame", "chat", dir="in", opcode=1, count=6)
            await seen(watch, "sockjs", "feed", dir="in", kind="a", count=3)
            await leave(watch, "chat", "feed", status=0)
    recorder.keep("knock-radio-link-and-well", watch)


async def test_large_messages(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Maps and scans, larger than anybody's buffers: over polling, STOMP behind HAProxy and a compressed WebSocket."""
    maps = start(SockJsNode, heartbeat_delay=2500)
    scans = start(HaProxy, broker.stomp_port, options=TCP)
    logs = start(NodeWs, maxPayload=2_000_000, perMessageDeflate=True)
    sent = ["1.5 send-repeat pixel 13100", "3.6 stomp-send /queue/scans one more"]
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            maps=sockjs(maps.port, "xhr-polling", do=["0.8 send-repeat tile 9000", "3.1 send one more"]),
            scans=stomp(scans.port, "2600,2600", GUEST, subscribe=["/queue/scans"], do=sent),
            logs=ws(logs.port, do=["2.4 send-repeat line 17000", "4.2 send one more"]),
        )
        await seen(watch, "sockjs", "maps", dir="in", kind="a", count=2)
        await seen(watch, "stomp", "scans", command="MESSAGE", count=2)
        await seen(watch, "frame", "logs", dir="in", opcode=1, count=2)
        await leave(watch, "maps", "scans", "logs", status=0)
    recorder.keep("knock-large-messages-and-well", watch)


async def test_nobody_says_a_word(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """STOMP without beats by stunnel, a raw WebSocket behind HAProxy: one word at the beginning, one after long."""
    stunnel = start(Stunnel, broker.stomp_port, certificate)
    app = start(NodeEndings)
    haproxy = start(HaProxy, app.port, client=25, tunnel=25)
    orders = stomps(stunnel.port, "0,0", certificate, GUEST, subscribe=["/queue/rare"])
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, orders=orders, alarm=ws(haproxy.port, "/alarm"))
        for _ in range(2):
            await ask(watch, "stomp-send /queue/rare one", "orders")
            await ask(watch, "send test of the alarm", "alarm")
            await asyncio.sleep(13.7 if _ == 0 else 0.6)  # the silence is what is staged
        await seen(watch, "stomp", "orders", command="MESSAGE", count=2)
        await seen(watch, "frame", "alarm", dir="in", opcode=1, count=2)
        await leave(watch, "orders", "alarm", status=0)
    recorder.keep("knock-long-silence-by-stunnel-and-well", watch)


async def test_refused_next_door(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """RabbitMQ knows nothing at ``/stomp``; what goes to Spring and to RabbitMQ's own path is well."""
    shop = start(Spring, heart_beat="2200,2200")
    page: Table = {"url": shop.sockjs_url, "sockjs_transport": "websocket", "heart_beat": "2200,2200"}
    page |= {"subscribe": ["/topic/orders"], "do": says(0.95, 4, "stomp-send /topic/orders one more")}
    there = f"stomp+ws://{LOOPBACK}:{broker.port}"
    wrong = web_stomp(broker.port, "2200,2200", url=f"{there}/stomp")
    watch = await refused({"wrong": wrong}, after=1.5, before=2.0, page=page, queue=web_stomp(broker.port, "1200,1200"))
    assert answer(watch, "wrong") == 404
    recorder.keep("knock-refused-next-door-and-well", watch)


async def test_a_user_who_connects_anew(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """He does it by hand, twice; the server never minded, nor does the other session."""
    app = start(NodeEndings)
    haproxy = start(HaProxy, app.port, certificate=certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        table = wss(haproxy.port, certificate)
        await opened(watch, restless=table, calm=table | {"do": says(1.2, 6)})
        for life in (1, 2, 3):
            await seen(watch, "open", "restless", count=life)
            for n in range(2):
                await ask(watch, f"send hello {n}", "restless")
                await seen(watch, "frame", "restless", dir="in", opcode=1, count=2 * life - 1 + n)
            if life < 3:
                await seen(watch, "frame", "calm", dir="in", opcode=1, count=life)
                await ask(watch, "reconnect", "restless")
        await seen(watch, "frame", "calm", dir="in", opcode=1, count=4)
        assert await watch.finish() == 0
    recorder.keep("knock-connects-anew-and-well", watch)
