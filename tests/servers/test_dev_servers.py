"""The sockets of development servers, webpack-dev-server 5 and Vite 8, when these are stopped, restarted or killed."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.again import back
from tests.servers.node_apps import Vite, WebpackDevServer
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

HMR = ("--subprotocol", "vite-hmr")


@pytest.mark.parametrize(
    ("name", "sign"),
    [("interrupt-reconnect", signal.SIGINT), ("interrupt", signal.SIGINT), ("sigkill", signal.SIGKILL)],
)
async def test_webpack_dev_server_ends(
    start: Starter, recorder: Recorder, take: Take, name: str, sign: signal.Signals
) -> None:
    """Ctrl-C, with a new start after it or without; and a kill."""
    server, again = start(WebpackDevServer), "reconnect" in name
    options = ("--origin", f"http://127.0.0.1:{server.port}", *(("--reconnect",) if again else ()))
    async with probing(f"tab1={server.url}", f"tab2={server.url}", "--stdin", *options, **POSTMORTEM) as watch:
        for tab in ("tab1", "tab2"):
            await seen(watch, "frame", tab, dir="in")
        await asyncio.sleep(take.between(0.3, 1.5))
        os.kill(server.pid, sign)
        for tab in ("tab1", "tab2"):
            await seen(watch, "close", tab)
        if again:
            server.end()
            server.begin()
            for tab in ("tab1", "tab2"):
                await back(watch, tab)
        else:
            for tab in ("tab1", "tab2"):
                await seen(watch, "postmortem", tab)
        assert await watch.finish() == 1
    for tab in ("tab1", "tab2"):
        assert watch.of("close", tab)[0]["initiator"] == "remote"
    recorder.keep(take.of(f"webpack-{name}"), watch)


async def test_webpack_dev_server_does_not_know_the_host(start: Starter, recorder: Recorder, take: Take) -> None:
    """An Origin that is none of its ``allowedHosts``, or none: an error as a message, and a Close without a code."""
    server = start(WebpackDevServer)
    words = take.one_of((), ("--origin", "http://app.ground.example:3000"))
    watch, status = await run(server.url, *words, **POSTMORTEM)
    assert status == 1
    assert watch.the("close")["initiator"] == "remote"
    recorder.keep(take.of("webpack-other-origin"), watch)


async def test_vite_restarts_within_its_process(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Vite)
    async with probing(
        f"tab1={server.url}", f"tab2={server.url}", *HMR, "--stdin", "--reconnect", **POSTMORTEM
    ) as watch:
        for tab in ("tab1", "tab2"):
            await seen(watch, "frame", tab, dir="in")
        await asyncio.sleep(take.between(0.3, 1.5))
        os.kill(server.pid, signal.SIGHUP)
        for tab in ("tab1", "tab2"):
            await seen(watch, "close", tab)
            await back(watch, tab, "http")
        assert await watch.finish() == 1
    for tab in ("tab1", "tab2"):
        assert watch.of("close", tab)[0]["initiator"] == "remote"
    recorder.keep(take.of("vite-restart-reconnect"), watch)


@pytest.mark.parametrize(("name", "sign"), [("stop", signal.SIGTERM), ("sigkill", signal.SIGKILL)])
async def test_vite_ends(start: Starter, recorder: Recorder, take: Take, name: str, sign: signal.Signals) -> None:
    """One of two development servers ends, the other goes on."""
    server, other = start(Vite), start(Vite)
    async with probing(f"gone={server.url}", f"here={other.url}", *HMR, "--stdin", **POSTMORTEM) as watch:
        for tab in ("gone", "here"):
            await seen(watch, "frame", tab, dir="in")
        await asyncio.sleep(take.between(0.3, 1))
        os.kill(server.pid, sign)
        await seen(watch, "close", "gone")
        await seen(watch, "postmortem", "gone")
        await ask(watch, 'send {"type":"ping"}', "here")
        assert await watch.finish() == 1
    assert watch.the("close", "gone")["initiator"] == "remote"
    recorder.keep(take.of(f"vite-{name}"), watch)


@pytest.mark.parametrize("what", ["token", "subprotocol"])
async def test_vite_lets_nobody_in(start: Starter, recorder: Recorder, take: Take, what: str) -> None:
    """A token that is not its own, with the Origin of a browser: 400. No subprotocol of its own: no answer at all."""
    server = start(Vite)
    url = server.url[: -take.one_of(3, 5)] if what == "token" else server.url
    words = (*HMR, "--origin", f"http://127.0.0.1:{server.port}") if what == "token" else ()
    watch, status = await run(url, *words, "--open-timeout", str(take.between(2, 3)), **POSTMORTEM)
    assert status == 3
    recorder.keep(take.of(f"vite-no-{what}"), watch)
