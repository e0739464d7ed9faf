"""A server that accepts a connection and resets it before anybody here has seen that it was accepted, as a tunnel does
whose far end is away: it listens, and it is TCP that was up."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.serving import LOOPBACK
from tui.facts import facts
from tui.facts.facts import Fact
from tui.facts.redaction import Redactor
from tui.options.spec import SessionSpec
from tui.probe import connection
from tui.probe.postmortem import Wanted, examine
from tui.probe.probe import Probe


@asynccontextmanager
async def resetting() -> AsyncIterator[int]:
    """Resets every connection between its handshake and the moment this loop looks at it; the port. It takes a turn of
    the loop each time, and what a turn finds writable is told at the end of that."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        listener.setblocking(False)

        async def serve() -> None:
            while True:
                try:
                    accepted, _ = listener.accept()
                except BlockingIOError:
                    await asyncio.sleep(0)
                    continue
                reset(accepted)

        serving = asyncio.ensure_future(serve())
        yield listener.getsockname()[1]
        serving.cancel()


def reset(accepted: socket.socket) -> None:
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    accepted.close()


async def probed(spec: SessionSpec) -> list[Fact]:
    said: list[Fact] = []
    await Probe(said.append, Redactor(enabled=False), {}).run([(spec, 0.0)], stay=False)
    return said


@pytest.mark.parametrize(("scheme", "phase"), [("ws", "http"), ("wss", "tls"), ("stomp", "open"), ("http", "http")])
async def test_tcp_was_up(scheme: str, phase: str) -> None:
    async with resetting() as port:
        said = await probed(SessionSpec(name="A", url=f"{scheme}://{LOOPBACK}:{port}/", no_postmortem=True))
    [tcp] = [fact for fact in said if isinstance(fact, facts.Tcp)]
    assert (tcp.errno, tcp.remote) == (None, f"{LOOPBACK}:{port}")
    assert tcp.local is not None and tcp.local.startswith(f"{LOOPBACK}:")
    [end] = [fact for fact in said if isinstance(fact, facts.End)]
    assert (end.how, end.phase, end.errno) == ("reset", phase, "ECONNRESET")


async def test_a_proxy_that_does_it_is_the_proxys_failure() -> None:
    async with resetting() as port:
        proxy = f"http://{LOOPBACK}:{port}"
        said = await probed(SessionSpec(name="A", url="ws://192.0.2.1/", proxy=proxy, no_postmortem=True))
    [tcp] = [fact for fact in said if isinstance(fact, facts.Tcp)]
    [told] = [fact for fact in said if isinstance(fact, facts.Proxy)]
    [end] = [fact for fact in said if isinstance(fact, facts.End)]
    assert (tcp.errno, told.ok, told.error) == (None, False, "ECONNRESET")
    assert (end.how, end.phase, end.errno) == ("proxy", "proxy", "ECONNRESET")


@pytest.mark.parametrize(("scheme", "stages"), [("ws", ["http"]), ("wss", ["tls"]), ("stomp", [])])
async def test_a_look_says_that_it_listens(scheme: str, stages: list[str]) -> None:
    found: list[tuple[object, ...]] = []

    def write(kind: type[Fact], **fields: object) -> None:
        if kind is facts.Postmortem:
            found.append((fields["stage"], fields["ok"], fields.get("how")))

    async with resetting() as port:
        spec = SessionSpec(name="A", url=f"{scheme}://{LOOPBACK}:{port}/")
        await examine(spec, Wanted(alone=lambda: True, credentials=False, control=None), write)
    assert found == [("tcp", True, None), *((stage, False, "reset") for stage in stages)]


async def test_one_that_is_reset_before_its_peer_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        ours.setblocking(False)
        reset(listener.accept()[0])

        async def dialled(*_: object, **__: object) -> socket.socket:
            return ours

        monkeypatch.setattr(connection, "dial", dialled)
        said = await probed(SessionSpec(name="A", url=f"ws://{LOOPBACK}/", no_postmortem=True))
    [end] = [fact for fact in said if isinstance(fact, facts.End)]
    assert (end.how, end.phase, end.errno) == ("reset", "http", "ECONNRESET")
