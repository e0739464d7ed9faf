"""stomp.py's own client classes hold a conversation with the lab: not only our own decoder understands it."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tui.lab.lab import running
from tui.lab.policy import Policy

os.environ["STOMP_SKIP_HOSTNAME_SCAN"] = "1"

from stomp.listener import ConnectionListener
from stomp.protocol import Protocol10, Protocol11, Protocol12
from stomp.transport import BaseTransport
from stomp.utils import Frame, parse_frame


class Heard(ConnectionListener):  # type: ignore[misc]
    """What stomp.py tells a program."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def on_connected(self, frame: Frame) -> None:
        self.frames.append(frame)

    on_message = on_receipt = on_error = on_connected


class OverWebSocket(BaseTransport):  # type: ignore[misc]
    """stomp.py's transport with ``send`` into a list, as its sans-IO use goes."""

    def __init__(self) -> None:
        super().__init__()
        self.outgoing: list[bytes] = []

    def send(self, encoded_frame: bytes) -> None:
        self.outgoing.append(encoded_frame)


class Peer:
    def __init__(self, ws: ClientConnection, protocol: Callable[..., Any]) -> None:
        self.ws = ws
        self.transport = OverWebSocket()
        self.stomp = protocol(self.transport)
        self.heard = Heard()
        self.transport.set_listener("heard", self.heard)

    async def flush(self) -> None:
        for data in self.transport.outgoing:
            await self.ws.send(data.decode())
        self.transport.outgoing.clear()

    async def next(self) -> Frame:
        """The next frame as stomp.py's parser and listener give it."""
        await self.flush()
        async with asyncio.timeout(5):
            while not self.heard.frames:
                raw = str(await self.ws.recv()).encode()
                if raw != b"\n":
                    self.transport.process_frame(parse_frame(raw.rstrip(b"\0")), raw.decode())
        return self.heard.frames.pop(0)


@pytest.mark.parametrize(("protocol", "version"), [(Protocol10, "1.0"), (Protocol11, "1.1"), (Protocol12, "1.2")])
async def test_connect_subscribe_send_receive_receipt_disconnect(protocol: Callable[..., Any], version: str) -> None:
    users = {"bob": "secret"}
    async with (
        running(Policy(users=users)) as urls,
        connect(urls["stomp"].removeprefix("stomp+"), subprotocols=[Subprotocol("v12.stomp")]) as ws,
    ):
        peer = Peer(ws, protocol)
        headers = {"login": "bob", "passcode": "secret", "host": "x", "heart-beat": "5000,5000"}
        if version != "1.0":
            headers["accept-version"] = version
        peer.stomp.send_frame("CONNECT", headers)
        connected = await peer.next()
        assert (connected.cmd, connected.headers["version"]) == ("CONNECTED", version)

        peer.stomp.subscribe("/topic/x", id="s-1", headers={"receipt": "r-1"})
        assert (await peer.next()).headers == {"receipt-id": "r-1"}

        said = "héllo: 你好"
        note = "a:b" if version == "1.0" else "a:b\\c"  # stomp.py reads escapes in 1.0 too, which has none
        peer.stomp.send("/topic/x", said, headers={"note": note})
        message = await peer.next()
        assert message.cmd == "MESSAGE"
        assert message.body == said.encode()
        assert message.headers["subscription"] == "s-1"
        assert message.headers["note"] == note
        assert message.headers["content-length"] == str(len(said.encode()))

        peer.stomp.unsubscribe(id="s-1")
        peer.stomp.send("/topic/x", "unheard")
        peer.stomp.send_frame("DISCONNECT", {"receipt": "bye"})
        assert (await peer.next()).headers == {"receipt-id": "bye"}
        await ws.close()
        assert (ws.close_code, ws.protocol.close_rcvd_then_sent) == (1000, False)


async def test_a_wrong_passcode_reaches_stomp_py_as_an_error() -> None:
    async with (
        running(Policy(users={"bob": "secret"})) as urls,
        connect(urls["stomp"].removeprefix("stomp+")) as ws,
    ):
        peer = Peer(ws, Protocol12)
        headers = {"accept-version": "1.2", "host": "x", "login": "bob", "passcode": "wrong"}
        peer.stomp.send_frame("CONNECT", headers)
        error = await peer.next()
        assert (error.cmd, error.headers["message"]) == ("ERROR", "Bad CONNECT")
        assert error.body == b"Access refused for user 'bob'"
        await asyncio.wait_for(ws.wait_closed(), 5)
        assert ws.close_code == 1002
