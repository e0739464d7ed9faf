"""Programs that end a client by their own word: limits, rates, readers too slow, business that is over."""

import asyncio
import socket
import ssl

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, seen
from tests.servers.apache import Apache
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, says, sockjs, staged, ws, wss
from tests.servers.envoy import Envoy
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.lesser import Hitch, Nghttpx, Rinetd, Varnish
from tests.servers.nginx import Certificate
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.node_apps import Fastify
from tests.servers.python import PythonEndings
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.uvicorn import Uvicorn
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def small_buffer(client: ServerConnection) -> None:
    """The kernel keeps little for this client."""
    client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)


async def a_send_times_out(recorder: Recorder) -> None:
    """A feed waits 1.5 s for a tablet that reads nothing for 4 s, then closes it with 4008 slow consumer."""

    async def feed(user: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send(message)
        if user == "tablet" and message == "chart":
            small_buffer(client)
            await asyncio.sleep(0.4)
            try:
                for _ in range(40):
                    await asyncio.wait_for(client.send("p" * 9000), 1.5)
            except TimeoutError:
                await client.close(4008, "slow consumer")

    async with house(feed, ping_interval=None) as app:
        tables = {
            "desk": ws(app.port, "/?user=desk", do=says(1.3, 9)),
            "tablet": ws(
                app.port, "/?user=tablet", no_compression=True, do=["0.8 send hello", "1.9 send chart", "2.0 freeze 4"]
            ),
        }
        watch = await staged(tables, "tablet")
    assert watch.the("close", "tablet")["code"] == 4008
    recorder.keep("crow-python-feed-slow-consumer-4008", watch)


async def a_reader_is_aborted(certificate: Certificate, recorder: Recorder) -> None:
    """A ticker aborts a phone for which 90 kB wait as its browser is suspended for 3.5 s; a desk reads on. TLS."""

    async def ticker(user: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send(message)
        if user == "phone" and message == "all":
            small_buffer(client)
            await asyncio.sleep(0.4)
            for _ in range(60):
                client.transport.write(b"\x82\x7e" + (7000).to_bytes(2, "big") + b"q" * 7000)
                await asyncio.sleep(0.03)
                if client.transport.get_write_buffer_size() > 90_000:
                    client.transport.abort()
                    return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    async with house(ticker, ping_interval=None, ssl=context) as app:

        def at(user: str, do: list[str]) -> Table:
            table = wss(app.port, certificate, no_compression=True, do=do)
            return table | {"url": f"wss://localhost:{app.port}/?user={user}"}

        tables = {
            "desk": at("desk", says(1.3, 9)),
            "phone": at("phone", [*says(0.7, 1.5), "2.0 send all", "2.1 freeze 3.5"]),
        }
        watch = await staged(tables, "phone", stage="tls")
    assert watch.the("close", "phone")["initiator"] == "remote"
    recorder.keep("crow-wss-python-ticker-aborts-a-slow-phone", watch)


async def a_drawing_is_too_big(start: Starter, recorder: Recorder) -> None:
    """A drawing of 70 kB where Fastify takes 16: 1009 by Apache. Another's lines are small."""
    app = start(Fastify, maxPayload=16384)
    apache = start(Apache, app.port)
    tables = {
        "other": ws(apache.port, "/ws", do=says(1.2, 6, "send line")),
        "draws": ws(
            apache.port, "/ws", no_compression=True, do=[*says(0.8, 2, "send line"), "2.6 send-repeat x 70000"]
        ),
    }
    watch = await staged(tables, "draws")
    assert watch.the("close", "draws")["initiator"] == "remote"
    recorder.keep("crow-apache-fastify-drawing-1009", watch)


async def a_voice_is_too_big(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A voice message of 72 kB where uvicorn takes 20; it is tried again after the return. TLS by HAProxy."""
    app = start(Uvicorn, ws_max_size=20000)
    haproxy = start(HaProxy, app.port, certificate=certificate)
    base: Table = wss(haproxy.port, certificate, no_compression=True)

    async def strike(watch: Watch) -> None:
        for count in (1, 2):
            await seen(watch, "open", "voice", count=count)
            await asyncio.sleep(1.0)
            await ask(watch, "send-repeat v 72000", "voice")
            await seen(watch, "close", "voice", count=count)
        await seen(watch, "open", "voice", count=3)
        await asyncio.sleep(0.8)

    tables = {"text": base | {"do": says(1.3, 9)}, "voice": base | {"reconnect": True}}
    watch = await staged(tables, "voice", strike=strike, stage="tls")
    recorder.keep("crow-haproxy-uvicorn-voice-message-twice", watch)


async def a_bot_is_too_fast(start: Starter, recorder: Recorder) -> None:
    """A bot says ten words in a second: 3429 Too Many Requests, and once more when it is back. By Envoy."""
    said: dict[str, list[float]] = {}

    async def hear(user: str, client: ServerConnection, message: str | bytes) -> None:
        now = asyncio.get_running_loop().time()
        mine = said[user] = [then for then in said.get(user, []) if now - then < 1] + [now]
        if len(mine) > 6:
            said[user] = []
            await client.close(3429, "Too Many Requests, max 6 msg/s")
        else:
            await client.send(message)

    async with house(hear) as app:
        envoy = start(Envoy, app.port)

        async def strike(watch: Watch) -> None:
            for count in (1, 2):
                await seen(watch, "open", "bot", count=count)
                await asyncio.sleep(0.8)
                for _ in range(8):
                    await ask(watch, "send buy", "bot")
                    await asyncio.sleep(0.04)
                await seen(watch, "close", "bot", count=count)
            await seen(watch, "open", "bot", count=3)
            await asyncio.sleep(0.8)

        tables = {
            "human": ws(envoy.port, "/?user=human", do=says(1.3, 8)),
            "bot": ws(envoy.port, "/?user=bot", reconnect=True),
        }
        watch = await staged(tables, "bot", strike=strike)
    assert watch.of("close", "bot")[0]["code"] == 3429
    recorder.keep("crow-envoy-bot-too-many-requests-3429", watch)


async def an_order_is_completed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A checkout is paid and its socket closed with 4303; another basket is open still. TLS, rinetd."""
    app = start(NodeEndings, cert=str(certificate.chain), key=str(certificate.key))
    way = start(Rinetd, app.port)
    tables = {
        "basket": wss(way.port, certificate, do=says(1.2, 6, "send add 1")),
        "checkout": wss(
            way.port, certificate, do=[*says(0.8, 2, "send pay"), "2.6 send close 4303 order completed, thank you"]
        ),
    }
    watch = await staged(tables, "checkout", stage="tls")
    assert watch.the("close", "checkout")["code"] == 4303
    recorder.keep("crow-rinetd-wss-order-completed-4303", watch)


async def a_survey_is_closed(start: Starter, recorder: Recorder) -> None:
    """sockjs-node closes a stream and a poller with 4120 when the survey ends; a socket of its author stays."""
    app = start(SockJsNode, heartbeat_delay=2100)
    nghttpx = start(Nghttpx, app.port)
    over = "send close 4120 survey closed"
    tables = {
        "author": sockjs(nghttpx.port, "websocket", do=says(1.3, 6)),
        "stream": sockjs(nghttpx.port, "xhr-streaming", do=["0.9 send yes", f"2.7 {over}"]),
        "poller": sockjs(nghttpx.port, "xhr-polling", do=["0.7 send no", f"2.6 {over}"]),
    }
    watch = await staged(tables, "stream", "poller")
    for name in ("stream", "poller"):
        assert watch.the("close", name)["sockjs"]["code"] == 4120
    recorder.keep("crow-nghttpx-survey-closed-4120-two", watch)


async def a_snapshot_ends_in_a_frame(start: Starter, recorder: Recorder) -> None:
    """A program's worker dies in mid-write: a snapshot says 40000 bytes and has 9000, then TCP ends. By Varnish."""

    async def hear(user: str, client: ServerConnection, message: str | bytes) -> None:
        if message == "snapshot":
            client.transport.write(b"\x82\x7e" + (40000).to_bytes(2, "big") + b"p" * 9000)
            client.transport.close()
        else:
            await client.send(message)

    async with house(hear) as app:
        varnish = start(Varnish, app.port)
        tables = {
            "other": ws(varnish.port, "/?user=other", do=says(1.2, 6)),
            "chart": ws(varnish.port, "/?user=chart", do=[*says(0.8, 2), "2.5 send snapshot"]),
        }
        watch = await staged(tables, "chart")
    recorder.keep("crow-varnish-snapshot-ends-in-a-frame", watch)


async def the_second_half_never_comes(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An export writes a text frame of 3000 bytes, has 700 of them, and Node ends TCP; stunnel, a reader is well."""
    app = start(NodeEndings)
    stunnel = start(Stunnel, app.port, certificate)
    head = "817e0bb8" + (b"id;name;town\n" * 54)[:700].hex()

    tables = {
        "reader": wss(stunnel.port, certificate, do=says(1.1, 6)),
        "export": wss(stunnel.port, certificate, do=["0.9 send rows", f"2.3 send cut {head}"]),
    }
    watch = await staged(tables, "export", stage="tls")
    recorder.keep("crow-stunnel-export-second-half-missing", watch)


async def it_says_1000_and_hangs(start: Starter, recorder: Recorder) -> None:
    """A program says 1000 and its process stands still, so that socat's TCP stays; a page is at another server."""
    app, other = start(NodeEndings), start(NodeWs)
    way = start(Socat, app.port)
    tables = {
        "elsewhere": ws(other.port, do=says(1.3, 9)),
        "job": ws(way.port, do=[*says(0.9, 2), "2.7 send hang 1000 job is done"], close_timeout=2.4),
    }
    watch = await staged(tables, "job")
    assert watch.the("close", "job")["received"]["code"] == 1000
    recorder.keep("crow-socat-node-says-1000-and-hangs", watch)


async def it_says_4000_and_stalls(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A program says 4000 to a user and then blocks its loop on a backup; TLS by hitch. Another server is well."""
    app, other = start(PythonEndings, ping_interval=None), start(NodeWs)
    hitch = start(Hitch, app.port, certificate)
    tables = {
        "elsewhere": ws(other.port, do=says(1.3, 9)),
        "user": wss(hitch.port, certificate, do=[*says(0.8, 2), "2.5 send stall 4000 9"], close_timeout=2.7),
    }
    watch = await staged(tables, "user", stage="tls")
    assert watch.the("close", "user")["received"]["code"] == 4000
    recorder.keep("crow-hitch-python-says-4000-and-blocks", watch)


async def test_limits(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Three at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            a_drawing_is_too_big(start, recorder),
            a_voice_is_too_big(certificate, start, recorder),
            a_bot_is_too_fast(start, recorder),
        )
    )


async def test_ends(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Six at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            an_order_is_completed(certificate, start, recorder),
            a_survey_is_closed(start, recorder),
            a_snapshot_ends_in_a_frame(start, recorder),
            the_second_half_never_comes(certificate, start, recorder),
            it_says_1000_and_hangs(start, recorder),
            it_says_4000_and_stalls(certificate, start, recorder),
        )
    )


async def test_a_send_times_out(recorder: Recorder) -> None:
    """A slow tablet alone."""
    await a_send_times_out(recorder)


async def test_readers(certificate: Certificate, recorder: Recorder) -> None:
    """A slow phone."""
    await a_reader_is_aborted(certificate, recorder)
