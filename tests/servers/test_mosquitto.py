"""How Mosquitto 2.0 ends MQTT sessions over WebSocket: keep-alive, takeover, logins and its own end.

It never says a Close: every end of its own doing is a FIN. Who is silent goes up to 1.5 keep-alives after his last
packet, measured 4.4 s for 2 s and 10.9 s for 4 s: it looks every few seconds. ``max_packet_size`` does not hold over
WebSocket (a PUBLISH over it is taken).
"""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, probing, seen
from tests.servers.mosquitto import PING, Mosquitto, connect, publish
from tests.servers.nginx import Certificate
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.watching import POSTMORTEM, Line, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

MQTT = ("--subprotocol", "mqtt", "--stdin")


async def log_in(watch: Watch, session: str, words: str, answer: str = "IAIAAA==") -> None:
    """A CONNECT, and its CONNACK."""
    await seen(watch, "open", session)
    await ask(watch, f"send-binary {words}", session)
    await seen(watch, "frame", session, dir="in", b64=answer)


async def pings_until(watch: Watch, session: str, other: str) -> None:
    """``session`` says PINGREQ every 0.8 s until ``other`` has closed."""
    while not watch.of("close", other):
        await ask(watch, f"send-binary {PING}", session)
        await asyncio.sleep(0.8)


def assert_ended(close: Line) -> None:
    """The broker ended it, without a Close."""
    assert close["initiator"] == "remote"
    assert close["received"] is None and close["transport"]["how"] == "fin"


@pytest.mark.parametrize("sessions", [("anna",), ("anna", "bert")])
async def test_one_does_not_keep_alive(
    start: Starter, recorder: Recorder, take: Take, sessions: tuple[str, ...]
) -> None:
    """One says nothing after its CONNECT; its twin, where there is one, pings in time."""
    server, every = start(Mosquitto), take.one_of(2, 3, 4)
    async with probing(*(f"{name}={server.url}" for name in sessions), *MQTT, **POSTMORTEM) as watch:
        for session in sessions:
            await log_in(watch, session, connect(session, every))
        if "bert" in sessions:
            await pings_until(watch, "bert", "anna")
        await seen(watch, "close", "anna")
        await seen(watch, "postmortem", "anna")
        assert await watch.finish() == 1
    close = watch.the("close", "anna")
    assert_ended(close)
    assert every < close["age"] < 2.5 * every + 3
    recorder.keep(take.of(f"mosquitto-keep-alive-{len(sessions)}"), watch)


@pytest.mark.parametrize(("level", "answer"), [(4, "IAIAAA=="), (5, "IAkAAAYiAAohABQ=")])
async def test_a_newer_client_has_the_same_name(
    start: Starter, recorder: Recorder, take: Take, level: int, answer: str
) -> None:
    server = start(Mosquitto)
    async with probing(f"elder={server.url}", f"younger={server.url}", *MQTT, **POSTMORTEM) as watch:
        words = connect("phone", take.one_of(20, 60), level=level)
        await log_in(watch, "elder", words, answer)
        for _ in range(take.one_of(1, 3)):
            await ask(watch, f"send-binary {PING}", "elder")
            await asyncio.sleep(take.between(0.2, 0.6))
        await log_in(watch, "younger", words, answer)
        await seen(watch, "close", "elder")
        await seen(watch, "postmortem", "elder")
        await ask(watch, f"send-binary {PING}", "younger")
        await seen(watch, "frame", "younger", dir="in", b64="0AA=")
        assert await watch.finish() == 1
    assert_ended(watch.the("close", "elder"))
    recorder.keep(take.of(f"mosquitto-same-client-id-{level}"), watch)


async def test_a_wrong_password(start: Starter, recorder: Recorder, take: Take) -> None:
    """CONNACK with 5 (not authorised), and the end."""
    server = start(Mosquitto, "allow_anonymous false")
    async with probing(server.url, *MQTT, **POSTMORTEM) as watch:
        await log_in(watch, "A", connect("phone", take.one_of(5, 60), login=("anna", "wrong")), "IAIABQ==")
        await seen(watch, "close")
        assert await watch.finish() == 1
    assert_ended(watch.the("close"))
    recorder.keep(take.of("mosquitto-wrong-password"), watch)


async def test_what_is_no_mqtt(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Mosquitto)
    async with probing(server.url, *MQTT, **POSTMORTEM) as watch:
        await seen(watch, "open")
        await asyncio.sleep(take.between(0.2, 1))
        await ask(watch, "send " + take.one_of("hello", '{"type":"subscribe"}'))
        await seen(watch, "close")
        assert await watch.finish() == 1
    assert_ended(watch.the("close"))
    recorder.keep(take.of("mosquitto-no-mqtt"), watch)


@pytest.mark.parametrize(("sign", "name"), [(signal.SIGTERM, "restart-reconnect"), (signal.SIGKILL, "sigkill-tls")])
async def test_it_ends(
    start: Starter, certificate: Certificate, recorder: Recorder, take: Take, sign: signal.Signals, name: str
) -> None:
    """Stopped and started again under clients that come back; killed for good under two that speak TLS."""
    again = sign == signal.SIGTERM
    server = start(Mosquitto, certificate=None if again else certificate)
    options = ("--reconnect",) if again else ("--cacert", str(certificate.ca))
    async with probing(f"anna={server.url}", f"bert={server.url}", *MQTT, *options, **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await log_in(watch, session, connect(session, 60))
        await asyncio.sleep(take.between(0.3, 1.5))
        await ask(watch, f"send-binary {publish('news', 30)}", take.one_of("anna", "bert"))
        if again:
            server.end(sign)
        else:
            os.kill(server.pid, sign)
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        if again:
            server.begin()
            for session in ("anna", "bert"):
                await seen(watch, "open", session, count=2)
        else:
            for session in ("anna", "bert"):
                await seen(watch, "postmortem", session)
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert watch.of("close", session)[0]["initiator"] == "remote"
    recorder.keep(take.of(f"mosquitto-{name}"), watch)


async def test_two_that_are_well(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Mosquitto)
    async with probing(f"anna={server.url}", f"bert={server.url}", *MQTT, **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await log_in(watch, session, connect(session, 3))
        for _ in range(take.one_of(5, 7)):
            for session in ("anna", "bert"):
                await ask(watch, f"send-binary {PING}", session)
            await asyncio.sleep(take.between(0.7, 1.3))
        assert await watch.finish() == 0
    recorder.keep(take.of("mosquitto-well"), watch)
