"""Bytes that break a rule or a limit: the client's and the server's, raw and under STOMP."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.servers.apache import Apache
from tests.servers.between import Table, says, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.jvm import Tomcat, Undertow
from tests.servers.lesser import Varnish
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_frame_has_no_mask(start: Starter, recorder: Recorder) -> None:
    """A kiosk's home-made client forgets the mask of a frame; Undertow by Apache. Another kiosk is well."""
    apache = start(Apache, start(Undertow).port)
    bare = "8108" + b"ticket 6".hex()
    tables = {
        "other": ws(apache.port, "/live?user=other", do=says(1.2, 6, "send ticket 4")),
        "kiosk": ws(apache.port, "/live?user=kiosk", do=["0.8 send ticket 5", f"2.4 raw-frame {bare}"]),
    }
    watch = await staged(tables, "kiosk")
    assert watch.the("close", "kiosk")["initiator"] == "remote"
    recorder.keep("teal-apache-undertow-frame-without-mask", watch)


async def test_a_server_masks_a_frame(start: Starter, recorder: Recorder) -> None:
    """A scoreboard's firmware masks what it sends, as only clients may; by Caddy. Its neighbour does not."""

    async def board(user: str, client: ServerConnection, message: str | bytes) -> None:
        if user == "board2" and message == "poll 3":
            mask = b"\x11\x22\x33\x44"
            text = bytes(a ^ b for a, b in zip(b"2:01", mask, strict=True))
            client.transport.write(b"\x81\x84" + mask + text)
        else:
            await client.send("2:0")

    async with house(board) as app:
        caddy = start(Caddy, app.port)

        def at(user: str, every: float) -> Table:
            do = [f"{n * every:.1f} send poll {n}" for n in range(1, 6)]
            return ws(caddy.port, f"/?user={user}", do=do)

        watch = await staged({"board1": at("board1", 1.3), "board2": at("board2", 0.9)}, "board2")
    assert watch.the("close", "board2")["sent"]["code"] == 1002
    recorder.keep("teal-caddy-server-masks-a-frame", watch)


async def test_a_chat_in_gbk(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An old client writes Chinese in GBK, which Tomcat does not take; HAProxy with TLS. A new one is well."""
    haproxy = start(HaProxy, start(Tomcat).port, certificate=certificate)
    url = f"wss://localhost:{haproxy.port}/live?user="
    gbk = "".join(f"\\x{byte:02x}" for byte in "你好,明天见".encode("gbk"))
    tables = {
        "new": wss(haproxy.port, certificate, do=says(1.1, 6, "send 你好")) | {"url": url + "new"},
        "old": wss(haproxy.port, certificate, do=["0.8 send hello", f"2.3 send {gbk}"]) | {"url": url + "old"},
    }
    watch = await staged(tables, "old", stage="tls")
    assert watch.the("close", "old")["initiator"] == "remote"
    recorder.keep("teal-haproxy-tomcat-chat-in-gbk", watch)


async def test_a_headline_is_cut(start: Starter, recorder: Recorder) -> None:
    """A newsroom's C program cuts headlines after so many bytes, once in the middle of an accent; by Envoy."""

    async def news(user: str, client: ServerConnection, _: str | bytes) -> None:
        line = "Café on the quay burns down" if user == "wall" else "Cafe on the quay opens"
        for text in ("Rain at noon", "Ferries are late", line):
            said = text.encode()[:4] if text == line else text.encode()[:40]
            client.transport.write(bytes([0x81, len(said)]) + said)
            await asyncio.sleep(0.6)

    async with house(news) as app:
        envoy = start(Envoy, app.port)
        tables = {
            "desk": ws(envoy.port, "/?user=desk", do=["0.4 send subscribe"]),
            "wall": ws(envoy.port, "/?user=wall", do=["0.9 send subscribe"]),
        }
        watch = await staged(tables, "wall")
    assert watch.the("close", "wall")["sent"]["code"] == 1007
    recorder.keep("teal-envoy-headline-cut-in-a-character", watch)


async def test_a_document_wants_bytes(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A server that keeps documents in step takes binary updates; a script sends it JSON, 1003. HAProxy with TLS."""

    async def sync(_: str, client: ServerConnection, message: str | bytes) -> None:
        if isinstance(message, str):
            await client.close(1003, "expected binary message, got text")
        else:
            await client.send(b"\x00\x01" + message)

    async with house(sync) as app:
        haproxy = start(HaProxy, app.port, certificate=certificate)

        def at(user: str, *do: str) -> Table:
            url = f"wss://localhost:{haproxy.port}/doc?user={user}"
            return wss(haproxy.port, certificate, do=list(do)) | {"url": url}

        script = at("text", "0.9 send-binary 00000100", '2.5 send {"insert":"hello"}')
        tables = {"editor": at("editor", *says(1.2, 6, "send-binary 000201a4")), "text": script}
        watch = await staged(tables, "text", stage="tls")
    assert watch.the("close", "text")["code"] == 1003
    recorder.keep("teal-haproxy-sync-wants-bytes-1003", watch)


async def test_a_note_is_too_big(start: Starter, recorder: Recorder) -> None:
    """A note of 40 kB, where the library's own limit is 32; coder/websocket by HAProxy. Short notes are saved."""
    haproxy = start(HaProxy, start(Coder).port)
    tables = {
        "short": ws(haproxy.port, "/ws", do=says(1.2, 6, "send buy milk")),
        "note": ws(haproxy.port, "/ws", no_compression=True, do=["0.8 send minutes", "2.4 send-repeat x 40000"]),
    }
    watch = await staged(tables, "note")
    assert watch.the("close", "note")["initiator"] == "remote"
    recorder.keep("teal-haproxy-coder-note-too-big", watch)


async def test_a_first_snapshot_is_too_big(start: Starter, recorder: Recorder) -> None:
    """A small device takes four kilobytes, and a server's snapshot has nine; by nginx. A desktop takes it."""

    async def market(_: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send('{"book":"' + "b" * 9000 + '"}' if message == "snapshot" else '{"tick":1}')

    async with house(market, compression=None) as app:
        nginx = start(Nginx, app.port)
        do = [*says(0.9, 2, "send tick"), "2.6 send snapshot", "3.5 send tick", "4.6 send tick"]
        tables = {
            "desktop": ws(nginx.port, "/?user=desktop", do=do),
            "small": ws(nginx.port, "/?user=small", max_size=4096, do=do),
        }
        watch = await staged(tables, "small")
    assert watch.the("close", "small")["initiator"] == "local"
    recorder.keep("teal-nginx-first-snapshot-over-our-limit", watch)


async def test_a_report_is_too_big(start: Starter, recorder: Recorder) -> None:
    """A report of nine kilobytes, where Spring takes four in one message; by Varnish. Another page is well."""
    spring = start(Spring, heart_beat="4000,4000", message_size_limit=4096)
    varnish = start(Varnish, spring.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{varnish.port}/ws", "heart_beat": "4000,4000"}
    report = "stomp-send /topic/reports " + "0123456789" * 900
    tables = {
        "other": base | {"do": says(1.2, 6, "stomp-send /topic/reports 1")},
        "report": base | {"do": ["0.8 stomp-send /topic/reports 2", f"2.5 {report}"]},
    }
    watch = await staged(tables, "report")
    assert watch.the("close", "report")["initiator"] == "remote"
    recorder.keep("teal-varnish-spring-socket-report-too-big", watch)
