"""More that is said at an end: a password of before, an old version, a form too long, grammar, no memory."""

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.between import Table, opened, says, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.haproxy import HaProxy
from tests.servers.homely import deliver, stomping
from tests.servers.house import house
from tests.servers.lesser import Redir
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nats import Nats, connect
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_gauge_has_the_password_of_before(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """NATS behind Caddy with TLS: the password was changed, one gauge was forgotten, another one was told."""
    server = start(Nats)
    caddy = start(Caddy, server.port, tls=f"{certificate.chain} {certificate.key}")

    def at(password: str, *do: str) -> Table:
        return wss(caddy.port, certificate, do=[f"0.4 send {connect('anna', password)}", *do])

    pub = r"send PUB gauge 2\r\n71\r\n"
    tables = {
        "gauge1": at("crew", *says(1.1, 5, pub), r"0.8 send PING\r\n"),
        "gauge2": at("crew-2025", f"1.2 {pub}"),
    }
    watch = await staged(tables, "gauge2")
    assert watch.the("close", "gauge2")["initiator"] == "remote"
    recorder.keep("wren-caddy-nats-password-of-before", watch)


async def test_a_display_of_2011(start: Starter, recorder: Recorder) -> None:
    """A display's firmware asks for version 8 of the protocol; python-websockets speaks 13. By redir."""

    async def board(_: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send(message)

    async with house(board) as app:
        redir = start(Redir, app.port)
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, new=ws(redir.port, "/?user=new", do=says(1.0, 4, "send gate 7")))
            await asyncio.sleep(1.2)
            old = ws(redir.port, "/?user=old", header=["Sec-WebSocket-Version: 8"])
            await open_session(watch, name="old", **old)
            await looked(watch, "old")
            await leave(watch, "new", status=3)
    assert not watch.of("open", "old")
    recorder.keep("wren-redir-display-of-2011", watch)


async def test_a_form_is_too_long(start: Starter, recorder: Recorder) -> None:
    """Spring takes four kilobytes of STOMP, and somebody writes a novel into a form; a stream behind Caddy."""
    spring = start(Spring, message_size_limit=4096, heart_beat="3000,3000")
    caddy = start(Caddy, spring.port)
    base: Table = {"url": f"stomp+http://{LOOPBACK}:{caddy.port}/sockjs", "heart_beat": "3000,3000"}
    novel = "It was a dark and stormy night. " * 220
    tables = {
        "brief": base | {"sockjs_transport": "websocket", "do": says(1.0, 5, "stomp-send /topic/form yes")},
        "novel": base
        | {
            "sockjs_transport": "xhr-streaming",
            "do": ["0.9 stomp-send /topic/form hello", f"2.4 stomp-send /topic/form {novel}"],
        },
    }
    watch = await staged(tables, "novel")
    recorder.keep("wren-caddy-spring-stream-form-too-long", watch)


async def test_a_fatal_error_is_printed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A script prints its fatal error where frames are expected, to the one who asked; over TLS by stunnel."""

    async def script(user: str, client: ServerConnection, message: str | bytes) -> None:
        if user == "report" and message == "all":
            await asyncio.sleep(0.6)
            client.transport.write(b"Fatal error: Allowed memory size of 134217728 bytes exhausted in report.php:88\n")
        else:
            await client.send(json.dumps({"rows": str(message)}))

    async with house(script, ping_interval=None) as app:
        stunnel = start(Stunnel, app.port, certificate)

        def at(user: str, *do: str) -> Table:
            return wss(stunnel.port, certificate, do=list(do)) | {"url": f"wss://localhost:{stunnel.port}/?user={user}"}

        tables = {
            "till": at("till", *says(1.0, 6, "send today")),
            "report": at("report", "0.7 send today", "2.1 send all"),
        }
        watch = await staged(tables, "report", stage="tls")
    assert watch.the("close", "report")["sent"]["code"] == 1002
    recorder.keep("wren-stunnel-script-prints-a-fatal-error", watch)


async def test_a_broker_is_out_of_memory(start: Starter, recorder: Recorder) -> None:
    """A home-made STOMP broker asks two publishers to come later, 1013; the reader stays. By HAProxy."""

    async def broker(user: str, client: ServerConnection, message: str | bytes) -> None:
        if user == "reader":
            await deliver(client, "/topic/a", "tick")

    async with house(stomping(broker, "mini/3"), subprotocols=["v12.stomp"]) as app:
        haproxy = start(HaProxy, app.port)

        def at(user: str, every: float) -> Table:
            url = f"stomp+ws://{LOOPBACK}:{haproxy.port}/?user={user}"
            return {"url": url, "heart_beat": "0,0", "do": says(every, 4, "stomp-send /topic/a 1")}

        async def strike(watch: Watch) -> None:
            await ask(watch, "mark load rises", "pub1")
            await seen(watch, "stomp", "pub1", command="SEND", count=3)
            for name in ("pub1", "pub2"):
                await app.clients[name].close(1013, "memory watermark reached, publishers are paused")

        tables = {"reader": at("reader", 1.3), "pub1": at("pub1", 0.7), "pub2": at("pub2", 0.9)}
        watch = await staged(tables, "pub1", "pub2", strike=strike)
    assert watch.the("close", "pub2")["code"] == 1013
    recorder.keep("wren-haproxy-stomp-out-of-memory-1013", watch)
