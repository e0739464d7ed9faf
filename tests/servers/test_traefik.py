"""Traefik between us and the server: its middlewares refuse, its rules change, it stops with a time of grace.

Measured with 3.7: ``readTimeout`` and ``idleTimeout`` leave an open WebSocket alone, and so does a change of its rules.
SIGTERM refuses new connections at once and cuts the open ones, by FIN and without a Close, when ``graceTimeOut`` is
over. Nothing in its answers names it.
"""

import os
import signal

import pytest

from tests.probing import ask, open_session, probing, run, seen
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python import PythonEndings
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.servers.test_idle_proxies import assert_cut, chatter
from tests.servers.traefik import Config, Traefik
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

REFUSALS: dict[str, tuple[Config, int]] = {
    "login": ({"basicAuth": {"users": ["anna:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/"]}}, 401),
    "addresses": ({"ipAllowList": {"sourceRange": ["10.0.0.0/8"]}}, 403),
    "redirect": ({"redirectScheme": {"scheme": "https", "permanent": True}}, 301),
    "no-upgrade": ({"headers": {"customRequestHeaders": {"Upgrade": "", "Connection": ""}}}, 426),
}


@pytest.mark.parametrize("fault", REFUSALS)
async def test_a_middleware_refuses(echo_port: int, start: Starter, recorder: Recorder, take: Take, fault: str) -> None:
    middleware, status = REFUSALS[fault]
    traefik = start(Traefik, echo_port, middleware=middleware)
    watch, left = await run(traefik.url, **POSTMORTEM)
    assert left == 3
    assert watch.of("http", dir="in")[0]["status"] == status
    recorder.keep(take.of(f"traefik-{fault}"), watch)


@pytest.mark.parametrize("fault", ["rate", "too-many"])
async def test_the_second_is_one_too_many(
    echo_port: int, start: Starter, recorder: Recorder, take: Take, fault: str
) -> None:
    """By requests a minute, or by requests at a time: a WebSocket counts as long as it lasts."""
    middleware: Config = (
        {"rateLimit": {"average": 1, "period": f"{take.one_of(30, 60)}s", "burst": 1}}
        if fault == "rate"
        else {"inFlightReq": {"amount": 1}}
    )
    traefik = start(Traefik, echo_port, middleware=middleware)
    async with probing(f"first={traefik.url}", "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open", "first")
        await open_session(watch, name="second", url=traefik.url)
        await seen(watch, "close", "second")
        await ask(watch, "send still here", "first")
        await seen(watch, "frame", "first", dir="in", text="still here")
        await watch.finish()
    assert watch.the("http", "second", dir="in")["status"] == 429
    recorder.keep(take.of(f"traefik-{fault}"), watch)


async def test_one_connection_too_many(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """As TCP (``inFlightConn``) it accepts and ends at once, with no byte said."""
    traefik = start(Traefik, echo_port, tcp=True, middleware={"inFlightConn": {"amount": 1}})
    async with probing(f"first={traefik.url}", "--stdin", *chatter(0.5, 2, "first"), **POSTMORTEM) as watch:
        await seen(watch, "open", "first")
        await seen(watch, "frame", "first", dir="in", count=take.one_of(1, 2))
        await open_session(watch, name="second", url=traefik.url)
        await seen(watch, "close", "second")
        await watch.finish()
    assert watch.the("close", "second")["transport"]["phase"] == "http"
    recorder.keep(take.of("traefik-tcp-too-many"), watch)


@pytest.mark.parametrize("fault", ["no-route", "no-server"])
async def test_it_leads_nowhere(echo_port: int, start: Starter, recorder: Recorder, take: Take, fault: str) -> None:
    if fault == "no-route":
        traefik, status = start(Traefik, echo_port, rule="Host(`crew.example`)"), 404
    else:
        traefik, status = start(Traefik, *free_ports(1)), 502
    watch, left = await run(traefik.url, **POSTMORTEM)
    assert left == 3
    assert watch.of("http", dir="in")[0]["status"] == status
    recorder.keep(take.of(f"traefik-{fault}"), watch)


async def test_its_rules_change_under_open_sessions(
    echo_port: int, start: Starter, recorder: Recorder, take: Take
) -> None:
    """The open one goes on; the next one is led nowhere."""
    traefik = start(Traefik, echo_port)
    async with probing(f"elder={traefik.url}", "--stdin", *chatter(take.one_of(0.4, 0.6), 3), **POSTMORTEM) as watch:
        await seen(watch, "frame", "elder", dir="in")
        traefik.change("Host(`crew.example`)")
        await open_session(watch, name="younger", url=traefik.url)
        await seen(watch, "close", "younger")
        await ask(watch, "send still here", "elder")
        await seen(watch, "frame", "elder", dir="in", text="still here")
        await watch.finish()
    assert watch.the("http", "younger", dir="in")["status"] == 404
    assert watch.the("close", "elder")["asked"] is True
    recorder.keep(take.of("traefik-rules-changed"), watch)


@pytest.mark.parametrize("tcp", [False, True])
async def test_it_stops_with_grace(echo_port: int, start: Starter, recorder: Recorder, take: Take, tcp: bool) -> None:
    """Busy and quiet ones are cut together."""
    grace = take.one_of(1, 2)
    traefik = start(Traefik, echo_port, grace=grace, tcp=tcp)
    sessions = (f"busy={traefik.url}", f"quiet={traefik.url}", f"direct=ws://{LOOPBACK}:{echo_port}/")
    async with probing(*sessions[: 2 if tcp else 3], "--stdin", *chatter(0.4, 4, "busy"), **POSTMORTEM) as watch:
        await seen(watch, "frame", "busy", dir="in", count=take.one_of(1, 2, 3))
        await seen(watch, "open", count=2 if tcp else 3)
        os.kill(traefik.pid, signal.SIGTERM)
        for name in ("busy", "quiet"):
            await seen(watch, "postmortem", name, ok=False, how="refused")
        assert await watch.finish() == 1
    for name in ("busy", "quiet"):
        assert watch.the("close", name)["code"] == 1006
    recorder.keep(take.of(f"traefik-{'tcp-' if tcp else ''}sigterm"), watch)


async def test_it_is_restarted(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    traefik = start(Traefik, echo_port)
    sessions = (f"A={traefik.url}", f"B={traefik.url}", f"direct=ws://{LOOPBACK}:{echo_port}/")
    async with probing(*sessions, "--reconnect", "--stdin", *chatter(0.5, 2, "A"), **POSTMORTEM) as watch:
        await seen(watch, "open", count=3)
        await seen(watch, "frame", "A", dir="in", count=take.one_of(1, 2))
        traefik.end(take.one_of(signal.SIGTERM, signal.SIGINT))
        traefik.begin()
        await seen(watch, "open", "A", count=2)
        await seen(watch, "open", "B", count=2)
        await watch.finish()
    for name in "AB":
        assert watch.of("close", name)[0]["code"] == 1006
    assert watch.the("close", "direct")["asked"] is True
    recorder.keep(take.of("traefik-restart"), watch)


@pytest.mark.parametrize("word", ["abort", "close"])
async def test_its_server_ends_one(
    python_endings: PythonEndings, start: Starter, recorder: Recorder, take: Take, word: str
) -> None:
    """What the server does to one is passed on as it is, though a reset becomes a FIN; the other lives."""
    traefik = start(Traefik, python_endings.port)
    async with probing(f"anna={traefik.url}", f"bert={traefik.url}", "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        await ask(watch, "send close 4410 room closed" if word == "close" else "send abort", "anna")
        await seen(watch, "close", "anna")
        await ask(watch, "send still here", "bert")
        await seen(watch, "frame", "bert", dir="in", text="still here")
        assert await watch.finish() == 1
    if word == "close":
        assert watch.the("close", "anna")["received"] == {"code": 4410, "reason": "room closed"}
    else:
        assert_cut(watch.the("close", "anna"))
    recorder.keep(take.of(f"traefik-server-{word}"), watch)
