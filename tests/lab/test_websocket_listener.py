"""The lab over real sockets: who gets in, what the broker says there, and every fault as a client sees it."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.protocol import Event
from websockets.typing import Subprotocol

from tui.lab.lab import running
from tui.lab.policy import Policy
from tui.lab.story import Ticker
from tui.protocols.heartbeat import Pair
from tui.protocols.stomp import Beat, StompDecoder, StompFrame

Urls = Mapping[str, str]

FAST = Policy(beats=Pair(200, 200), grace=2)


@pytest.fixture
async def lab() -> AsyncIterator[Urls]:
    async with running(FAST, tickers=(Ticker(every=0.05),)) as urls:
        yield urls


def stomp(lab: Urls, query: str = "") -> connect:
    offers = [Subprotocol("v12.stomp")]
    return connect(lab["stomp"].removeprefix("stomp+") + query, subprotocols=offers, ping_interval=None)


def echo(lab: Urls, query: str = "") -> connect:
    return connect(lab["echo"] + query, ping_interval=None)


async def until_end(ws: ClientConnection) -> tuple[list[StompFrame | Beat], ConnectionClosed]:
    """Everything the server says, and how it ends."""
    decoder, events = StompDecoder(), list[StompFrame | Beat]()
    async with asyncio.timeout(10):
        while True:
            try:
                message = await ws.recv()
            except ConnectionClosed as closed:
                return events, closed
            events += decoder.feed(message.encode() if isinstance(message, str) else message)


async def test_the_echo_gives_back_text_and_binary_as_they_came(lab: Urls) -> None:
    async with echo(lab) as ws:
        for message in ("grüß 你好", b"\xff\0", "", "x" * 100_000):
            await ws.send(message)
            assert await ws.recv() == message


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        (["v10.stomp", "v11.stomp", "v12.stomp"], "v12.stomp"),
        (["v11.stomp", "v10.stomp"], "v11.stomp"),
        (["mqtt"], None),
        (None, None),
    ],
)
async def test_the_best_stomp_subprotocol_is_chosen(lab: Urls, offers: list[str] | None, chosen: str | None) -> None:
    subprotocols = None if offers is None else [Subprotocol(offer) for offer in offers]
    async with connect(lab["stomp"].removeprefix("stomp+"), subprotocols=subprotocols) as ws:
        assert ws.subprotocol == chosen


async def test_the_echo_takes_any_subprotocol(lab: Urls) -> None:
    async with connect(lab["echo"], subprotocols=[Subprotocol("chat")]) as ws:
        assert ws.subprotocol == "chat"


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/nowhere", 404, "/nowhere: nothing is served here; the lab has: /stomp /echo"),
        ("/echo?explode", 400, "explode: no such fault"),
        ("/stomp?close=1005", 400, "close=1005: no code that may be sent"),
    ],
)
async def test_a_bad_request_is_refused_in_one_line(lab: Urls, path: str, status: int, said: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(lab["echo"].removesuffix("/echo") + path)
    assert refused.value.response.status_code == status
    assert bytes(refused.value.response.body or b"").decode().startswith(said)


async def test_a_silent_client_is_dropped_and_a_beating_one_lives(lab: Urls) -> None:
    hello = "CONNECT\naccept-version:1.2\nhost:x\nheart-beat:200,200\n\n\0"
    async with stomp(lab) as bob, stomp(lab) as alice:

        async def beat() -> None:
            while True:
                await alice.send("\n")
                await asyncio.sleep(0.1)

        await alice.send(hello)
        beating = asyncio.create_task(beat())
        began = time.monotonic()
        await bob.send(hello)
        events, closed = await until_end(bob)
        lived = time.monotonic() - began
        await alice.send("SUBSCRIBE\nid:0\ndestination:/topic/prices\nreceipt:alive\n\n\0")
        async with asyncio.timeout(5):
            while "receipt-id:alive" not in str(await alice.recv()):
                pass
        beating.cancel()
    assert 0.4 <= lived < 2
    last = events[-1]
    assert isinstance(last, StompFrame)
    assert (last.command, last.header("message")) == ("ERROR", "Session closed.")
    assert any(isinstance(event, Beat) for event in events)
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1002
    assert closed.rcvd_then_sent


async def test_prices_tick(lab: Urls) -> None:
    async with stomp(lab) as ws:
        await ws.send("CONNECT\naccept-version:1.2\nhost:x\n\n\0SUBSCRIBE\nid:0\ndestination:/topic/prices\n\n\0")
        decoder, prices = StompDecoder(), list[StompFrame]()
        async with asyncio.timeout(5):
            while len(prices) < 3:
                for event in decoder.feed(str(await ws.recv()).encode()):
                    if isinstance(event, StompFrame) and event.command == "MESSAGE":
                        prices.append(event)
    assert all(price.header("content-type") == "application/json" for price in prices)
    assert [price.body.startswith(b'{"symbol":"') for price in prices] == [True] * 3


@pytest.mark.parametrize("open_", [echo, stomp])
@pytest.mark.parametrize(
    ("query", "code", "reason", "cause"),
    [
        ("?close=1011&reason=boom", 1011, "boom", None),
        ("?close", 1005, "", None),
        ("?fin", None, "", EOFError),
        ("?reset", None, "", ConnectionResetError),
    ],
)
async def test_every_ending_is_what_the_wire_says(
    lab: Urls, open_: type[connect], query: str, code: int | None, reason: str, cause: type[Exception] | None
) -> None:
    async with open_(lab, query) as ws:  # type: ignore[arg-type, call-arg]
        _, closed = await until_end(ws)
    assert (closed.rcvd and closed.rcvd.code) == code
    assert (closed.rcvd.reason if closed.rcvd else "") == reason
    assert cause is None or isinstance(closed.__cause__, cause)


async def test_after_says_when(lab: Urls) -> None:
    began = time.monotonic()  # it counts from its 101
    async with echo(lab, "?close=1001&after=0.3") as ws:
        await ws.send("still here")
        assert await ws.recv() == "still here"
        await until_end(ws)
    assert time.monotonic() - began >= 0.3


async def test_a_fin_waits_for_a_client_that_goes_on_sending(lab: Urls) -> None:
    """Unread bytes at close() would make the kernel send RST: a bare FIN has to stay one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(lab["echo"].split(":")[2].split("/")[0]))
    writer.write(
        b"GET /echo?fin HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    assert await reader.read() == b""
    for _ in range(50):
        writer.write(b"\x81\x82\0\0\0\0hi")
        await writer.drain()
        await asyncio.sleep(0)
    assert reader.exception() is None
    writer.close()
    await writer.wait_closed()


async def test_mute_says_nothing_more_and_deaf_hears_nothing_more(lab: Urls) -> None:
    async with echo(lab, "?mute&close=1000&after=0.2") as ws:
        await ws.send("before")
        assert await ws.recv() == "before"
    hello = "CONNECT\naccept-version:1.2\nhost:x\nheart-beat:0,200\n\n\0"
    async with stomp(lab, "?mute") as ws:
        await ws.send(hello)
        await (await ws.ping())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ws.recv(), 0.6)
    async with echo(lab, "?deaf") as deaf, echo(lab) as well:
        await (await well.ping())
        pong = await deaf.ping()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pong, 0.3)
        deaf.transport.abort()


class Pinged(ClientConnection):
    """A client that counts the pings it is sent."""

    pings = 0

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and event.opcode is Opcode.PING:
            self.pings += 1
        super().process_event(event)


async def test_ping_pings(lab: Urls) -> None:
    async with connect(lab["echo"] + "?ping=0.02&close=1000&after=0.3", create_connection=Pinged) as ws:
        await until_end(ws)
        assert isinstance(ws, Pinged)
    assert ws.pings >= 3


@pytest.mark.parametrize("open_", [echo, stomp])
async def test_a_limit_is_kept_and_said(lab: Urls, open_: type[connect]) -> None:
    async with open_(lab, "?limit=1000") as ws:  # type: ignore[arg-type, call-arg]
        await ws.send("\n" * 1000)
        await (await ws.ping())
        await ws.send("\n" * 1001)
        _, closed = await until_end(ws)
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1009


async def test_a_client_that_never_reads_is_reset_not_hoarded_for(lab: Urls) -> None:
    async with connect(lab["echo"], compression=None, close_timeout=0.1) as ws:
        ws.transport.pause_reading()
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(20):
                while True:
                    await ws.send("x" * 1_000_000)


async def test_the_end_of_the_lab_is_1001_to_everybody() -> None:
    async with running() as urls:
        ws = await connect(urls["echo"])
    _, closed = await until_end(ws)
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1001
