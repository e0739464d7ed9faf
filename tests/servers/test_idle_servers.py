"""What servers with idle rules of their own do to clients that say nothing, however much the servers say."""

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.strict import Ending, StrictNode, StrictPython
from tests.servers.takes import Take, extra
from tests.servers.test_idle_proxies import EARLY, LATE, assert_cut, chatter
from tests.watching import Line

pytestmark = [pytest.mark.real, pytest.mark.extra]

KINDS = {"node": StrictNode, "python": StrictPython}


def assert_ended(close: Line, ending: Ending) -> None:
    """It was ended from there, so."""
    if isinstance(ending, str):
        assert_cut(close)
    else:
        assert (close["code"], close["reason"], close["initiator"]) == (*ending, "remote")
        assert close["clean"] is True


@pytest.mark.parametrize(
    ("name", "kind", "ending"),
    [
        ("1000", "python", (1000, "")),
        extra("1001", "node", (1001, "")),
        extra("4000", "node", (4000, "inactive")),
        extra("4408", "python", (4408, "")),
        extra("fin", "node", "fin"),
    ],
)
async def test_it_talks_and_we_do_not(
    start: Starter, recorder: Recorder, take: Take, name: str, kind: str, ending: Ending
) -> None:
    """Its news do not count; our last message does."""
    idle = take.between(1.5, 3)
    server = start(KINDS[kind], idle=idle, says=take.one_of(0.3, 0.4, 0.5), ending=ending)
    watch, status = await run(server.url, "--do", f"{take.between(0.3, 0.8)} send here I am")
    assert status == 1
    close = watch.the("close")
    assert_ended(close, ending)
    assert idle - EARLY <= close["idle_tx"] <= idle + LATE
    recorder.keep(take.of(f"{kind}-strict-idle-{name}"), watch)


async def test_one_of_two_is_silent(start: Starter, recorder: Recorder, take: Take) -> None:
    idle = take.between(1.5, 3)
    server = start(StrictPython, idle=idle, says=0.5, ending=take.one_of((1000, ""), (1001, "idle"), (4001, "idle")))
    words = chatter(take.one_of(0.4, 0.6), idle + LATE, "busy")
    async with probing(f"busy={server.url}", f"quiet={server.url}", "--stdin", *words) as watch:
        await seen(watch, "close", "quiet")
        assert await watch.finish() == 1
    assert watch.the("close", "quiet")["initiator"] == "remote"
    assert idle - EARLY <= watch.the("close", "quiet")["idle_tx"] <= idle + LATE
    recorder.keep(take.of("python-strict-idle-one-of-two"), watch)


async def test_it_happens_again(start: Starter, recorder: Recorder, take: Take) -> None:
    """A FIN alone, so long after our last message, each time."""
    idle = take.between(1.5, 2.5)
    server = start(StrictNode, idle=idle, says=take.one_of(0.4, 0.6), ending="fin")
    async with probing(server.url, "--reconnect", "--stdin", "--do", "0.5 send here I am") as watch:
        await seen(watch, "close", count=take.one_of(2, 3))
        await watch.finish()
    for close in watch.of("close")[:2]:
        assert_cut(close)
        assert idle - EARLY <= close["idle_tx"] <= idle + LATE
    recorder.keep(take.of("node-strict-idle-again"), watch)


async def test_behind_a_patient_proxy(start: Starter, recorder: Recorder, take: Take) -> None:
    """The server's rule, not that of the nginx before it, which passes the Close on."""
    idle = take.between(1.5, 3)
    server = start(StrictNode, idle=idle, says=0.5, ending=take.one_of((1000, "idle"), (1001, ""), (4000, "")))
    nginx = start(Nginx, server.port, idle + 5)
    watch, status = await run(f"ws://{LOOPBACK}:{nginx.port}/")
    assert status == 1
    assert watch.the("close")["initiator"] == "remote"
    assert idle - EARLY <= watch.the("close")["idle_tx"] <= idle + LATE
    recorder.keep(take.of("nginx-node-strict-idle"), watch)


async def test_it_waits_for_a_login(start: Starter, recorder: Recorder, take: Take) -> None:
    """Who says nothing at first is sent away; who does is not."""
    first = take.between(1.5, 2.5)
    server = start(
        take.one_of(StrictPython, StrictNode),
        first=first,
        says=0.5,
        ending=take.one_of((4401, "login timeout"), (1008, "no login"), (4003, "")),
    )
    words = ("--stdin", "--do", "0.3 known: send login anna")
    async with probing(f"known={server.url}", f"unknown={server.url}", *words) as watch:
        await seen(watch, "close", "unknown")
        assert await watch.finish() == 1
    close = watch.the("close", "unknown")
    assert first - EARLY <= close["age"] <= first + LATE
    assert watch.the("close", "known")["asked"] is True
    recorder.keep(take.of("strict-login-timeout"), watch)


async def test_rabbitmqs_clocks(start: Starter, certificate: Certificate, recorder: Recorder, take: Take) -> None:
    """Cowboy's ``idle_timeout`` ends a silent WebSocket with 1000; ``login_timeout`` a STOMP connection with FIN."""
    idle, login = take.between(1.5, 2.5), take.between(1.5, 2.5)
    clocks = (f"web_stomp.ws_opts.idle_timeout = {round(idle * 1000)}", f"stomp.login_timeout = {round(login * 1000)}")
    broker = start(RabbitMq, certificate, conf=clocks)

    words = ("--heart-beat", take.one_of("0,500", "0,700"), "--stdin", "--subscribe", "/topic/news")
    async with probing(f"quiet={broker.url}", f"talks={broker.url}", *LOGIN, *words) as watch:
        await seen(watch, "stomp", command="CONNECTED", count=2)
        await ask(watch, "stomp-send /topic/news hello", "talks")
        await seen(watch, "close", count=2)
        assert await watch.finish() == 1
    for close in watch.of("close"):
        assert (close["code"], close["reason"], close["initiator"]) == (1000, "", "remote")
        assert idle - EARLY <= close["idle_tx"] <= idle + LATE
        assert close["idle_rx"] < idle
    recorder.keep(take.of("rabbitmq-idle-one-way-beats"), watch)

    watch, status = await run(broker.tcp_url, "--no-stomp-connect")
    assert status == 1
    close = watch.the("close")
    assert (close["initiator"], close["transport"]["how"]) == ("remote", "fin")
    assert login - EARLY <= close["age"] <= login + LATE
    recorder.keep(take.of("rabbitmq-tcp-login-timeout"), watch)


async def test_within_the_limits(start: Starter, recorder: Recorder, take: Take) -> None:
    """Idle for less than the server has patience for, and then it speaks again."""
    idle = take.between(1.6, 2.6)
    server = start(take.one_of(StrictNode, StrictPython), idle=idle, says=0.8, ending=(1001, "idle"))
    late = [word for turn in (1, 2, 3) for word in ("--do", f"{round(idle * 0.6 * turn, 1)} send still here")]
    watch, status = await run(server.url, *late, "--duration", str(round(idle * 2.3, 1)))
    assert status == 0
    assert watch.the("close")["asked"] is True
    assert watch.the("close")["age"] > idle
    recorder.keep(take.of("strict-within-limits"), watch)


async def test_tomcats_idle_timeout_finds_one_of_two(start: Starter, recorder: Recorder, take: Take) -> None:
    """Tomcat looks every ten seconds; the one that talks now and then is spared, the silent one's end is a 1001."""
    idle = take.between(2, 4)
    spring = start(Spring, heart_beat="", tomcat_idle=round(idle * 1000))
    talk = [word for turn in range(1, 14) for word in ("--do", f"{turn} talks: stomp-send /topic/none x")]
    async with probing(f"talks={spring.ws_url}", f"quiet={spring.ws_url}", "--stdin", *talk) as watch:
        await seen(watch, "stomp", command="CONNECTED", count=2)
        await watch.until(lambda line: line["type"] == "close", within=30)
        assert await watch.finish() == 1
    close = watch.the("close", "quiet")
    assert (close["code"], close["initiator"]) == (1001, "remote")
    assert idle - EARLY <= close["idle_any"] <= idle + 12
    assert watch.the("close", "talks")["asked"] is True
    recorder.keep(take.of("spring-tomcat-idle-one-of-two"), watch)


async def test_pongs_do_not_count(start: Starter, recorder: Recorder, take: Take) -> None:
    """It pings and we pong, which holds off a proxy with less patience; but we never say a word."""
    idle = take.between(2, 3)
    ending: Ending = take.one_of((1001, ""), (1000, "inactive"), (4000, "idle"))
    server = start(StrictPython, idle=idle, pings=take.one_of(0.4, 0.6), ending=ending)
    haproxy = start(HaProxy, server.port, tunnel=idle - 0.5)
    words = ("--stdin", "--reconnect", "--do", f"{take.between(0.3, 1)} send hello")
    async with probing(f"ws://{LOOPBACK}:{haproxy.port}/", *words) as watch:
        await seen(watch, "close", count=2)
        await watch.finish()
    for close in watch.of("close")[:2]:
        assert_ended(close, ending)
        assert close["idle_tx"] < idle - 0.5  # the pongs
    recorder.keep(take.of("python-strict-idle-despite-pongs"), watch)
