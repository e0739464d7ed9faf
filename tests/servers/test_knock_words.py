"""Words that are not taken: broken framing, text that is no UTF-8, data nobody expects, messages too large, rules."""

import json

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, seen
from tests.servers.activemq import ActiveMq
from tests.servers.asgi_hosts import Daphne
from tests.servers.between import Table, assert_cut, says, sockjs, staged, stomps, ws, wss
from tests.servers.endings import assert_said
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.looks import every, watched
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, SockJsNode
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring, sessions
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

LATE_ERROR = (
    b"HTTP/1.1 500 Internal Server Error\r\nX-Powered-By: Express\r\nContent-Type: text/html; charset=utf-8\r\n"
    b"Content-Length: 21\r\n\r\nInternal Server Error"
)
"""What the error handler of a web framework writes to a socket that has been upgraded long since."""

LATIN_1 = "Grüße aus Köln".encode("latin-1")
NO_UTF_8 = "818300000000fc6265"
"""``übe`` in Latin-1, as a text message of ours."""


async def test_an_error_page_in_the_middle_of_frames(start: Starter, recorder: Recorder) -> None:
    """A framework's error handler writes HTTP into one of two upgraded connections behind nginx."""
    app = start(NodeEndings)
    nginx = start(Nginx, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "orders", dir="in", opcode=1, count=3)
        await ask(watch, f"send raw {LATE_ERROR.hex()}", "orders")

    table = ws(nginx.port, "/live", no_compression=True)
    tables = {"orders": table | {"do": says(0.8, 4)}, "stock": table | {"do": says(1.3, 5)}}
    watch = await staged(tables, "orders", strike=strike)
    assert watch.the("close", "orders")["sent"]["code"] == 1002
    recorder.keep("knock-nginx-error-page-between-frames", watch)


async def test_a_poll_sends_no_json(start: Starter, recorder: Recorder) -> None:
    """A client writes its message as it is where SockJS wants a list of strings; sockjs-node answers 500."""
    server = start(SockJsNode, heartbeat_delay=2400)
    nginx = start(Nginx, server.port)
    tables = {
        "broken": sockjs(nginx.port, "xhr-polling", do=["0.9 send fine so far", "2.35 send-raw order 66"]),
        "well": sockjs(nginx.port, "xhr-polling", do=says(1.7, 6)),
    }
    watch = await staged(tables, "broken")
    assert watch.of("http", "broken", dir="in", status=500)
    recorder.keep("knock-nginx-poll-without-json", watch)


async def test_latin_1_from_an_old_program(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Over TLS by stunnel: what it says is well until there is an umlaut in it."""
    app = start(NodeEndings)
    stunnel = start(Stunnel, app.port, certificate)
    frame = bytes((0x81, len(LATIN_1))) + LATIN_1
    do = ["0.7 send hello", "1.6 send hello again", f"2.75 send raw {frame.hex()}"]
    watch = await staged({"A": wss(stunnel.port, certificate, no_compression=True, do=do)}, "A")
    assert watch.the("close", "A")["sent"]["code"] == 1007
    recorder.keep("knock-stunnel-server-says-latin-1", watch)


async def test_latin_1_for_daphne(start: Starter, recorder: Recorder) -> None:
    """It resets the connection of who said it; who says the same in UTF-8 is answered."""
    app = start(Daphne)
    url = {"url": app.url, "no_compression": True}
    tables = {
        "old": url | {"do": ["0.8 send hello", f"1.9 raw-frame {NO_UTF_8}"]},
        "new": url | {"do": says(0.7, 5, "send über alles gut")},
    }
    watch = await staged(tables, "old")
    assert_cut(watch, "old")
    recorder.keep("knock-daphne-client-says-latin-1", watch)


async def json_only(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that takes JSON, as many frameworks' ``receive_json``."""
    try:
        said = json.loads(message)
    except ValueError:
        await client.close(1003)
    else:
        await client.send(json.dumps({"ok": said}))


async def test_a_message_that_is_no_json(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Closed with 1003 and no reason; the same word from the one who quotes it is fine."""
    async with house(json_only) as app:
        haproxy = start(HaProxy, app.port, certificate=certificate)

        def user(name: str, **options: object) -> Table:
            return wss(haproxy.port, certificate, **options) | {"url": f"wss://localhost:{haproxy.port}/?user={name}"}

        tables = {
            "curl": user("curl", do=['0.6 send {"op":"hello"}', "1.85 send status"]),
            "page": user("page", do=says(0.95, 5, 'send "status"')),
        }
        watch = await staged(tables, "curl")
    assert_said(watch.the("close", "curl"), 1003)
    recorder.keep("knock-haproxy-no-json-1003", watch)


async def test_protobuf_for_sockjs(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A client of another team says bytes to the raw WebSocket of Spring's SockJS, behind nginx."""
    shop = start(Spring, heart_beat="4200,4200")
    nginx = start(Nginx, shop.port, 30, certificate)
    there = f"wss://localhost:{nginx.port}/sockjs/042/k3v9q1zt/websocket"
    bytes_: Table = {"url": there, "cacert": str(certificate.ca), "do": ["1.45 send-binary 0a06616e6e612d3710a806"]}
    page: Table = {"url": f"stomp+https://localhost:{nginx.port}/sockjs", "cacert": str(certificate.ca)}
    page |= {"sockjs_transport": "websocket", "heart_beat": "4200,4200", "subscribe": ["/topic/orders"]}
    page |= {"do": says(1.05, 5, "stomp-send /topic/orders one more")}

    async def strike(watch: Watch) -> None:
        await seen(watch, "close", "bytes")

    watch = await staged({"page": page, "bytes": bytes_}, "bytes", strike=strike)
    assert_said(watch.the("close", "bytes"), 1003, "Binary messages not supported")
    recorder.keep("knock-nginx-protobuf-for-sockjs", watch)


async def test_an_attachment_for_activemq(
    activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Over TLS by stunnel: a frame without a length, which ActiveMQ counts as it comes; a small one is fine."""
    stunnel = start(Stunnel, activemq.port, certificate)
    frame = r"stomp-frame SEND\ndestination:/queue/lobby.scans\n\n" + 67_000 * "z" + r"\0"
    tables = {
        "scanner": stomps(
            stunnel.port, "3000,3000", certificate, CREW, do=["1.3 stomp-send /queue/lobby.scans 1 page"]
        ),
        "desk": stomps(stunnel.port, "1900,1900", certificate, CREW, do=says(0.8, 5, "stomp-send /topic/lobby hello")),
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "scanner", command="SEND")
        await ask(watch, frame, "scanner")

    watch = await staged(tables, "scanner", strike=strike)
    assert watch.the("close", "scanner")["error"].startswith("The maximum")
    recorder.keep("knock-stunnel-activemq-attachment", watch)


async def test_a_price_list_over_our_limit(start: Starter, recorder: Recorder) -> None:
    """Of two readers over SockJS one takes no message of more than nine kilobytes; the other reads it all."""
    shop = start(Spring, heart_beat="5300,5300", inbound_threads=1)
    table: Table = {"url": shop.sockjs_url, "sockjs_transport": "websocket", "subscribe": ["/topic/prices"]}
    table |= {"heart_beat": "5300,5300"}

    async def strike(watch: Watch) -> None:
        await ask(watch, "stomp-send /app/prices/1/300 x", "desk")
        await seen(watch, "stomp", "phone", command="MESSAGE")
        await seen(watch, "stomp", "desk", command="MESSAGE")
        await ask(watch, "stomp-send /app/prices/1/11000 x", "desk")
        await seen(watch, "stomp", "desk", command="MESSAGE", count=2)

    watch = await staged({"desk": table, "phone": table | {"max_size": 9000}}, "phone", strike=strike)
    assert watch.the("close", "phone")["sent"]["code"] == 1009
    recorder.keep("knock-spring-price-list-over-our-limit", watch)


async def test_a_word_that_is_not_wanted(start: Starter, recorder: Recorder) -> None:
    """The application minds its language; who stays polite stays."""

    async def polite(_: str, client: ServerConnection, message: str | bytes) -> None:
        if "damn" in str(message):
            await client.close(1008, "message rejected by the content filter")
        else:
            await client.send(message)

    async with house(polite, ping_interval=1.7) as app:
        haproxy = start(HaProxy, app.port)
        tables = {
            "carl": ws(haproxy.port, "/?user=carl", do=[*says(0.75, 2), "2.4 send damn this thing"]),
            "dora": ws(haproxy.port, "/?user=dora", do=says(1.1, 5)),
        }
        watch = await staged(tables, "carl")
    assert_said(watch.the("close", "carl"), 1008, "message rejected by the content filter")
    recorder.keep("knock-haproxy-content-filter-1008", watch)


async def test_terms_that_were_not_accepted(start: Starter, recorder: Recorder) -> None:
    """The application of one who polls ends the session: its ``c`` comes with the next poll."""
    shop = start(Spring, heart_beat="6100,6100")
    words = [*sessions(shop.port, "xhr-polling", "A"), *every(0.9, "stomp-send /topic/orders one more", 2.8)]
    words += ["--do", "3.3 stomp-send /app/close/1008/terms-of-use-not-accepted please"]
    watch = await watched(words, ("A",))
    assert watch.the("close")["sockjs"] == {"code": 1008, "reason": "terms-of-use-not-accepted"}
    recorder.keep("knock-spring-poll-terms-1008", watch)
