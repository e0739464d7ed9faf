"""How Jupyter Server 2 (Tornado) ends the sockets of its kernels and terminals, and whom it does not let in.

A kernel that is shut down says so in messages and leaves its sockets open. A handler that fails ends TCP without a
Close.
"""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.again import back
from tests.servers.jupyter import Jupyter
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter, starting
from tests.servers.takes import Take
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """The server that these tests share; it pings every 0.8 s and wants a pong in 2.5 s."""
    with starting(tmp_path_factory.mktemp("jupyter")) as start:
        yield start(Jupyter, "ServerApp.tornado_settings={'ws_ping_interval':800,'ws_ping_timeout':2500}")


async def test_one_of_two_holds_its_pongs(jupyter: Jupyter, recorder: Recorder, take: Take) -> None:
    """Two notebooks on two kernels; one does not answer the pings of the server."""
    targets = (f"mute={jupyter.of_kernel(jupyter.kernel())}", f"well={jupyter.of_kernel(jupyter.kernel())}")
    async with probing(*targets, "--stdin", **POSTMORTEM) as watch:
        for session in ("mute", "well"):
            await seen(watch, "frame", session, dir="in")
        await asyncio.sleep(take.between(1.2, 2.5))
        await ask(watch, "hold-pongs", "mute")
        await seen(watch, "close", "mute")
        await seen(watch, "postmortem", "mute")
        assert await watch.finish() == 1
    assert watch.the("close", "mute")["initiator"] == "remote"
    recorder.keep(take.of("jupyter-no-pong"), watch)


async def test_a_shell_exits(jupyter: Jupyter, recorder: Recorder, take: Take) -> None:
    """``exit`` in one of two terminals."""
    targets = [f"{name}={jupyter.of_terminal(jupyter.terminal())}" for name in ("gone", "here")]
    async with probing(*targets, "--stdin", **POSTMORTEM) as watch:
        for session in ("gone", "here"):
            await seen(watch, "frame", session, dir="in", count=2)
        await asyncio.sleep(take.between(0.3, 1.5))
        await ask(watch, r'send ["stdin","exit\\r"]', "gone")
        await seen(watch, "close", "gone")
        assert await watch.finish() == 1
    assert watch.the("close", "gone")["initiator"] == "remote"
    recorder.keep(take.of("jupyter-shell-exits"), watch)


async def test_an_operator_ends_a_terminal(jupyter: Jupyter, recorder: Recorder, take: Take) -> None:
    """``DELETE /api/terminals/NAME`` under one of two terminals."""
    names = [jupyter.terminal(), jupyter.terminal()]
    targets = [f"{name}={jupyter.of_terminal(one)}" for name, one in zip(("gone", "here"), names, strict=True)]
    async with probing(*targets, "--stdin", **POSTMORTEM) as watch:
        for session in ("gone", "here"):
            await seen(watch, "frame", session, dir="in", count=2)
        await asyncio.sleep(take.between(0.3, 1.5))
        await asyncio.to_thread(jupyter.ask, "DELETE", f"terminals/{names[0]}")
        await seen(watch, "close", "gone")
        assert await watch.finish() == 1
    assert watch.the("close", "gone")["initiator"] == "remote"
    recorder.keep(take.of("jupyter-terminal-deleted"), watch)


async def test_a_handler_fails(jupyter: Jupyter, recorder: Recorder, take: Take) -> None:
    """A message that is no JSON raises in the handler; it cuts TCP."""
    async with probing(jupyter.of_terminal(jupyter.terminal()), "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "frame", dir="in", count=2)
        await asyncio.sleep(take.between(0.3, 1.5))
        await ask(watch, "send " + take.one_of("ls", '["stdin"'), "A")
        await seen(watch, "close")
        await seen(watch, "postmortem")
        assert await watch.finish() == 1
    close = watch.the("close")
    assert (close["code"], close["initiator"]) == (1006, "remote")
    recorder.keep(take.of("jupyter-handler-fails"), watch)


@pytest.mark.parametrize(("what", "answer"), [("token", 403), ("kernel", 404)])
async def test_it_lets_nobody_in(jupyter: Jupyter, recorder: Recorder, take: Take, what: str, answer: int) -> None:
    kernel = jupyter.kernel() if what == "token" else f"{take.one_of(0, 7)}0000000-0000-0000-0000-000000000000"
    url = jupyter.of_kernel(kernel, "guess") if what == "token" else jupyter.of_kernel(kernel)
    watch, status = await run(url, **POSTMORTEM)
    assert status == 3
    assert watch.the("http", dir="in")["status"] == answer
    recorder.keep(take.of(f"jupyter-no-{what}"), watch)


async def told(watch: Watch, session: str, words: str) -> None:
    """Waits for a message that holds ``words``."""
    await watch.until(lambda line: line.get("s") == session and words in (line.get("text") or ""))


async def test_a_kernel_dies_and_is_restarted(jupyter: Jupyter, recorder: Recorder, take: Take) -> None:
    """Its sockets stay open and messages say so."""
    kernel = jupyter.kernel()
    targets = (f"anna={jupyter.of_kernel(kernel)}", f"bert={jupyter.of_kernel(kernel)}")
    async with probing(*targets, "--stdin", **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await seen(watch, "frame", session, dir="in")
        await asyncio.sleep(take.between(0.5, 1.5))
        await asyncio.to_thread(jupyter.ask, "POST", f"kernels/{kernel}/restart")
        for session in ("anna", "bert"):
            await told(watch, session, "shutdown_reply")
        assert await watch.finish() == 0
    recorder.keep(take.of("jupyter-kernel-restarted"), watch)


@pytest.mark.parametrize(("sign", "name"), [(signal.SIGTERM, "stop-reconnect"), (signal.SIGKILL, "sigkill")])
async def test_it_ends(start: Starter, recorder: Recorder, take: Take, sign: signal.Signals, name: str) -> None:
    """Two tabs on one terminal; the server is stopped and started again, or killed."""
    server = start(Jupyter)
    terminal = server.terminal()
    again = sign == signal.SIGTERM
    options = ("--reconnect",) if again else ()
    targets = (f"tab1={server.of_terminal(terminal)}", f"tab2={server.of_terminal(terminal)}")
    async with probing(*targets, "--stdin", *options, **POSTMORTEM) as watch:
        for session in ("tab1", "tab2"):
            await seen(watch, "frame", session, dir="in")
        await asyncio.sleep(take.between(0.3, 1.5))
        os.kill(server.pid, sign)
        for session in ("tab1", "tab2"):
            await seen(watch, "close", session)
        if again:
            server.end()
            server.begin()
            for session in ("tab1", "tab2"):
                await back(watch, session, "http")
        else:
            for session in ("tab1", "tab2"):
                await seen(watch, "postmortem", session)
        await watch.finish()
    for session in ("tab1", "tab2"):
        assert watch.of("close", session)[0]["initiator"] == "remote"
    recorder.keep(take.of(f"jupyter-{name}"), watch)
