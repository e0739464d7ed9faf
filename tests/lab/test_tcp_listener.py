"""The lab over TCP: STOMP on a bare stream, its three ends, and clients of both kinds on one topic."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect

from tui.lab.endings import Close, Ending, Fin, Reset
from tui.lab.lab import running
from tui.lab.policy import Drop, Policy
from tui.protocols.heartbeat import Pair
from tui.protocols.stomp import Beat, StompDecoder, StompFrame

HELLO = b"CONNECT\naccept-version:1.2\nhost:x\nheart-beat:200,200\n\n\0"


class Client:
    """A stream and what came by it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.decoder = StompDecoder()
        self.got: list[StompFrame | Beat] = []

    async def until(self, command: str) -> StompFrame:
        """The first frame of this kind that comes."""
        async with asyncio.timeout(5):
            while True:
                for event in self.got:
                    if isinstance(event, StompFrame) and event.command == command:
                        return event
                data = await self.reader.read(65536)
                assert data, f"ended before {command}"
                self.got += self.decoder.feed(data)

    async def until_end(self) -> None:
        """Returns at FIN.

        Raises:
            ConnectionResetError: at RST.
        """
        async with asyncio.timeout(10):
            while data := await self.reader.read(65536):
                self.got += self.decoder.feed(data)


@asynccontextmanager
async def dialled(url: str) -> AsyncIterator[Client]:
    parts = urlsplit(url)
    assert parts.scheme == "stomp"
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


async def test_a_conversation_in_single_bytes_and_a_disconnect() -> None:
    async with running(Policy(linger=0.05)) as urls, dialled(urls["tcp"]) as client:
        said = HELLO + b"SUBSCRIBE\nid:0\ndestination:/topic/x\n\n\0\nSEND\ndestination:/topic/x\n\nhi\0"
        for at in range(len(said)):
            client.writer.write(said[at : at + 1])
            await client.writer.drain()
        assert (await client.until("CONNECTED")).header("version") == "1.2"
        assert (await client.until("MESSAGE")).body == b"hi"
        client.writer.write(b"DISCONNECT\nreceipt:bye\n\n\0")
        assert (await client.until("RECEIPT")).header("receipt-id") == "bye"
        await client.until_end()


async def test_tcp_and_websocket_meet_on_one_queue() -> None:
    async with running() as urls, dialled(urls["tcp"]) as client:
        client.writer.write(HELLO + b"SUBSCRIBE\nid:0\ndestination:/queue/x\nreceipt:r\n\n\0")
        await client.until("RECEIPT")
        async with connect(urls["stomp"].removeprefix("stomp+")) as ws:
            await ws.send("CONNECT\naccept-version:1.2\nhost:x\n\n\0SEND\ndestination:/queue/x\n\nhi\0")
            assert (await client.until("MESSAGE")).body == b"hi"


async def test_a_client_that_is_cut_off_leaves_its_message_to_one_who_waits() -> None:
    subscribe = HELLO + b"SUBSCRIBE\nid:0\ndestination:/queue/x\nack:client\nreceipt:r\n\n\0"
    async with running() as urls, dialled(urls["tcp"]) as first, dialled(urls["tcp"]) as second:
        first.writer.write(subscribe)
        await first.until("RECEIPT")
        first.writer.write(b"SEND\ndestination:/queue/x\n\njob\0")
        assert (await first.until("MESSAGE")).header("redelivered") is None
        second.writer.write(subscribe)
        await second.until("RECEIPT")
        first.writer.transport.abort()
        assert (await second.until("MESSAGE")).header("redelivered") == "true"


@pytest.mark.parametrize("ending", [Close(1000, "STOMP died"), Fin(), Reset()])
async def test_a_silent_client_ends_in_the_policys_way(ending: Ending) -> None:
    policy = Policy(beats=Pair(200, 200), grace=2, on_silence=Drop(ending))
    async with running(policy) as urls, dialled(urls["tcp"]) as client:
        client.writer.write(HELLO)
        if isinstance(ending, Reset):
            with pytest.raises(ConnectionResetError):
                await client.until_end()
        else:
            await client.until_end()
        assert any(isinstance(event, Beat) for event in client.got)
        assert not [event for event in client.got if isinstance(event, StompFrame) and event.command == "ERROR"]


async def test_an_error_arrives_before_the_end_though_the_client_goes_on_sending() -> None:
    """Unread bytes at close() would make the kernel send RST, and the ERROR might be lost."""
    async with running() as urls, dialled(urls["tcp"]) as client:
        client.writer.write(b"HELLO\n\n\0" + b"\n" * 1_000_000)
        assert (await client.until("ERROR")).header("message") == "Unknown STOMP command"
        await client.until_end()
        client.writer.write(b"\n" * 100_000)
        await client.writer.drain()
        assert client.reader.exception() is None


async def test_a_client_that_never_reads_is_reset_not_hoarded_for() -> None:
    async with running() as urls, dialled(urls["tcp"]) as deaf, dialled(urls["tcp"]) as sender:
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
        deaf.writer.write(HELLO.replace(b"200,200", b"0,0") + b"SUBSCRIBE\nid:0\ndestination:/topic/x\n\n\0")
        sender.writer.write(HELLO.replace(b"200,200", b"0,0") + b"SUBSCRIBE\nid:0\ndestination:/topic/end\n\n\0")
        body = b"x" * 60_000
        for _ in range(400):
            sender.writer.write(b"SEND\ndestination:/topic/x\n\n" + body + b"\0")
            await sender.writer.drain()
        sender.writer.write(b"SEND\ndestination:/topic/end\n\n\0")
        await sender.until("MESSAGE")
        deaf.writer.transport.resume_reading()  # type: ignore[attr-defined]
        with pytest.raises(ConnectionResetError):
            await deaf.until_end()


async def test_the_end_of_the_lab_is_fin_to_everybody() -> None:
    async with running() as urls:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(urls["tcp"]).port)
        writer.write(HELLO)
        await reader.readuntil(b"\0")
    assert await asyncio.wait_for(reader.read(), 5) in (b"", b"\n")
    writer.close()
    await writer.wait_closed()
