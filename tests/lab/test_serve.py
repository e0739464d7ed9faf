"""``whoops lab`` as a process: what it says first, and what ends it."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process

import pytest
from websockets.asyncio.client import connect

from tui.knowledge.catalogue import phrase
from tui.lab.errors import LabError
from tui.lab.lab import running
from tui.lab.serve import serve

RUN = (
    "import asyncio, sys\n"
    "from tui.lab.serve import serve\n"
    "status = asyncio.run(serve({story!r}, {port}, {json}, {lang!r}))\n"
    "assert not {{'textual', 'rich'}} & set(sys.modules)\n"
    "sys.exit(status)"
)


async def start(story: str | None = None, *, port: int = 0, json: bool = True, lang: str = "en") -> Process:
    code = RUN.format(story=story, port=port, json=json, lang=lang)
    return await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdin=PIPE, stdout=PIPE, stderr=PIPE)


async def ended(process: Process) -> tuple[int | None, str, str]:
    out, err = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode, out.decode(), err.decode()


async def first_line(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 20)).decode()


@pytest.mark.parametrize("story", [None, "hidden-tab"])
async def test_the_first_line_says_where_and_the_end_of_stdin_ends_it(story: str | None) -> None:
    process = await start(story)
    line = json.loads(await first_line(process))
    assert list(line) == ["type", "urls"]
    assert line["type"] == "lab"
    assert line["urls"]["stomp"].startswith("stomp+ws://127.0.0.1:")
    async with connect(line["urls"]["echo"]) as ws:
        await ws.send("hi")
        assert await ws.recv() == "hi"
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(ws.wait_closed(), 5)
        assert ws.close_code == 1001
    assert await ended(process) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it(number: signal.Signals) -> None:
    process = await start()
    await first_line(process)
    os.kill(process.pid, number)
    assert await ended(process) == (0, "", "")


@pytest.mark.parametrize(("lang", "word"), [("en", "broker"), ("zh", "消息代理")])
async def test_a_person_is_told_what_to_type(lang: str, word: str) -> None:
    process = await start("hidden-tab", json=False, lang=lang)
    said = await first_line(process)
    while "ctrl+c" not in said:
        said += await first_line(process)
    os.kill(process.pid, signal.SIGINT)
    assert (await ended(process))[0] == 0
    assert "whoops demo hidden-tab" in said
    assert f"  {word}" in said
    assert "stomp+ws://127.0.0.1:" in said


async def test_rubbish_at_the_port_is_no_noise() -> None:
    process = await start()
    url = json.loads(await first_line(process))["urls"]["echo"]
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.split(":")[2].split("/")[0]))
    writer.write(b"\x00\x01rubbish\r\n\r\n")
    await asyncio.wait_for(reader.read(), 5)
    writer.close()
    os.kill(process.pid, signal.SIGTERM)
    assert await ended(process) == (0, "", "")


async def test_a_port_in_use_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LabError) as error:
            await serve(None, port, True, "en")
    line = phrase(error.value.key, "en", **error.value.args_)
    assert line.startswith(f"--port {port}: another program listens there already")


@pytest.mark.parametrize("port", [-1, 65536])
async def test_no_port_is_said_in_one_line(port: int) -> None:
    with pytest.raises(LabError) as error:
        async with running(port=port):
            pass
    assert phrase(error.value.key, "en", **error.value.args_).startswith(f"--port {port}: a port is a number from 0")


async def test_an_unknown_story_opens_nothing() -> None:
    with pytest.raises(LabError) as error:
        await serve("hidden-tap", 0, True, "en")
    assert error.value.args_ == {"given": "hidden-tap", "near": "hidden-tab"}
