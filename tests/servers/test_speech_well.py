"""Nothing is wrong with anybody here: a reload, a nap, a gap in the way, words of trouble, a narrow line."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, probing, seen
from tests.servers.between import Edited, Table, opened, says, sockjs, stomp, web_stomp
from tests.servers.haproxy import HaProxy
from tests.servers.lines import beaten, echoed, leave
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDERS = "stomp-send /topic/orders one more"


async def test_nginx_takes_a_new_configuration(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Its old worker keeps whom it has for a minute; a third client comes to the new one."""
    nginx = start(Edited, broker.port, rules="location = /motd { return 200 one; }")
    board = web_stomp(nginx.port, "1600,1600", subscribe=["/topic/orders"])
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, board=board, till=web_stomp(nginx.port, "1900,1900", do=says(0.9, 6, ORDERS)))
        await seen(watch, "stomp", "board", command="MESSAGE")
        await asyncio.to_thread(nginx.edit, ("return 200 one", "return 200 two"))
        await opened(watch, late=board)
        await seen(watch, "stomp", "late", command="MESSAGE", count=2)
        await beaten(watch, 1, "board", "till")
        await leave(watch, "board", "till", "late", status=0)
    recorder.keep("speech-nginx-reload-and-well", watch)


async def test_spring_stands_still_for_a_moment(start: Starter, recorder: Recorder) -> None:
    """A long collection of garbage, 2.9 s: a stream and a WebSocket wait, and what they said is answered at last."""
    shop = start(Spring, heart_beat="5000,5000", sockjs_heart_beat=2200, inbound_threads=1)
    table: Table = {"heart_beat": "5000,5000", "subscribe": ["/topic/orders"]}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            page=table | {"url": shop.sockjs_url, "sockjs_transport": "xhr-streaming", "do": says(1.2, 7, ORDERS)},
            desk=table | {"url": shop.ws_url, "ping_interval": 1.4, "ping_timeout": 6},
        )
        await seen(watch, "stomp", "desk", command="MESSAGE", count=2)
        os.kill(shop.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(2.9)  # the nap is what is staged
        finally:
            os.kill(shop.pid, signal.SIGCONT)
        for session in ("page", "desk"):
            await seen(watch, "stomp", session, command="MESSAGE", count=4)
        await leave(watch, "page", "desk", status=0)
    recorder.keep("speech-spring-nap-and-well", watch)


async def test_a_gap_in_the_way(recorder: Recorder) -> None:
    """A train goes through a tunnel for 2.3 s; what was said meanwhile is sent again, and nobody has to come back."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_node()
        hosts.start_python(ping_interval=2.6, ping_timeout=8)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            chat: Table = {"url": f"ws://{SERVER}:8080/", "do": says(0.8, 9), "ping_interval": 1.9, "ping_timeout": 7}
            await opened(watch, chat=chat, calm={"url": f"ws://{OTHER}:8081/", "do": ["0.5 send hello"]})
            await echoed(watch, 2, "chat")
            hosts.router.wall("drop")
            await asyncio.sleep(2.3)  # the gap is what is staged
            hosts.router.no_wall()
            await echoed(watch, 5, "chat")
            await ask(watch, "send there again", "calm")
            await echoed(watch, 1, "calm")
            await leave(watch, "chat", "calm", status=0)
    recorder.keep("speech-tunnel-of-a-train-and-well", watch)


async def test_words_of_trouble(broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A channel of alarms: what its messages tell has happened to others. Behind HAProxy, direct, and by polls."""
    app = start(NodeWs)
    haproxy = start(HaProxy, app.port, certificate=certificate)
    server = start(SockJsNode, heartbeat_delay=2700)
    alarms: Table = {"url": f"wss://localhost:{haproxy.port}/alarms", "cacert": str(certificate.ca)}
    alarms |= {"do": ['0.9 send {"error":{"code":1008,"message":"unauthorized"}}', "2.2 send server is going away"]}
    error = "ERROR: connection refused, heart-beat missed"
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            alarms=alarms,
            audit=stomp(broker.stomp_port, "1500,1500", subscribe=["/topic/audit"])
            | {"do": [f"1.1 stomp-send /topic/audit {error}", "2.4 stomp-send /topic/audit 401 access refused"]},
            poll=sockjs(server.port, "xhr-polling", do=['1.4 send c[3000,"Go away!"]', "2.6 send 503"]),
        )
        await seen(watch, "frame", "alarms", dir="in", opcode=1, count=2)
        await seen(watch, "stomp", "audit", command="MESSAGE", count=2)
        await seen(watch, "sockjs", "poll", dir="in", kind="a", count=2)
        await beaten(watch, 1, "audit")
        await leave(watch, "alarms", "audit", "poll", status=0)
    recorder.keep("speech-words-of-trouble-and-well", watch)


async def test_a_backup_on_a_narrow_line(recorder: Recorder) -> None:
    """Everything comes over one slow line: ninety kilobytes for one; pings of the other stand behind."""
    with routed() as hosts:
        hosts.be_patient(10)
        hosts.start_node()
        hosts.start_python(ping_interval=1.7, ping_timeout=9)
        rate = ("rate", "240kbit", "burst", "4000", "limit", "300000")
        hosts.router.run("tc", "qdisc", "add", "dev", "lan", "root", "tbf", *rate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            plain: Table = {"no_compression": True}
            await opened(
                watch,
                list=plain | {"url": f"ws://{SERVER}:8080/", "do": ["0.9 send flood 9 10000"]},
                chat=plain | {"url": f"ws://{SERVER}:8081/", "do": says(1.3, 6), "ping_interval": 1.6},
            )
            await seen(watch, "frame", "list", dir="in", opcode=1, count=9)
            await echoed(watch, 1, "chat")
            await leave(watch, "list", "chat", status=0)
    recorder.keep("speech-narrow-line-and-well", watch)
