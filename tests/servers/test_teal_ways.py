"""What ends several sessions at once, a server's life and a proxy's; and runs where all is well."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, assert_cut, opened, restarted, says, sockjs, staged, stomp, web_stomp, ws
from tests.servers.envoy import Envoy
from tests.servers.golang import Gorilla
from tests.servers.house import house
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis, Jetty
from tests.servers.lesser import Nghttpx
from tests.servers.lines import leave
from tests.servers.node import NodeWs
from tests.servers.node_apps import StompBroker
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_two_are_idle(start: Starter, recorder: Recorder) -> None:
    """Apache waits three seconds: two quiet pages of Jetty are cut, each at its own time, a busy one is not."""
    apache = start(Apache, start(Jetty).port, timeout=3)
    tables = {
        "busy": ws(apache.port, "/live?user=busy", do=says(1.1, 12, "send move")),
        "a": ws(apache.port, "/live?user=a", do=["0.7 send hello"]),
        "b": ws(apache.port, "/live?user=b", do=["0.6 send hello", "2.4 send again"]),
    }
    watch = await staged(tables, "a", "b")
    assert_cut(watch, "a", "b")
    recorder.keep("teal-apache-jetty-two-idle-one-busy", watch)


async def test_a_small_broker_is_killed(start: Starter, broker: RabbitMq, recorder: Recorder) -> None:
    """A small broker of Node's is killed under a writer and a reader; a session at RabbitMQ is well. Direct."""
    small = start(StompBroker, heartbeat=[1500, 1500])
    base: Table = {"url": small.url, "heart_beat": "1500,0"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "a", command="SEND", count=3)
        small.end()

    tables = {
        "other": web_stomp(broker.port, "1700,1700", do=says(1.2, 7, "stomp-send /topic/teal 1")),
        "a": base | {"subscribe": ["/topic/teal"], "do": says(0.8, 5, "stomp-send /topic/teal 2")},
        "b": base | {"subscribe": ["/topic/teal"]},
    }
    watch = await staged(tables, "a", "b", strike=strike, ok=False)
    assert_cut(watch, "a", "b")
    recorder.keep("teal-stomp-broker-js-killed", watch)


async def test_a_server_is_restarted(start: Starter, recorder: Recorder) -> None:
    """sockjs-tornado is stopped and started under a socket and a stream, who come back; one elsewhere is well."""
    server, other = start(SockJsTornado, heartbeat_delay=2), start(NodeWs)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            other=ws(other.port, do=says(1.2, 8)),
            a=sockjs(server.port, "websocket", reconnect=True, do=says(0.8, 3)),
            b=sockjs(server.port, "xhr-streaming", reconnect=True),
        )
        await seen(watch, "frame", "a", dir="in", opcode=1, count=3)
        await asyncio.to_thread(restarted, server)
        for name in ("a", "b"):
            await seen(watch, "sockjs", name, kind="o", count=2)
        await asyncio.sleep(0.8)
        await leave(watch, "other")
    recorder.keep("teal-sockjs-tornado-restarted-under-two", watch)


async def test_a_proxy_is_restarted(start: Starter, recorder: Recorder) -> None:
    """nghttpx is stopped and there again under two sessions; one that goes round it to the same server is well."""
    server = start(Gorilla)
    nghttpx = start(Nghttpx, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            direct=ws(server.port, "/ws", do=says(1.2, 8)),
            a=ws(nghttpx.port, "/ws", reconnect=True, do=says(0.8, 3)),
            b=ws(nghttpx.port, "/ws", reconnect=True),
        )
        await seen(watch, "frame", "a", dir="in", opcode=1, count=3)
        await asyncio.to_thread(restarted, nghttpx)
        for name in ("a", "b"):
            await seen(watch, "open", name, count=2)
        await ask(watch, "send again", "b")
        await seen(watch, "frame", "b", dir="in", opcode=1, text="again")
        await leave(watch, "direct")
    assert_cut(watch, "a", "b")
    recorder.keep("teal-nghttpx-restarted-under-two", watch)


async def test_a_status_page(start: Starter, broker: RabbitMq, recorder: Recorder) -> None:
    """A status page hears of outages of others, kicked users and full disks, in three protocols, and is well."""

    async def status(_: str, client: ServerConnection, __: str | bytes) -> None:
        await client.send('{"type":"incident","error":"session_expired","close":4401,"text":"disk full, going away"}')

    async with house(status) as app, probing("--stdin", **POSTMORTEM) as watch:
        envoy = start(Envoy, app.port)
        await opened(
            watch,
            page=ws(envoy.port, "/?user=page", do=says(1.1, 4, "send poll")),
            feed=stomp(
                broker.stomp_port,
                "1500,1500",
                subscribe=["/topic/teal.status"],
                do=says(1.3, 4, "stomp-send /topic/teal.status ERROR Access refused for user eve, server shutdown"),
            ),
            chat=sockjs(start(SockJsTornado).port, "xhr-polling", do=["1.2 send c[3000,Go away!]", "2.6 send 1006"]),
        )
        await seen(watch, "stomp", "feed", command="MESSAGE", count=3)
        await seen(watch, "frame", "page", dir="in", opcode=1, count=3)
        await leave(watch, "page", "feed", "chat", status=0)
    recorder.keep("teal-none-words-of-a-status-page", watch)


async def test_long_gaps_and_a_large_answer(start: Starter, recorder: Recorder) -> None:
    """A page says little and hears nothing for seconds, another has 60 kB come back, Artemis beats on; all is well."""
    artemis, jetty = start(Artemis), start(Jetty)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            quiet=ws(jetty.port, "/live?user=quiet", do=["0.4 send hi", "6.2 send still there?"]),
            large=ws(
                start(NodeWs).port, no_compression=True, do=["0.9 send-repeat x 60000", "3.1 ping", "4.4 send ok"]
            ),
            till={"url": f"stomp+ws://{LOOPBACK}:{artemis.port}/", "heart_beat": "1800,1800"} | ANNA,
        )
        await seen(watch, "frame", "quiet", dir="in", opcode=1, text="still there?")
        await leave(watch, "quiet", "large", "till", status=0)
    recorder.keep("teal-none-long-gaps-and-a-large-answer", watch)
