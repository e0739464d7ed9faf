"""How Prosody 0.12 ends XMPP sessions over WebSocket: conflicts, deleted users, bad words, its own end.

It says why as a stream error in a message, then ``<close/>``, then a Close 1000 "Stream closed".
"""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.again import back
from tests.servers.prosody import OPEN, PING, Prosody, authenticate, bind
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

XMPP = ("--subprotocol", "xmpp", "--stdin")


async def hears(watch: Watch, session: str, word: str, count: int = 1) -> None:
    """A message that holds ``word``."""
    await watch.until(
        lambda line: (
            line["type"] == "frame" and line["s"] == session and line["dir"] == "in" and word in line.get("text", "")
        ),
        count=count,
    )


async def log_in(watch: Watch, session: str, user: str, resource: str) -> None:
    """A stream, a login and a resource."""
    await seen(watch, "open", session)
    await ask(watch, OPEN, session)
    await hears(watch, session, "PLAIN")
    await ask(watch, authenticate(user), session)
    await hears(watch, session, "<success")
    await ask(watch, OPEN, session)
    await hears(watch, session, "xmpp-bind")
    await ask(watch, bind(resource), session)
    await hears(watch, session, "<jid>")


async def test_a_newer_session_takes_its_resource(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Prosody)
    async with probing(f"elder={server.url}", f"other={server.url}", *XMPP, **POSTMORTEM) as watch:
        await log_in(watch, "elder", "anna", "phone")
        await log_in(watch, "other", take.one_of("anna", "bert"), "desk")
        await asyncio.sleep(take.between(0.3, 1.5))
        await open_session(watch, name="younger", url=server.url, subprotocol=["xmpp"])
        await log_in(watch, "younger", "anna", "phone")
        await seen(watch, "close", "elder")
        assert await watch.finish() == 1
    close = watch.the("close", "elder")
    assert (close["initiator"], close["code"]) == ("remote", 1000)
    recorder.keep(take.of("prosody-conflict"), watch)


async def test_an_administrator_deletes_a_user(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Prosody)
    async with probing(f"gone={server.url}", f"here={server.url}", *XMPP, **POSTMORTEM) as watch:
        await log_in(watch, "gone", "anna", "phone")
        await log_in(watch, "here", "bert", "phone")
        await asyncio.sleep(take.between(0.3, 1.5))
        await asyncio.to_thread(server.ctl, "shell", "user", "delete", "anna@localhost")
        await seen(watch, "close", "gone")
        assert await watch.finish() == 1
    assert watch.the("close", "gone")["initiator"] == "remote"
    recorder.keep(take.of("prosody-user-deleted"), watch)


async def test_an_administrator_kicks_one_of_two(start: Starter, recorder: Recorder, take: Take) -> None:
    """``c2s:close`` with a text; the other session is of the same user or another."""
    server = start(Prosody)
    async with probing(f"gone={server.url}", f"here={server.url}", *XMPP, **POSTMORTEM) as watch:
        await log_in(watch, "gone", "anna", "phone")
        await log_in(watch, "here", take.one_of("anna", "bert"), "desk")
        await asyncio.sleep(take.between(0.3, 1.5))
        await asyncio.to_thread(server.ctl, "shell", 'c2s:close("anna@localhost/phone")')
        await seen(watch, "close", "gone")
        assert await watch.finish() == 1
    assert watch.the("close", "gone")["initiator"] == "remote"
    recorder.keep(take.of("prosody-kick"), watch)


async def test_words_that_are_no_xml(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Prosody)
    async with probing(server.url, *XMPP, **POSTMORTEM) as watch:
        await log_in(watch, "A", "anna", "phone")
        await ask(watch, "send " + take.one_of("<message><body>a & b</body></message>", "<a></b>"), "A")
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    assert watch.the("close")["initiator"] == "remote"
    recorder.keep(take.of("prosody-no-xml"), watch)


async def test_nobody_logs_in(start: Starter, recorder: Recorder, take: Take) -> None:
    """``c2s_timeout``: the seconds a client has for its login."""
    patience = take.one_of(2, 3)
    server = start(Prosody, f"c2s_timeout = {patience}")
    async with probing(f"lost={server.url}", f"here={server.url}", *XMPP, **POSTMORTEM) as watch:
        await log_in(watch, "here", "anna", "phone")
        await ask(watch, OPEN, "lost")
        await seen(watch, "close", "lost")
        await ask(watch, PING, "here")
        await hears(watch, "here", "id='p'")
        assert await watch.finish() == 1
    assert watch.the("close", "lost")["initiator"] == "remote"
    recorder.keep(take.of("prosody-nobody-logs-in"), watch)


@pytest.mark.parametrize(("sign", "name"), [(signal.SIGTERM, "stop-reconnect"), (signal.SIGKILL, "sigkill")])
async def test_it_ends(start: Starter, recorder: Recorder, take: Take, sign: signal.Signals, name: str) -> None:
    server = start(Prosody)
    again = sign == signal.SIGTERM
    options = ("--reconnect",) if again else ()
    async with probing(f"anna={server.url}", f"bert={server.url}", *XMPP, *options, **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await log_in(watch, session, session, "phone")
        await asyncio.sleep(take.between(0.3, 1.5))
        os.kill(server.pid, sign)
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        if again:
            server.end()
            server.begin()
            for session in ("anna", "bert"):
                await back(watch, session)
        else:
            for session in ("anna", "bert"):
                await seen(watch, "postmortem", session)
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert watch.of("close", session)[0]["initiator"] == "remote"
    recorder.keep(take.of(f"prosody-{name}"), watch)


async def test_two_that_are_well(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Prosody)
    async with probing(f"anna={server.url}", f"bert={server.url}", *XMPP, **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await log_in(watch, session, session, "phone")
        for n in range(1, 5):
            for session in ("anna", "bert"):
                await ask(watch, PING, session)
                await hears(watch, session, "id='p'", n)
            await asyncio.sleep(take.between(0.6, 1.2))
        assert await watch.finish() == 0
    recorder.keep(take.of("prosody-well"), watch)
