"""More of the night: beats that end, an address of another broker, a planned stop, a way that is cut, a telephone."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import Table, opened, says, sockjs, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.lesser import Nghttpx, Rinetd
from tests.servers.lines import beaten, echoed, leave
from tests.servers.nginx import Certificate
from tests.servers.node import NodeEndings, NodeStomp, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonEndings
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, Gone, ScriptedServer
from tests.servers.scripts import after_connected
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_broker_forgets_to_beat(start: Starter, recorder: Recorder) -> None:
    """It promised a beat every 800 ms over TCP and says none after the third, though it reads on. By rinetd."""

    def beats(connection: Connection) -> None:
        try:
            for _ in range(3):
                if connection.closing.wait(0.75):
                    return
                connection.send(b"\n")
            connection.read_to_end()
        except Gone:
            return

    other = start(NodeStomp, beatEvery=1300, beats=1000)
    with ScriptedServer(after_connected(beats, "800,0")) as app:
        rinetd = start(Rinetd, app.port)
        tables: dict[str, Table] = {
            "other": {"url": other.url, "heart_beat": "1300,1300"},
            "feed": {"url": f"stomp://{LOOPBACK}:{rinetd.port}", "heart_beat": "0,800"},
        }
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, **tables)
            await beaten(watch, 3, "feed")
            await beaten(watch, 4, "other")
            await leave(watch, "other", "feed")
    assert len(watch.of("stomp", "feed", dir="in", command="beat")) == 3
    recorder.keep("tide-rinetd-broker-forgets-to-beat", watch)


async def test_nghttpx_deals_a_stream_out(start: Starter, recorder: Recorder) -> None:
    """What a stream's client says reaches the other of two servers, where nobody knows it; a socket is well."""
    one, two = start(SockJsNode, heartbeat_delay=1600), start(SockJsNode, heartbeat_delay=1600)
    nghttpx = start(Nghttpx, one.port, f"backend={LOOPBACK},{two.port}")

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "socket", kind="a", dir="in", count=2)
        for words in ("send hello", "send is anybody there", "send hello?", "send hello??"):
            if not watch.of("close", "stream"):
                await ask(watch, words, "stream")

    tables = {
        "socket": sockjs(nghttpx.port, "websocket", do=says(0.8, 5)),
        "stream": sockjs(nghttpx.port, "xhr-streaming", open_timeout=6),
    }
    watch = await staged(tables, "stream", strike=strike)
    recorder.keep("tide-nghttpx-streams-not-sticky", watch)


async def test_python_stops_in_order(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """It tells both of its sessions 1001 and has no words for it, behind stunnel; another server's is well."""
    server, other = start(PythonEndings), start(NodeWs)
    stunnel = start(Stunnel, server.port, certificate)

    async def strike(watch: Watch) -> None:
        await echoed(watch, 2, "anna")
        os.kill(server.pid, signal.SIGTERM)

    tables = {
        "other": ws(other.port, do=says(1.1, 7)),
        "anna": wss(stunnel.port, certificate, do=says(0.7, 7)),
        "bert": wss(stunnel.port, certificate, ping_interval=1.0),
    }
    watch = await staged(tables, "anna", "bert", strike=strike)
    assert {watch.the("close", name)["received"]["code"] for name in ("anna", "bert")} == {1001}
    recorder.keep("tide-stunnel-python-stops-1001", watch)


async def test_the_telephone_takes_over(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """One session for a user: Node tells the desk 4009 when the same user's telephone comes; bert stays."""
    server = start(
        NodeEndings, cert=str(certificate.chain), key=str(certificate.key), one=[4009, "signed in on another device"]
    )
    table: Table = {"cacert": str(certificate.ca)}
    url = f"wss://localhost:{server.port}/?user="

    async def strike(watch: Watch) -> None:
        await echoed(watch, 2, "desk", "bert")
        await opened(watch, telephone={"url": f"{url}anna", "do": says(0.8, 4)} | table)
        await echoed(watch, 1, "telephone")

    tables = {
        "bert": {"url": f"{url}bert", "do": says(1.0, 7)} | table,
        "desk": {"url": f"{url}anna", "do": says(0.7, 7)} | table,
    }
    watch = await staged(tables, "desk", strike=strike)
    assert watch.the("close", "desk")["received"]["code"] == 4009
    recorder.keep("tide-node-wss-telephone-takes-over", watch)


async def test_the_way_to_the_broker_is_cut(
    activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Spring relays to ActiveMQ through rinetd, which is ended: a page is told, a session elsewhere is well."""
    rinetd, other = start(Rinetd, activemq.port), start(NodeWs)
    login = "ground:crew"
    spring = await asyncio.to_thread(
        start, Spring, relay=rinetd.port, relay_system=login, relay_client=login, inbound_threads=1
    )
    caddy = start(Caddy, spring.port, tls=f"{certificate.chain} {certificate.key}")
    page: Table = {"url": f"stomp+wss://localhost:{caddy.port}/ws", "cacert": str(certificate.ca)}

    async def strike(watch: Watch) -> None:
        await beaten(watch, 1, "page")
        await asyncio.to_thread(rinetd.end)

    tables = {
        "other": ws(other.port, do=says(1.2, 8)),
        "page": page | {"heart_beat": "1600,1600", "do": says(0.9, 7, "stomp-send /topic/a one")},
    }
    watch = await staged(tables, "page", strike=strike)
    recorder.keep("tide-caddy-spring-way-to-broker-cut", watch)
