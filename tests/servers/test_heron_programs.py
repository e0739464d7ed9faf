"""Programs that end their clients: with a code of their own, without a word, halfway, or without hanging up."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tests.probing import ask, open_session, probing, seen
from tests.servers.asgi_hosts import Hypercorn
from tests.servers.between import Table, assert_cut, opened, says, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.forward import Squid
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.homely import deliver, refuse, stomping
from tests.servers.house import house
from tests.servers.jvm import Undertow
from tests.servers.lesser import Hitch, Redir
from tests.servers.lines import leave
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


@asynccontextmanager
async def lingering(certificate: Certificate | None = None) -> AsyncIterator[int]:
    """The port of a home-made server that speaks WebSocket in order and never closes a socket; ``bye`` gets 4100."""
    held: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        protocol = ServerProtocol()
        while data := await reader.read(65536):
            protocol.receive_data(data)
            for event in protocol.events_received():
                if isinstance(event, Request):
                    protocol.send_response(protocol.accept(event))
                elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    if event.data == b"bye":
                        protocol.send_close(4100, "shift is over")
                    else:
                        protocol.send_text(bytes(event.data))
            writer.writelines(protocol.data_to_send())

    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate.chain, certificate.key)
    server = await asyncio.start_server(serve, LOOPBACK, 0, ssl=tls)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for writer in held:
        writer.transport.abort()


async def test_it_says_goodbye_and_forgets_to_hang_up(start: Starter, recorder: Recorder) -> None:
    """A program closes a clerk's session with 4100 and never its socket; another clerk works on."""
    async with lingering() as port:
        tables = {
            "other": ws(port, do=says(1.1, 8)),
            "clerk": ws(port, do=[*says(0.9, 2.6), "3.1 send bye"], close_timeout=2.2),
        }
        watch = await staged(tables, "clerk")
    close = watch.the("close", "clerk")
    assert close["received"]["code"] == 4100 and close["transport"]["how"] == "local"
    recorder.keep("heron-home-made-forgets-to-hang-up-4100", watch)


async def test_our_close_is_answered_and_no_more(certificate: Certificate, recorder: Recorder) -> None:
    """An editor leaves in order, is answered, and the program keeps its socket; over TLS. A reader is there."""
    async with lingering(certificate) as port:
        tables = {
            "reader": wss(port, certificate, do=says(1.3, 8)),
            "editor": wss(port, certificate, do=[*says(0.8, 2), "2.9 close 1000 saved"], close_timeout=3.1),
        }
        watch = await staged(tables, "editor", status=0)
    assert watch.the("close", "editor")["received"]["code"] == 1000
    recorder.keep("heron-tls-home-made-answers-our-1000-and-stays", watch)


async def test_a_quiz_is_over(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The room of two players is closed with 4200 when its last question is answered; another room plays on. hitch."""

    async def quiz(_: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send(f"right: {message!s}")
        if message == "question 4":
            for name in ("bert", "anna"):
                await app.clients[name].close(4200, "quiz finished, thanks for playing")

    async with house(quiz) as app:
        hitch = start(Hitch, app.port, certificate)

        def at(user: str, *do: str) -> Table:
            return wss(hitch.port, certificate, do=list(do)) | {"url": f"wss://localhost:{hitch.port}/?user={user}"}

        tables = {
            "carl": at("carl", *says(1.2, 7, "send question 1")),
            "anna": at("anna", *(f"{n * 0.8:.1f} send question {n}" for n in range(1, 5))),
            "bert": at("bert", "1.0 send question 1"),
        }
        watch = await staged(tables, "anna", "bert", stage="tls")
    for name in ("anna", "bert"):
        assert watch.the("close", name)["code"] == 4200
    recorder.keep("heron-hitch-quiz-over-4200-under-two", watch)


async def test_a_document_is_archived(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """sockjs-node ends a stream with 4810; a socket of the same page stays. Caddy with TLS."""
    app = start(SockJsNode, heartbeat_delay=2000)
    caddy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")
    base: Table = {"url": f"https://localhost:{caddy.port}/echo", "cacert": str(certificate.ca)}
    tables = {
        "socket": base | {"sockjs_transport": "websocket", "do": says(1.2, 6)},
        "page": base
        | {
            "sockjs_transport": "xhr-streaming",
            "do": ["0.7 send title", "1.6 send text", "2.7 send close 4810 document was archived by its owner"],
        },
    }
    watch = await staged(tables, "page", stage="tls")
    assert watch.the("close", "page")["sockjs"]["code"] == 4810
    recorder.keep("heron-caddy-sockjs-document-archived-4810", watch)


async def test_a_handler_returns_again(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A branch of a Go handler just returns, so that TCP ends; the bot is back and gets there again. By hitch."""
    app = start(Coder)
    hitch = start(Hitch, app.port, certificate)
    base: Table = {"url": f"wss://localhost:{hitch.port}/ws", "cacert": str(certificate.ca)}

    async def strike(watch: Watch) -> None:
        for count in (1, 2):
            await seen(watch, "open", "bot", count=count)
            await asyncio.sleep(1.1)
            await ask(watch, f"send order {count}", "bot")
            await asyncio.sleep(0.7)
            await ask(watch, "send return", "bot")
            await seen(watch, "close", "bot", count=count)
        await seen(watch, "open", "bot", count=3)
        await asyncio.sleep(0.9)

    watch = await staged(
        {"human": base | {"do": says(1.2, 9)}, "bot": base | {"reconnect": True}}, "bot", strike=strike
    )
    assert watch.of("close", "bot")[0]["received"] is None
    recorder.keep("heron-hitch-coder-handler-returns-again", watch)


async def test_a_silent_one_is_cut(start: Starter, recorder: Recorder) -> None:
    """Undertow's program cuts a guest who says nothing, at another's word; all go by Squid."""
    app = start(Undertow)
    squid = start(Squid)
    way: Table = {"proxy": f"http://{LOOPBACK}:{squid.port}"}

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "host", dir="in", opcode=1, count=3)
        await ask(watch, "send cut guest", "host")

    tables = {
        "host": ws(app.port, "/live?user=host", do=says(0.9, 7)) | way,
        "guest": ws(app.port, "/live?user=guest", do=["0.5 send hello"]) | way,
        "other": ws(app.port, "/live?user=other", do=["1.5 send hello"]) | way,
    }
    watch = await staged(tables, "guest", strike=strike)
    assert_cut(watch, "guest")
    recorder.keep("heron-squid-undertow-cuts-a-silent-one", watch)


async def test_it_is_full_at_once(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A server with two seats lets a third in only to say 1013, three times; Envoy with TLS."""
    came = 0

    async def seats(user: str, client: ServerConnection, message: str | bytes) -> None:
        nonlocal came
        came += user == "late"
        if user == "late" and came < 4:
            await client.close(1013, "server is at capacity")
        else:
            await client.send(f"ok {message!s}")

    async with house(seats) as app:
        envoy = start(Envoy, app.port, certificate=certificate)
        base: Table = {"cacert": str(certificate.ca)}

        def at(user: str) -> Table:
            return base | {"url": f"wss://localhost:{envoy.port}/?user={user}"}

        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, one=at("one") | {"do": says(1.3, 9)}, two=at("two") | {"do": ["2.0 send hi"]})
            await open_session(watch, name="late", **at("late"), reconnect=True)
            for count in (1, 2, 3):
                await seen(watch, "open", "late", count=count)
                await ask(watch, "send hello", "late")
                await seen(watch, "close", "late", count=count)
            await leave(watch, "one", "two")
    assert [line["code"] for line in watch.of("close", "late")][:3] == [1013] * 3
    recorder.keep("heron-envoy-full-1013-at-once", watch)


async def test_a_queue_is_full(start: Starter, recorder: Recorder) -> None:
    """Hypercorn's application has no place in its queue for two scanners and says 1013; a third goes on. By redir."""
    app = start(Hypercorn)
    redir = start(Redir, app.port)
    full = "send close 1013 work queue full, retry later"
    tables = {
        "desk": ws(redir.port, do=says(1.2, 7)),
        "scan1": ws(redir.port, do=[*says(0.8, 2), f"2.6 {full}"]),
        "scan2": ws(redir.port, do=["0.9 send page", f"3.2 {full}"]),
    }
    watch = await staged(tables, "scan1", "scan2")
    recorder.keep("heron-redir-hypercorn-queue-full-1013-two", watch)


async def test_no_connection_to_the_database(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A STOMP program has none when a desk asks, says so by ERROR and 1011, and again; a board lives. HAProxy, TLS."""

    async def orders(user: str, client: ServerConnection, message: str | bytes) -> None:
        if "/app/order" in str(message):
            why = "Could not open JPA EntityManager: Unable to acquire JDBC Connection, pool exhausted"
            await refuse(client, "Internal server error", why, 1011)
        elif user == "board":
            await deliver(client, "/topic/board", "17 open orders")

    async with house(stomping(orders, "orders/3"), subprotocols=["v12.stomp"]) as app:
        haproxy = start(HaProxy, app.port, certificate=certificate)

        def at(user: str, **options: object) -> Table:
            table: Table = {"url": f"stomp+wss://localhost:{haproxy.port}/?user={user}", "heart_beat": "0,0"}
            return table | {"cacert": str(certificate.ca)} | options

        async def strike(watch: Watch) -> None:
            for count in (1, 2):
                await seen(watch, "stomp", "desk", command="CONNECTED", count=count)
                await asyncio.sleep(1.2)
                await ask(watch, "stomp-send /app/order 17", "desk")
                await seen(watch, "close", "desk", count=count)
            await seen(watch, "stomp", "desk", command="CONNECTED", count=3)
            await asyncio.sleep(0.8)

        tables = {
            "board": at("board", do=says(1.4, 8, "stomp-send /app/count 1")),
            "desk": at("desk", reconnect=True),
        }
        watch = await staged(tables, "desk", strike=strike)
    recorder.keep("heron-haproxy-stomp-no-jdbc-connection", watch)
