"""The lab's SockJS as sockjs-protocol has it, seen from plain HTTP; sockjs-client judges it in ``tests/servers``."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tui.lab.lab import running
from tui.lab.policy import Policy
from tui.protocols.heartbeat import Pair

Urls = Mapping[str, str]


@pytest.fixture
async def lab() -> AsyncIterator[Urls]:
    async with running(Policy(sockjs_beat=0.2, sockjs_delay=0.3)) as urls:
        yield urls


class Http:
    """One connection to the lab, on which requests are made one after the other."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> "Http":
        host, port = self._parts.hostname, self._parts.port
        self._reader, self._writer = await asyncio.open_connection(host, port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def ask(self, method: str, path: str, body: str = "") -> tuple[int, dict[str, str]]:
        """Status and headers; the body is read with ``chunk`` or ``body``."""
        head = f"{method} {self._parts.path}{path} HTTP/1.1\r\nHost: x\r\nOrigin: https://page.example\r\n"
        self._writer.write(f"{head}Content-Length: {len(body.encode())}\r\n\r\n{body}".encode())
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(first.split()[1]), headers

    async def body(self, headers: Mapping[str, str]) -> str:
        """A body that has a length."""
        return (await self._reader.readexactly(int(headers["content-length"]))).decode()

    async def chunk(self) -> str:
        """The next piece of a body that has none; empty at its end."""
        size = int(await self._reader.readline(), 16)
        return (await self._reader.readexactly(size + 2))[:-2].decode()

    async def poll(self, path: str) -> str:
        """The frame a poll is answered with."""
        status, _ = await self.ask("POST", path + "/xhr")
        assert status == 200
        frame = await self.chunk()
        assert await self.chunk() == ""
        return frame

    async def rest(self) -> bytes:
        """What comes until the server ends the connection."""
        return await self._reader.read()


def http(lab: Urls) -> Http:
    return Http(lab["sockjs_echo"])


async def test_the_greeting_and_info(lab: Urls) -> None:
    async with http(lab) as client:
        status, headers = await client.ask("GET", "/")
        assert (status, await client.body(headers)) == (200, "Welcome to SockJS!\n")
        status, headers = await client.ask("GET", "/info")
        info = json.loads(await client.body(headers))
    assert status == 200
    assert (info["websocket"], info["cookie_needed"], info["origins"]) == (True, False, ["*:*"])
    assert 0 <= info["entropy"] < 2**32
    assert headers["access-control-allow-origin"] == "https://page.example"
    assert headers["access-control-allow-credentials"] == "true"


async def test_a_session_by_polling(lab: Urls) -> None:
    async with http(lab) as receiver, http(lab) as sender:
        assert await receiver.poll("/000/one") == "o\n"
        assert (await sender.ask("POST", "/000/one/xhr_send", '["a\\nb","你好"]'))[0] == 204
        assert await receiver.poll("/000/one") == 'a["a\\nb","\\u4f60\\u597d"]\n'
        assert await receiver.poll("/000/one") == "h\n", "a poll that waits is answered with a heart-beat"


@pytest.mark.parametrize(
    ("body", "said"),
    [("", "Payload expected.\n"), ('["x', "Broken JSON encoding.\n"), ("[1]", "Broken JSON encoding.\n")],
)
async def test_what_cannot_be_sent_is_refused(lab: Urls, body: str, said: str) -> None:
    async with http(lab) as client:
        assert await client.poll("/000/one") == "o\n"
        status, headers = await client.ask("POST", "/000/one/xhr_send", body)
        assert (status, await client.body(headers)) == (500, said)


async def test_nothing_is_sent_to_an_unknown_session(lab: Urls) -> None:
    async with http(lab) as client:
        assert (await client.ask("POST", "/000/nobody/xhr_send", '["x"]'))[0] == 404


async def test_streaming_has_a_prelude_and_ends_after_128_kib(lab: Urls) -> None:
    async with http(lab) as receiver, http(lab) as sender:
        assert (await receiver.ask("POST", "/000/one/xhr_streaming"))[0] == 200
        assert await receiver.chunk() == "h" * 2048 + "\n"
        assert await receiver.chunk() == "o\n"
        await sender.ask("POST", "/000/one/xhr_send", json.dumps(["x" * 128 * 1024]))
        assert (await receiver.chunk()).startswith('a["xxx')
        assert await receiver.chunk() == "", "the client asks again"
        await sender.ask("POST", "/000/one/xhr_send", '["meanwhile"]')
        assert await receiver.poll("/000/one") == 'a["meanwhile"]\n'


async def test_a_second_receiver_is_sent_away(lab: Urls) -> None:
    async with http(lab) as first, http(lab) as second:
        await first.ask("POST", "/000/one/xhr_streaming")
        assert await second.poll("/000/one") == 'c[2010,"Another connection still open"]\n'


async def test_a_client_that_stays_away_is_told_to_go(lab: Urls) -> None:
    async with http(lab) as client:
        assert await client.poll("/000/one") == "o\n"
        await asyncio.sleep(0.4)  # the wait itself: longer than ``sockjs_delay``, shorter than two of them
        assert await client.poll("/000/one") == 'c[3000,"Go away!"]\n'


async def test_a_receiver_that_leaves_is_waited_for(lab: Urls) -> None:
    async with http(lab) as first:
        await first.ask("POST", "/000/one/xhr_streaming")
        assert await first.chunk()
    async with http(lab) as second, http(lab) as sender:
        await sender.ask("POST", "/000/one/xhr_send", '["kept"]')
        async with asyncio.timeout(5):
            frame = await second.poll("/000/one")
            while frame.startswith("c[2010"):  # the server has not seen the first one leave yet
                frame = await second.poll("/000/one")
        assert frame == 'a["kept"]\n'


@pytest.mark.parametrize("ending", ["fin", "reset"])
async def test_the_wire_ends_in_the_middle_of_a_stream(lab: Urls, ending: str) -> None:
    async with http(lab) as client:
        await client.ask("POST", f"/000/one/xhr_streaming?{ending}&after=0.1")
        if ending == "fin":
            assert (await client.rest()).endswith(b"o\n\r\n"), "no last chunk"
        else:
            with pytest.raises(ConnectionResetError):
                await client.rest()


async def test_a_close_frame_and_then_a_close_with_its_code_over_websocket(lab: Urls) -> None:
    async with connect(lab["sockjs_echo"].replace("http", "ws") + "/000/one/websocket?close=4005&after=0.3") as ws:
        assert await ws.recv() == "o"
        await ws.send('["a","b"]')
        assert (await ws.recv(), await ws.recv()) == ('a["a"]', 'a["b"]')
        assert await ws.recv() == "h"
        assert await ws.recv() == 'c[4005,""]'
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4005


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("GET {base}/info HTTP/1.1\r\nHost: x\r\nOrigin: http://caf\xe9\r\n\r\n", "200 OK"),
        ("GET {base}/info HTTP/1.1\r\nHost: x\r\n\r\nGET //[ HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found"),
        ("GET {base}/info HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n", "400 Bad Request"),
        ("POST {base}/0/1/xhr_send HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n", "413 "),
    ],
)
async def test_odd_requests_get_an_answer(lab: Urls, sent: str, status: str) -> None:
    parts = urlsplit(lab["sockjs_echo"])
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(sent.format(base=parts.path).encode("latin-1"))
    if "1048577" in sent:
        writer.write(b"x" * 1048577)
    assert await asyncio.wait_for(reader.readuntil(f"HTTP/1.1 {status}".encode()), 5)
    writer.close()


@pytest.mark.parametrize("transport", ["websocket", "xhr"])
async def test_late_beats_end_in_error_and_a_close_frame_with_1002(transport: str) -> None:
    async with running(Policy(beats=Pair(100, 100), grace=2)) as urls:
        base = urls["sockjs"].removeprefix("stomp+")
        connect_frame = json.dumps(["CONNECT\naccept-version:1.2\nhost:x\nheart-beat:100,0\n\n\0"])
        frames = list[str]()
        if transport == "websocket":
            async with connect(base.replace("http", "ws") + "/0/1/websocket") as ws:
                await ws.send(connect_frame)
                frames += [str(frame) async for frame in closing(ws)]
        else:
            async with Http(base) as receiver, Http(base) as sender:
                frames.append(await receiver.poll("/0/1"))
                await sender.ask("POST", "/0/1/xhr_send", connect_frame)
                while not frames[-1].startswith("c"):
                    frames.append(await receiver.poll("/0/1"))
    opened, connected, error, close = [frame.strip() for frame in frames]
    assert opened == "o"
    assert connected.startswith('a["CONNECTED')
    assert error.startswith('a["ERROR\\nmessage:Session closed.')
    assert close == 'c[1002,""]'


async def closing(ws: ClientConnection) -> AsyncIterator[str | bytes]:
    """What comes until the end, which is a Close with 1002."""
    try:
        while True:
            yield await ws.recv()
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        assert closed.rcvd.code == 1002


async def test_a_mute_server_does_not_even_say_that_it_ends(lab: Urls) -> None:
    async with http(lab) as client:
        status, _ = await client.ask("POST", "/000/one/xhr_streaming?mute&close=3001&after=0.1")
        assert status == 200
        assert [await client.chunk(), await client.chunk(), await client.chunk()] == ["h" * 2048 + "\n", "o\n", ""]
        await client.ask("POST", "/000/one/xhr")
        assert await client.chunk() == ""


async def test_stomps_beats_take_the_place_of_h(lab: Urls) -> None:
    base = lab["sockjs"].removeprefix("stomp+").replace("http", "ws")
    async with connect(base + "/000/one/websocket") as ws:
        assert await ws.recv() == "o"
        await ws.send(json.dumps(["CONNECT\naccept-version:1.2\nhost:x\nheart-beat:0,1000\n\n\0"]))
        assert str(await ws.recv()).startswith('a["CONNECTED')
        assert await ws.recv() == 'a["\\n"]', "after 1 s, five times as long as an h would take"


async def test_the_same_without_frames(lab: Urls) -> None:
    async with connect(lab["sockjs_echo"].replace("http", "ws") + "/websocket") as ws:
        await ws.send("as it is")
        assert await ws.recv() == "as it is"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/000/one/xhr", 405),
        ("GET", "/000/one/websocket", 400),
        ("POST", "/000/one/htmlfile", 404),
        ("GET", "/no.dots/one/xhr", 404),
        ("POST", "/000/one/xhr?close=1&", 400),
        ("POST", "/000/one/xhr?limit=1000", 400),
        ("OPTIONS", "/000/one/xhr", 204),
    ],
)
async def test_what_is_not_served_is_said(lab: Urls, method: str, path: str, status: int) -> None:
    async with http(lab) as client:
        assert (await client.ask(method, path))[0] == status


async def test_the_lab_ends_while_a_client_polls_and_another_says_nothing() -> None:
    async with asyncio.timeout(5):
        lab = running()
        urls = await lab.__aenter__()
        async with http(urls), http(urls) as waiting:
            await waiting.ask("POST", "/000/one/xhr_streaming")
            await lab.__aexit__(None, None, None)
            await waiting.rest()
