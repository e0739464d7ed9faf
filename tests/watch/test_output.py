"""Somebody who does not read our lines must not make us late, and must not fill our memory."""

import asyncio
import itertools
import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from websockets.frames import Opcode

from tests.probing import seen
from tests.servers.scripted import Connection, Gone, ScriptedServer
from tests.watching import clean_environment, watching
from tui.watch.output import HIGH, Output, write_all


@pytest.mark.alone
async def test_beats_leave_on_time_though_nobody_reads_our_lines() -> None:
    """The server floods and measures our beats; the pipe of our stdout is full all the while."""
    beats: list[float] = []
    silent, enough = threading.Event(), threading.Event()

    def floods(connection: Connection) -> None:
        connection.upgrade(subprotocol="v12.stomp")
        connection.receive()
        connection.frame(Opcode.TEXT, b"CONNECTED\nversion:1.2\nheart-beat:0,200\n\n\0")
        silent.wait(10)
        for _ in range(200):
            connection.frame(Opcode.TEXT, b"MESSAGE\nsubscription:0\nmessage-id:1\n\n" + b"x" * 2000 + b"\0")
        try:
            while (frame := connection.receive()).opcode != Opcode.CLOSE:
                beats.append(time.monotonic())
                if len(beats) == 10:
                    enough.set()
            connection.frame(Opcode.CLOSE, frame.payload)
        except Gone:
            pass

    with ScriptedServer(floods) as server:
        async with watching(f"stomp+{server.url}", "--heart-beat", "200,0", "--close-timeout", "0.2") as watch:
            await seen(watch, "stomp", command="CONNECTED")
            transport = watch.process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
            transport.pause_reading()
            silent.set()
            before = len(watch.lines)
            assert await asyncio.to_thread(enough.wait, 10)
            # asyncio had one buffer in hand when it stopped; far more than a pipe holds was written since.
            transport.resume_reading()
            await seen(watch, "stomp", command="MESSAGE", count=200)
            assert len(watch.lines) - before > 400
            os.kill(watch.process.pid, signal.SIGTERM)
            assert await watch.finish() == 130
    gaps = [after - before for before, after in itertools.pairwise(beats[1:])]
    assert max(gaps) < 0.35 and sum(gaps) / len(gaps) < 0.22


async def test_a_signal_ends_us_though_nobody_reads_our_lines() -> None:
    sent = threading.Event()

    def floods(connection: Connection) -> None:
        connection.upgrade()
        for _ in range(400):
            connection.frame(Opcode.TEXT, b"x" * 1000)
        sent.set()
        connection.frame(Opcode.CLOSE, connection.receive_close())

    with ScriptedServer(floods) as server:
        reading, writing = os.pipe()
        argv = (sys.executable, "-m", "tui", "watch", server.url, "--json")
        process = await asyncio.create_subprocess_exec(*argv, stdout=writing, env=clean_environment())
        os.close(writing)
        try:
            assert await asyncio.to_thread(sent.wait, 10)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(6):
                assert await process.wait() == 130
        finally:
            os.close(reading)


def test_pressure_is_said_once_and_eases(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    said: list[bool] = []
    ended = threading.Event()
    output = Output(partial(write_all, writing), said.append, lambda error: ended.set())
    line = b"x" * 65535 + b"\n"
    count = HIGH // len(line) + 8
    for _ in range(count):
        output.write(line)
    assert said == [True]
    output.close()
    read = 0
    while read < count * len(line):
        read += len(os.read(reading, 1 << 20))
    assert ended.wait(5) and said == [True, False]
    os.close(reading)
    os.close(writing)


def test_lines_arrive_whole_and_in_order() -> None:
    reading, writing = os.pipe()
    ended = threading.Event()
    output = Output(partial(write_all, writing), lambda _: None, lambda error: ended.set())
    for number in range(1000):
        output.write(b"%d\n" % number)
    output.close()
    assert ended.wait(5)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"".join(b"%d\n" % number for number in range(1000))


def test_a_broken_pipe_is_said_once() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    errors: list[OSError | None] = []
    ended = threading.Event()

    def end(error: OSError | None) -> None:
        errors.append(error)
        ended.set()

    output = Output(partial(write_all, writing), lambda _: None, end)
    output.write(b"x\n")
    assert ended.wait(5)
    output.write(b"y\n")
    output.close()
    assert len(errors) == 1 and isinstance(errors[0], BrokenPipeError)
    os.close(writing)
