"""``--on-drop``: the command runs once a drop, knows what happened, and never holds anything up."""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from shlex import quote

from tests.probing import seen
from tests.servers import scripts
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.scripted import ScriptedServer
from tests.waiting import eventually
from tests.watching import clean_environment, watching
from tui.facts import codec
from tui.facts.findings import Close, Transport
from tui.watch.on_drop import AT_ONCE, OnDrop, variables

URL = "ws://127.0.0.1:1/?token=***"


def close(**more: object) -> Close:
    """A drop's close report."""
    transport = Transport(
        how="fin", phase="open", errno=None, detail=None, alert=None, close_notify=None, undecoded=0, unread=0, unsent=0
    )
    usual: dict[str, object] = {
        "finding": True, "t": 1_763_863_200.5, "m": 100.0, "s": "B", "c": 2, "n": 9, "code": 1002,
        "name": "Protocol error", "reason": "too late", "synthetic": False, "received": None, "sent": None,
        "clean": True, "initiator": "remote", "transport": transport, "app_view": None, "age": 42.5, "idle_rx": 0.25,
        "idle_tx": None, "idle_any": 0.25,
    }  # fmt: skip
    return Close(**{**usual, **more})  # type: ignore[arg-type]


def test_the_details_are_variables() -> None:
    assert variables(close(), "B", URL) == {
        "WHOOPS_SESSION": "B", "WHOOPS_URL": URL, "WHOOPS_CODE": "1002", "WHOOPS_NAME": "Protocol error",
        "WHOOPS_REASON": "too late", "WHOOPS_ERROR": "", "WHOOPS_INITIATOR": "remote", "WHOOPS_HOW": "fin",
        "WHOOPS_ERRNO": "", "WHOOPS_AGE": "42.500", "WHOOPS_CONNECTION": "2", "WHOOPS_AT": "1763863200.500",
        "WHOOPS_IDLE_RECEIVED": "0.250", "WHOOPS_IDLE_SENT": "",
    }  # fmt: skip


def test_what_a_peer_said_is_safe_to_print_and_bounded() -> None:
    said = variables(close(reason="\x1b]0;owned\x07\0\n", error="x" * 10_000_000), "B", URL)
    assert said["WHOOPS_REASON"] == "\\x1b]0;owned\\x07␀⏎"
    assert len(said["WHOOPS_ERROR"]) == 1000


def test_the_command_finds_variables_and_the_report_on_its_stdin(tmp_path: Path) -> None:
    said: list[str] = []
    command = f"echo $WHOOPS_SESSION $WHOOPS_CODE $WHOOPS_HOW > {quote(str(tmp_path))}/env; cat > {tmp_path}/stdin"
    on_drop = OnDrop(command, "en", said.append)
    on_drop.run(close(), "B@home", URL)
    assert on_drop.wait(10)
    assert (tmp_path / "env").read_text() == "B@home 1002 fin\n"
    assert codec.decode((tmp_path / "stdin").read_bytes()) == close()
    assert said == []


def test_a_command_that_reads_nothing_is_no_failure() -> None:
    said: list[str] = []
    on_drop = OnDrop("exec true", "en", said.append)
    on_drop.run(close(error="x" * 1_000_000), "B", URL)
    assert on_drop.wait(10) and said == []


def test_a_failure_and_what_the_command_says_are_said() -> None:
    said: list[str] = []
    on_drop = OnDrop("echo no such thing >&2; exit 3", "en", said.append)
    on_drop.run(close(), "B", URL)
    assert on_drop.wait(10)
    assert said == ["no such thing", "whoops: --on-drop for B: the command ended with status 3"]


def test_a_command_no_shell_can_run_is_said() -> None:
    said: list[str] = []
    on_drop = OnDrop("a\0b", "zh", said.append)
    on_drop.run(close(), "B", URL)
    assert on_drop.wait(10)
    assert len(said) == 1 and "命令无法运行" in said[0]


def test_nobody_waits_for_a_command(tmp_path: Path) -> None:
    """Each of them goes on until the test says so; no more than ``AT_ONCE`` run at a time."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    on_drop = OnDrop(f"touch {tmp_path}/$WHOOPS_CONNECTION.ran; read line < {fifo}", "en", lambda line: None)
    began = time.monotonic()
    for number in range(AT_ONCE + 2):
        on_drop.run(close(c=number), "B", URL)
    assert time.monotonic() - began < 1
    eventually(lambda: len(list(tmp_path.glob("*.ran"))) == AT_ONCE)
    assert not on_drop.wait(0.05)
    with fifo.open("r+b", buffering=0) as go:  # for both, so that no command that ends leaves it without a reader
        while not on_drop.wait(0.05):
            go.write(b"\n")
    assert len(list(tmp_path.glob("*.ran"))) == AT_ONCE + 2


def test_what_a_command_leaves_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    on_drop = OnDrop(f"cat {fifo} &", "en", lambda line: None)
    on_drop.run(close(), "B", URL)
    assert on_drop.wait(5)
    with fifo.open("w"):
        pass


async def test_watch_runs_it_once_a_drop_and_for_nothing_else(echo: str, tmp_path: Path) -> None:
    """One session is dropped, one closes because it was asked to, one never becomes ready."""
    (port,) = free_ports(1)
    command = f'echo "$WHOOPS_SESSION $WHOOPS_CODE" >> {tmp_path}/drops; cat >> {tmp_path}/reports; echo heard; exit 4'
    sessions = (f"eve={echo}", f"none=ws://{LOOPBACK}:{port}/")
    with ScriptedServer(scripts.closes(4001, "enough", scripts.truncated)) as server:
        async with watching(f"bob={server.url}", *sessions, "--on-drop", command, "--do", "0.3 close") as watch:
            assert await watch.finish() == 1
    assert (tmp_path / "drops").read_text() == "bob 4001\n"
    assert [json.loads(line) for line in (tmp_path / "reports").read_text().splitlines()] == [watch.the("close", "bob")]
    assert watch.stderr.decode() == "heard\nwhoops: --on-drop for bob: the command ended with status 4\n"


async def test_a_hanging_command_does_not_hold_up_the_probe_or_its_end(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with ScriptedServer(scripts.closes(1000, "", scripts.truncated)) as server:
        async with watching(server.url, "--on-drop", f"cat {fifo}", "--linger", "60") as watch:
            await seen(watch, "close")
            os.kill(watch.process.pid, signal.SIGTERM)
            assert await watch.finish() == 130
    assert b"left to itself" in watch.stderr
    with fifo.open("w"):
        pass


async def test_it_may_come_from_the_environment_but_is_not_handed_on(tmp_path: Path) -> None:
    with ScriptedServer(scripts.closes(1000, "", scripts.truncated)) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tui", "watch", server.url, stdout=asyncio.subprocess.DEVNULL,
            env=clean_environment() | {"WHOOPS_ON_DROP": f"env > {tmp_path}/env"},
        )  # fmt: skip
        assert await asyncio.wait_for(process.wait(), 20) == 1
    handed = (tmp_path / "env").read_text()
    assert "WHOOPS_SESSION=A\n" in handed and "WHOOPS_ON_DROP" not in handed
