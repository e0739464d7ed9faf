"""How centrifuge, the library under Centrifugo, ends its clients: codes of its own from 3000 on, each with a word."""

import asyncio
import itertools
import signal
import urllib.request

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.endings import assert_said
from tests.servers.golang import Centrifuge
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def connect(user: str) -> str:
    """A client's first command."""
    return f'send {{"id":1,"connect":{{"token":"{user}"}}}}'


async def login(watch: Watch, session: str, user: str = "anna") -> None:
    """Connects a session and waits for the answer."""
    await seen(watch, "open", session)
    await ask(watch, connect(user), session)
    await seen(watch, "frame", session, dir="in")


async def answer_pings(watch: Watch, session: str) -> None:
    """Says each of its pings back: a pong that nobody asked for would be a bad request."""
    for count in itertools.count(1):
        await seen(watch, "frame", session, dir="in", text="{}", count=count)
        await ask(watch, "send {}", session)


async def operate(server: Centrifuge, path: str) -> None:
    """An operator's request."""
    address = f"http://127.0.0.1:{server.port}/{path}"
    answer = await asyncio.to_thread(urllib.request.urlopen, address)
    answer.close()


async def test_it_hears_no_pong(start: Starter, recorder: Recorder, take: Take) -> None:
    """Its ping is the message ``{}``: who does not say it back is closed with 3012."""
    every = take.between(0.8, 1.2)
    server = start(Centrifuge, PingPeriod=every, PongWait=take.between(0.4, 0.7))
    async with probing(f"held={server.url}", f"well={server.url}", "--stdin", **POSTMORTEM) as watch:
        await login(watch, "held")
        await login(watch, "well", "bert")
        beats = asyncio.create_task(answer_pings(watch, "well"))
        await seen(watch, "close", "held")
        await seen(watch, "frame", "well", dir="out", text="{}", count=2)
        beats.cancel()
        assert await watch.finish() == 1
    assert_said(watch.the("close", "held"), 3012, "no pong")
    assert watch.the("close", "well")["asked"] is True
    recorder.keep(take.of("centrifuge-no-pong"), watch)


async def test_nobody_connects(start: Starter, recorder: Recorder, take: Take) -> None:
    """``ClientStaleCloseDelay``: the socket is open, its first command never came."""
    server = start(Centrifuge, Stale=take.between(1, 2.5))
    watch, status = await run(server.url, "-n", "2", "--stagger", "0.5", **POSTMORTEM)
    assert status == 1
    for close in watch.of("close"):
        assert close["initiator"] == "remote"
    recorder.keep(take.of("centrifuge-stale"), watch)


async def test_its_credentials_run_out(start: Starter, recorder: Recorder, take: Take) -> None:
    """Nobody refreshes them: 3005."""
    server = start(Centrifuge, Expires=take.between(1.5, 3), PingPeriod=25.0, PongWait=8.0)
    async with probing(f"A={server.url}", "--stdin", **POSTMORTEM) as watch:
        await login(watch, "A")
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    assert_said(watch.the("close", "A"), 3005, "connection expired")
    recorder.keep(take.of("centrifuge-expires"), watch)


async def test_it_shuts_down(start: Starter, recorder: Recorder, take: Take) -> None:
    server, other = start(Centrifuge), start(Centrifuge)
    targets = (f"anna={server.url}", f"bert={server.url}", f"else={other.url}")
    async with probing(*targets, "--stdin", **POSTMORTEM) as watch:
        for session in take.one_of(("anna", "bert", "else"), ("else", "bert", "anna")):
            await login(watch, session, session)
        server.end(signal.SIGTERM)
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert_said(watch.the("close", session), 3001, "shutdown")
    recorder.keep(take.of("centrifuge-shutdown"), watch)


async def test_an_operator_disconnects_a_user(start: Starter, recorder: Recorder, take: Take) -> None:
    """Both of its connections are closed with 3503; another user's stays."""
    server = start(Centrifuge)
    targets = (f"phone={server.url}", f"desk={server.url}", f"bert={server.url}")
    async with probing(*targets, "--stdin", **POSTMORTEM) as watch:
        for session, user in (("phone", "anna"), ("desk", "anna"), ("bert", "bert")):
            await login(watch, session, user)
        await ask(watch, f"mark {take.one_of('before', 'now')}")
        await operate(server, "disconnect?user=anna")
        for session in ("phone", "desk"):
            await seen(watch, "close", session)
        assert await watch.finish() == 1
    for session in ("phone", "desk"):
        assert_said(watch.the("close", session), 3503, "force disconnect")
    recorder.keep(take.of("centrifuge-disconnects-a-user"), watch)


async def test_another_device(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Centrifuge, One=True)
    async with probing(f"phone={server.url}", f"desk={server.url}", "--stdin", **POSTMORTEM) as watch:
        older, newer = take.one_of(("phone", "desk"), ("phone", "desk"))
        await login(watch, older)
        await login(watch, newer)
        await seen(watch, "close", older)
        assert await watch.finish() == 1
    assert_said(watch.the("close", "phone"), 4409, "connected from another device")
    recorder.keep(take.of("centrifuge-another-device"), watch)


@pytest.mark.parametrize(
    ("name", "words", "code"),
    [
        ("bad-request", "send hello there", 3501),
        ("invalid-token", 'send {"id":1,"connect":{}}', 3500),
        ("connects-twice", 'send {"id":2,"connect":{"token":"anna"}}', 3501),
    ],
)
async def test_a_bad_command(start: Starter, recorder: Recorder, take: Take, name: str, words: str, code: int) -> None:
    server = start(Centrifuge)
    async with probing(f"A={server.url}", "--stdin") as watch:
        await seen(watch, "open")
        if name != "invalid-token":
            await login(watch, "A", take.one_of("anna", "bert"))
        await ask(watch, words, "A")
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    assert watch.the("close")["code"] == code
    recorder.keep(take.of(f"centrifuge-{name}"), watch)


async def test_a_client_that_does_not_read(start: Starter, recorder: Recorder, take: Take) -> None:
    """More than ``ClientQueueMaxSize`` waits for it: its 3008 does not get through where the kernel's buffers are
    full."""
    server = start(Centrifuge, Queue=65536, Kernel=1 << 14)
    async with probing(f"slow={server.url}", f"well={server.url}", "--stdin", **POSTMORTEM) as watch:
        await login(watch, "slow")
        await login(watch, "well", "bert")
        await ask(watch, f"freeze {take.between(1.5, 2.5)}", "slow")
        await operate(server, f"flood?count={take.one_of(35, 40)}&bytes=10000")
        await seen(watch, "close", "slow")
        assert await watch.finish() == 1
    assert watch.the("close", "slow")["initiator"] == "remote"
    assert watch.the("close", "well")["asked"] is True
    recorder.keep(take.of("centrifuge-slow"), watch)
