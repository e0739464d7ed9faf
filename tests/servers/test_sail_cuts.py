"""Sessions that a program, a proxy or this machine cuts without a word, beside others that it leaves alone."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.apache import Apache
from tests.servers.between import Table, assert_cut, opened, says, sockjs, staged, stomp, ws
from tests.servers.child import children
from tests.servers.forward import Squid
from tests.servers.frameworks import Aiohttp
from tests.servers.frozen import frozen
from tests.servers.house import house
from tests.servers.joined import ANNA, CREW
from tests.servers.jvm import Artemis, Undertow
from tests.servers.lesser import Varnish
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

TURN = "stomp-send /topic/turns on"


async def test_undertow_cuts_a_quiet_one(start: Starter, recorder: Recorder) -> None:
    """A moderator's order has the program cut one who listens; another listener and the moderator stay."""
    app = start(Undertow)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "bert", dir="in", opcode=1, count=3)
        await ask(watch, "send cut anna", "bert")

    tables = {
        "bert": ws(app.port, "/live?user=bert", do=says(1.1, 6)),
        "anna": ws(app.port, "/live?user=anna", do=["0.4 send hello"]),
        "carl": ws(app.port, "/live?user=carl", do=["0.6 send hello"]),
    }
    watch = await staged(tables, "anna", strike=strike)
    assert_cut(watch, "anna")
    recorder.keep("sail-undertow-cuts-a-quiet-one", watch)


async def test_a_program_cuts_both_tabs_of_a_user(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """It aborts both at once when their list is out of date; they come back at once. nginx and TLS; a third stays."""
    async with house() as app:
        nginx = start(Nginx, app.port, certificate=certificate)

        def tab(name: str, **options: object) -> Table:
            return {"url": f"wss://localhost:{nginx.port}/?user={name}", "cacert": str(certificate.ca)} | options

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "tab1", dir="in", opcode=1, count=3)
            for name in ("tab1", "tab2"):
                app.clients[name].transport.abort()
            for name in ("tab1", "tab2"):
                await seen(watch, "open", name, count=2)
            await asyncio.sleep(1.2)

        tables = {
            "other": tab("other", do=says(1.2, 7)),
            "tab1": tab("tab1", do=says(0.7, 2.5), reconnect=True),
            "tab2": tab("tab2", reconnect=True),
        }
        watch = await staged(tables, "tab1", "tab2", strike=strike)
    assert_cut(watch, "tab1", "tab2")
    recorder.keep("sail-nginx-python-aborts-both-tabs", watch)


async def test_squid_is_killed(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """Out of memory: a STOMP session and a chat went by it; who goes directly stays. Nobody starts it again."""
    server = start(NodeWs)
    squid = start(Squid)
    way = {"proxy": f"http://{LOOPBACK}:{squid.port}"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "till", command="beat", dir="in", count=2)
        await asyncio.to_thread(squid.end, signal.SIGKILL)

    tables = {
        "direct": ws(server.port, do=says(1.0, 6)),
        "till": stomp(artemis.port, "1600,1600", ANNA) | way,
        "chat": ws(server.port, do=says(0.9, 6)) | way,
    }
    watch = await staged(tables, "till", "chat", strike=strike, ok=False)
    assert_cut(watch, "till", "chat")
    recorder.keep("sail-squid-killed-under-stomp-and-chat", watch)


async def test_varnish_panics(start: Starter, recorder: Recorder) -> None:
    """Its worker dies by a segmentation fault, its manager starts another; both pages come back. One goes past it."""
    server = start(SockJsNode, heartbeat_delay=1700)
    varnish = start(Varnish, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "page", kind="a", dir="in", count=3)
        (worker,) = children(varnish.pid)
        os.kill(worker, signal.SIGSEGV)
        for name in ("page", "wall"):
            await seen(watch, "close", name)
            await seen(watch, "sockjs", name, kind="o", count=2)
        await asyncio.sleep(1)

    tables = {
        "past": sockjs(server.port, "websocket"),
        "page": sockjs(varnish.port, "websocket", do=says(0.8, 3), reconnect=True),
        "wall": sockjs(varnish.port, "websocket", reconnect=True),
    }
    watch = await staged(tables, "page", "wall", strike=strike)
    recorder.keep("sail-varnish-sockjs-worker-segfault", watch)


async def test_socat_ends_a_quiet_stomp_session(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """``-T`` of a forwarder: one session asked for no beats and has nothing to say; the other beats by the same way."""
    way = start(Socat, artemis.port, idle=4)
    tables = {
        "beats": stomp(way.port, "1500,1500", ANNA),
        "quiet": stomp(way.port, "0,0", ANNA, do=["0.8 " + TURN, "1.6 " + TURN]),
    }
    watch = await staged(tables, "quiet")
    assert_cut(watch, "quiet", how=("fin",))
    recorder.keep("sail-socat-artemis-quiet-for-four-seconds", watch)


async def test_apache_ends_a_quiet_chat_again_and_again(start: Starter, recorder: Recorder) -> None:
    """``ProxyTimeout`` of three seconds: a chat says something when it opens; it comes back each time. One talks."""
    server = start(NodeWs)
    apache = start(Apache, server.port, timeout=3)

    async def strike(watch: Watch) -> None:
        for count in (1, 2, 3):
            await seen(watch, "open", "chat", count=count)
            await asyncio.sleep(0.3 + 0.2 * count)
            await ask(watch, "send hello", "chat")
            await seen(watch, "close", "chat", count=count)
        await seen(watch, "open", "chat", count=4)

    tables = {
        "talks": ws(apache.port, do=says(1.9, 24)),
        "chat": ws(apache.port, reconnect=True),
    }
    watch = await staged(tables, "chat", strike=strike)
    assert_cut(watch, "chat")
    recorder.keep("sail-apache-node-quiet-chat-again", watch)


async def test_a_script_aborts_its_publisher(activemq: ActiveMq, recorder: Recorder) -> None:
    """An operator has this end abort a publisher in the middle of its work; a reader of the same broker stays."""
    tables = {
        "reader": stomp(activemq.port, "2000,2000", CREW, subscribe=["/topic/turns"]),
        "publisher": stomp(activemq.port, "2000,2000", CREW, do=[*says(0.6, 2.6, TURN), "2.9 abort"]),
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await seen(watch, "close", "publisher")
        await asyncio.sleep(1.5)
        await leave(watch, "reader")
    assert watch.the("close", "publisher")["initiator"] == "local"
    recorder.keep("sail-activemq-publisher-aborted-here", watch)


async def test_the_probe_is_held(start: Starter, recorder: Recorder) -> None:
    """For five seconds and a half: aiohttp waits one for a pong of ours, Node for none."""
    asks, patient = start(Aiohttp, heartbeat=2.0), start(NodeWs)
    tables = {"patient": ws(patient.port, do=says(1.3, 12)), "asked": ws(asks.port, do=says(0.9, 3))}

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "asked", dir="in", opcode=1, count=2)
        await seen(watch, "frame", "patient", dir="in", opcode=1, count=2)
        with frozen(watch.process.pid):
            await asyncio.sleep(5.5)

    watch = await staged(tables, "asked", strike=strike)
    recorder.keep("sail-aiohttp-probe-held", watch)


async def test_a_laptop_nods_off_with_a_stream(start: Starter, recorder: Recorder) -> None:
    """STOMP over a SockJS stream and over a WebSocket, with beats every second: Spring gives up on both."""
    spring = start(Spring, heart_beat="1000,1000", sockjs_heart_beat=25000)
    table: Table = {"heart_beat": "1000,1000"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, stream={"url": spring.sockjs_url, "sockjs_transport": "xhr-streaming"} | table)
        await opened(watch, socket={"url": spring.ws_url} | table)
        await open_session(watch, name="calm", url=spring.ws_url, heart_beat="0,0")
        await seen(watch, "stomp", "calm", command="CONNECTED")
        await seen(watch, "stomp", "socket", command="beat", dir="in", count=3)
        with frozen(watch.process.pid):
            await asyncio.sleep(8.5)
        await looked(watch, "stream", "socket")
        await leave(watch, "calm", status=1)
    recorder.keep("sail-spring-laptop-nods-off", watch)
