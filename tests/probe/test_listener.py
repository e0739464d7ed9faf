"""Who listens at the other end of a connection to this machine."""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.probing import run
from tests.servers.ports import LOOPBACK
from tests.waiting import eventually
from tui.lab.lab import running
from tui.lab.policy import Policy
from tui.probe.listener import Peer
from tui.probe.processes import connections, listener, run_s, youngest_s


async def test_a_program_of_this_machine() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        assert (await Peer.at(server.getsockname())).name == psutil.Process().name()


async def test_one_that_listens_everywhere() -> None:
    with socket.create_server(("", 0)) as server:
        assert (await Peer.at((LOOPBACK, server.getsockname()[1]))).name == psutil.Process().name()


async def test_nobody() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        address = server.getsockname()
    assert (await Peer.at(address)).name is None


@pytest.mark.parametrize("remote", [("192.0.2.1", 80), ("fe80::1%eth0", 80, 0, 2), "/run/app.sock"])
async def test_another_machine_or_no_address(remote: tuple[object, ...] | str) -> None:
    assert (await Peer.at(remote)).name is None


async def test_it_is_told_once(echo: str) -> None:
    watch, _ = await run(echo, "--do", "0 close")
    opened, *others = watch.of("route")
    assert opened["program"] == psutil.Process().name()
    assert others and not any("program" in fact for fact in others)


@pytest.mark.parametrize("transport", ["websocket", "xhr-streaming", "xhr-polling"])
async def test_it_is_told_of_sockjs_too(transport: str) -> None:
    async with running(Policy()) as urls:
        watch, _ = await run(urls["sockjs"], "--sockjs-transport", transport, "--do", "0 close")
    assert [fact["program"] for fact in watch.of("route", when="open")] == [psutil.Process().name()]


async def test_a_forwarder_that_hangs_up_found_nobody_at_its_far_end(tmp_path: Path) -> None:
    """A program is taken for a forwarder by its name."""
    script = tmp_path / "socat"
    script.symlink_to(sys.executable)
    forwarder = (
        "import socket\n"
        "s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)\n"
        "peer, _ = s.accept(); peer.recv(4096); peer.close()\n"
    )
    process = await asyncio.create_subprocess_exec(script, "-c", forwarder, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    watch, status = await run(f"ws://{LOOPBACK}:{port}/")
    assert (status, await process.wait()) == (3, 0)
    assert watch.of("verdict")[-1]["cause"] == "connection-refused"


SERVER = """
import socket, sys
s = socket.create_server(('127.0.0.1', 0))
print(s.getsockname()[1], flush=True)
peer, _ = s.accept(); peer.sendall(b'hello'); sys.stdin.read()
"""
"""A program that accepts one connection and ends with its stdin."""


@asynccontextmanager
async def _running(program: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """A Python program that says its port first, as long as the block lasts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process, int(await process.stdout.readline())
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def test_what_has_become_of_it() -> None:
    async with _running(SERVER) as (process, port):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        assert await reader.read(5) == b"hello"
        peer = await Peer.at((LOOPBACK, port))
        assert peer.now(listening=True) is None
        await peer.accepted(writer.get_extra_info("sockname"))
        assert peer.now(listening=True) == "lives"
        writer.transport.abort()
        process.kill()
        await process.wait()
        assert await peer.after() == "gone"
        assert peer.now(listening=True) == "restarted"


async def test_one_that_stands_still_lives() -> None:
    async with _running(SERVER) as (process, port):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        assert await reader.read(5) == b"hello"
        peer = await Peer.at((LOOPBACK, port))
        await peer.accepted(writer.get_extra_info("sockname"))
        process.send_signal(signal.SIGSTOP)
        eventually(lambda: peer.now(listening=True) != "lives")
        assert await peer.after() == "stopped"
        process.send_signal(signal.SIGCONT)
        eventually(lambda: peer.now(listening=True) == "lives")
        writer.close()


CLOSING = SERVER.replace("sys.stdin.read()", "sys.stdin.readline(); s.close(); sys.stdin.read()")
"""One that listens no more once it is told a line."""


async def test_one_that_takes_nobody_in_any_more_is_closing() -> None:
    async with _running(CLOSING) as (process, port):
        assert process.stdin is not None
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        assert await reader.read(5) == b"hello"
        peer = await Peer.at((LOOPBACK, port))
        await peer.accepted(writer.get_extra_info("sockname"))
        assert await peer.after() == "lives"
        process.stdin.write(b"\n")
        eventually(lambda: listener((LOOPBACK, port), connections()) is None)
        assert await peer.after() == "closing"
        writer.close()


MASTER = """
import os, signal, socket
s = socket.create_server(('127.0.0.1', 0))
print(s.getsockname()[1], flush=True)
if os.fork():
    os.wait(); print('over', flush=True); signal.pause()
peer, _ = s.accept(); peer.sendall(b'hello'); peer.recv(9)
"""
"""A program that listens while a worker of its accepts one connection, and ends with it."""


async def test_a_worker_is_gone_and_its_master_is_not() -> None:
    async with _running(MASTER) as (process, port):
        assert process.stdout is not None
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        assert await reader.read(5) == b"hello"
        peer = await Peer.at((LOOPBACK, port))
        await peer.accepted(writer.get_extra_info("sockname"))
        assert peer.now(listening=True) == "lives"
        writer.write(b"bye")
        assert await process.stdout.readline() == b"over\n"
        assert peer.now(listening=True) == "replaced"
        writer.close()


ONE_EACH = """
import os, socket
s = socket.create_server(('127.0.0.1', 0))
print(s.getsockname()[1], flush=True)
while True:
    peer, _ = s.accept()
    if not os.fork():
        if os.fork(): os._exit(0)
        peer.sendall(b'hello'); peer.recv(9); os._exit(0)
    os.wait(); peer.close()
"""
"""A program that has a process for each connection, which is nobody's child and keeps the socket it listens on."""


async def test_how_long_whoever_listens_in_its_place_has_run() -> None:
    """A listener that is another by now, whose start lies between two moments on the clock of its own."""
    async with _running(SERVER) as (process, port):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        assert await reader.read(5) == b"hello"
        peer = await Peer.at((LOOPBACK, port))
        assert await peer.anew_s() is None
        await peer.accepted(writer.get_extra_info("sockname"))
        writer.transport.abort()
        process.kill()
        await process.wait()
        assert await peer.anew_s() is None
        before = time.monotonic()
        async with _running(SERVER.replace("('127.0.0.1', 0)", f"('127.0.0.1', {port})")):
            after = time.monotonic()
            anew = await peer.anew_s()
            now = time.monotonic()
    assert anew is not None
    assert now - after - TICK_S < anew < now - before + TICK_S


TICK_S = 0.02
"""What a start in ticks of 10 ms may be off by, and what is asked of one after another."""


async def test_of_a_master_and_its_worker_the_younger_counts() -> None:
    async with _running(MASTER.replace("if os.fork()", "input()\nif os.fork()")) as (process, port):
        assert process.stdin is not None
        eventually(lambda: (run_s(process.pid) or 0.0) > 0.5)
        before = time.monotonic()
        process.stdin.write(b"\n")
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        assert await reader.read(5) == b"hello"
        youngest, now = youngest_s((LOOPBACK, port)), time.monotonic()
        writer.write(b"bye")
        assert await reader.read() == b""
        writer.close()
    assert youngest is not None
    assert youngest < now - before + TICK_S


async def test_one_that_leaves_its_parent_is_gone_and_who_listens_is_not() -> None:
    async with _running(ONE_EACH) as (_, port):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        assert await reader.read(5) == b"hello"
        peer = await Peer.at((LOOPBACK, port))
        await peer.accepted(writer.get_extra_info("sockname"))
        assert peer.now(listening=True) == "lives"
        writer.write(b"bye")
        assert await reader.read() == b""
        eventually(lambda: peer.now(listening=True) != "lives")
        assert await peer.after() == "replaced"
        writer.close()


async def test_a_parent_nobody_may_look_into_hides_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: psutil.Process, kind: str = "inet") -> list[object]:
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "net_connections", denied)
    with socket.create_server((LOOPBACK, 0)) as server:
        assert (await Peer.at(server.getsockname())).name == psutil.Process().name()


SERVER_BEHIND = """
import socket, sys
s = socket.create_server(('127.0.0.1', 0))
print(s.getsockname()[1], flush=True)
kept = []
while True:
    kept.append(s.accept()[0]); kept[-1].sendall(b'hello')
"""
"""A program that accepts and greets whoever comes, and keeps them."""

RELAY = """
import socket, sys
doors = sys.argv[1:]
s = socket.create_server(('127.0.0.1', 0))
print(s.getsockname()[1], flush=True)
kept = []
while True:
    peer, _ = s.accept()
    peer.recv(9)
    far = socket.create_connection(('127.0.0.1', int(doors[len(kept) // 2 % len(doors)])))
    peer.sendall(far.recv(9))
    kept += [peer, far]
"""
"""A proxy that takes its servers in turn; it is known for one by its name."""


@asynccontextmanager
async def _relaying(home: Path, *doors: int) -> AsyncIterator[int]:
    """A relay named ``haproxy`` before those ports, as long as the block lasts; its own port."""
    script = home / "haproxy"
    script.symlink_to(sys.executable)
    process = await asyncio.create_subprocess_exec(
        script, "-c", RELAY, *map(str, doors), stdout=asyncio.subprocess.PIPE
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.communicate()


async def _met(port: int) -> tuple[Peer, asyncio.StreamWriter]:
    """Somebody who has asked at a port and been answered, and who is at its other end."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    peer = await Peer.at((LOOPBACK, port))
    writer.write(b"hello?")
    assert await reader.read(5) == b"hello"
    await peer.accepted(writer.get_extra_info("sockname"))
    return peer, writer


async def test_who_stands_behind_a_proxy(tmp_path: Path) -> None:
    """Of two servers each client knows its own; what a proxy had connected to for others does not count."""
    async with _running(SERVER_BEHIND) as (first, one), _running(SERVER_BEHIND) as (_, other):
        name = psutil.Process(first.pid).name()
        async with _relaying(tmp_path, one, other) as port:
            (mine, a), (theirs, b) = await _met(port), await _met(port)
            assert await mine.behind() == await theirs.behind() == [(name, "lives")]
            first.kill()
            await first.wait()
            assert await mine.behind() == [(name, "gone")]
            assert await theirs.behind() == [(name, "lives")]
            assert mine.now(listening=True) == "lives"
            a.close()
            b.close()


async def test_one_behind_a_proxy_that_stands_still_or_takes_nobody_in(tmp_path: Path) -> None:
    async with _running(CLOSING) as (server, door), _relaying(tmp_path, door) as port:
        name = psutil.Process(server.pid).name()
        peer, writer = await _met(port)
        server.send_signal(signal.SIGSTOP)
        eventually(lambda: psutil.Process(server.pid).status() == psutil.STATUS_STOPPED)
        assert await peer.behind() == [(name, "stopped")]
        server.send_signal(signal.SIGCONT)
        assert server.stdin is not None
        server.stdin.write(b"\n")
        eventually(lambda: listener((LOOPBACK, door), connections()) is None)
        assert await peer.behind() == [(name, "closing")]
        assert peer.now(listening=True) == "lives"
        writer.close()


async def test_one_of_several_stands_behind_a_proxy(tmp_path: Path) -> None:
    """Who had a connection already when it was looked for may be it; whoever ends while the session lives is not."""
    async with (
        _running(SERVER_BEHIND) as (first, one), _running(SERVER_BEHIND) as (second, other),
        _running(SERVER_BEHIND) as (third, last), _relaying(tmp_path, one, other, last) as port,
    ):  # fmt: skip
        everybody = [await _met(port) for _ in range(3)]
        peer = await Peer.at((LOOPBACK, port))
        await peer.accepted(everybody[0][1].get_extra_info("sockname"))
        name = psutil.Process(first.pid).name()
        assert await peer.behind() == [(name, "lives")]
        second.kill()
        await second.wait()
        assert await peer.behind() == [(name, "gone")]
        peer.lives_on()
        assert await peer.behind() == [(name, "lives")]
        third.kill()
        await third.wait()
        assert await peer.behind() == [(name, "gone")]
        for _, writer in everybody:
            writer.close()


async def test_nobody_stands_behind_a_server() -> None:
    """What a program connects to is its own affair, unless it passes on what others say."""
    async with _running(SERVER_BEHIND) as (_, port):
        peer, writer = await _met(port)
        assert peer.now(listening=True) == "lives" and await peer.behind() == []
        writer.close()
