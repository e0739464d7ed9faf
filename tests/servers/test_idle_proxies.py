"""What proxies with idle timeouts do to sessions that are silent, wholly or in one direction, and to busy ones."""

from itertools import pairwise

import pytest

from tests.probing import probing, run, seen
from tests.servers.apache import Apache
from tests.servers.child import Daemon
from tests.servers.forward import Connect, Squid
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.strict import StrictNode, StrictPython
from tests.servers.stunnel import Stunnel
from tests.servers.takes import Take, extra
from tests.watching import Line

pytestmark = pytest.mark.real

EARLY, LATE = 0.4, 3.0
"""Seconds an end may miss its timeout: nginx is lazy, and a machine with much to do is late."""


def chatter(every: float, until: float, session: str = "") -> list[str]:
    """The options that have a session say something every so many seconds."""
    to = f"{session}: " if session else ""
    times = [round(every * count, 1) for count in range(1, int(until / every) + 1)]
    return [word for time in times for word in ("--do", f"{time} {to}send tick")]


def assert_cut(close: Line, how: str = "fin") -> None:
    """The far end was cut, and nobody said why."""
    assert (close["code"], close["synthetic"], close["received"], close["sent"]) == (1006, True, None, None)
    assert (close["initiator"], close["clean"], close["transport"]["how"]) == ("remote", False, how)


def assert_idle(close: Line, timeout: float, clock: str = "idle_any", how: str = "fin") -> None:
    """It was cut when that clock had run ``timeout`` seconds."""
    assert_cut(close, how)
    assert timeout - EARLY <= close[clock] <= timeout + LATE


def proxy(start: Starter, kind: str, backend: int, timeout: float) -> tuple[Daemon, float]:
    """A proxy in front of ``backend``, and the seconds of its timeout: not every product takes a fraction."""
    whole = max(1, round(timeout))
    match kind:
        case "nginx":
            return start(Nginx, backend, timeout), timeout
        case "haproxy":
            return start(HaProxy, backend, tunnel=timeout), timeout
        case "apache":
            return start(Apache, backend, timeout=whole), whole
        case _:
            raise AssertionError(kind)


@pytest.mark.parametrize("kind", ["nginx", extra("haproxy"), extra("apache")])
async def test_silence_after_some_talk(
    echo_port: int, start: Starter, recorder: Recorder, take: Take, kind: str
) -> None:
    server, timeout = proxy(start, kind, echo_port, take.between(1.5, 4))
    talk = chatter(take.one_of(0.3, 0.5, 0.7), take.between(0.8, 2))
    watch, status = await run(f"ws://{LOOPBACK}:{server.port}/", *talk)
    assert status == 1
    assert_idle(watch.the("close"), timeout)
    recorder.keep(take.of(f"{kind}-idle-after-talk"), watch)


@pytest.mark.extra
async def test_the_server_falls_silent(start: Starter, recorder: Recorder, take: Take) -> None:
    """nginx does not care who was the last to speak."""
    every = take.between(2.2, 3)
    server = start(take.one_of(StrictPython, StrictNode), says=every, ending="fin")
    nginx = start(Nginx, server.port, every - 0.7)
    watch, status = await run(f"ws://{LOOPBACK}:{nginx.port}/")
    assert status == 1
    assert_idle(watch.the("close"), every - 0.7)
    recorder.keep(take.of("nginx-idle-rare-news"), watch)


@pytest.mark.extra
async def test_beats_that_are_too_rare(broker: RabbitMq, start: Starter, recorder: Recorder, take: Take) -> None:
    """A proxy's timeout that is shorter than the beats: each connection ends so long after its CONNECTED."""
    timeout, beats = take.between(1.5, 3), take.one_of("10000,10000", "6000,0", "0,0", "4000,8000")
    nginx = start(Nginx, broker.port, timeout)
    words = (*LOGIN, "--heart-beat", beats, "--reconnect", "--stdin")
    async with probing(f"stomp+ws://{LOOPBACK}:{nginx.port}/ws", *words) as watch:
        await seen(watch, "close", count=2)
        await watch.finish()
    for close in watch.of("close")[:2]:
        assert_idle(close, timeout)
    recorder.keep(take.of("nginx-idle-rare-beats"), watch)


@pytest.mark.extra
async def test_one_of_two_is_silent(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    timeout = take.between(1.5, 3)
    haproxy = start(HaProxy, echo_port, tunnel=timeout)
    url = f"ws://{LOOPBACK}:{haproxy.port}/"
    talk = chatter(0.5, timeout + LATE, "busy")
    async with probing(f"busy={url}", f"quiet={url}", "--stdin", *talk) as watch:
        await seen(watch, "close", "quiet")
        assert await watch.finish() == 1
    assert_idle(watch.the("close", "quiet"), timeout)
    assert watch.the("close", "busy")["asked"] is True
    recorder.keep(take.of("haproxy-idle-one-of-two"), watch)


@pytest.mark.extra
async def test_two_opened_apart(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder, take: Take
) -> None:
    timeout, stagger = take.between(1.5, 3), take.between(0.5, 1.2)
    nginx = start(Nginx, echo_port, timeout, certificate)
    words = ("-n", "2", "--stagger", str(stagger), "--cacert", str(certificate.ca))
    watch, status = await run(f"wss://localhost:{nginx.port}/", *words)
    assert status == 1
    first, second = watch.of("close")
    for close in (first, second):
        assert_idle(close, timeout)
        assert close["transport"]["close_notify"]["in"] is True
    assert second["m"] - first["m"] > stagger / 2
    recorder.keep(take.of("nginx-idle-opened-apart"), watch)


@pytest.mark.extra
async def test_it_happens_again_and_again(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    timeout, times = take.between(1.5, 2.5), take.one_of(2, 3)
    haproxy = start(HaProxy, echo_port, client=timeout)
    async with probing(f"ws://{LOOPBACK}:{haproxy.port}/", "--reconnect", "--stdin", "--do", "0.4 send hi") as watch:
        await watch.until(lambda line: line["type"] == "close", within=40, count=times)
        await watch.finish()
    for close in watch.of("close")[:times]:
        assert_idle(close, timeout)
    recorder.keep(take.of("haproxy-idle-again"), watch)


async def test_it_counts_only_what_we_say(start: Starter, recorder: Recorder, take: Take) -> None:
    """HAProxy with ``option independent-streams``: what the server says does not hold ``timeout client`` off."""
    timeout = take.between(1.5, 3)
    server = start(take.one_of(StrictNode, StrictPython), says=take.between(0.3, 0.6), ending="fin")
    haproxy = start(HaProxy, server.port, client=timeout, server=30, options="option independent-streams")
    watch, status = await run(f"ws://{LOOPBACK}:{haproxy.port}/", "--do", "0.3 send hi")
    assert status == 1
    assert_idle(watch.the("close"), timeout, "idle_tx")
    assert watch.the("close")["idle_rx"] < timeout - 0.3
    recorder.keep(take.of("haproxy-idle-client-only"), watch)


@pytest.mark.extra
async def test_it_counts_only_what_the_server_says(start: Starter, recorder: Recorder, take: Take) -> None:
    """With ``option independent-streams``, we do not hold ``timeout server`` off."""
    timeout = take.between(1.5, 3)
    server = start(take.one_of(StrictPython, StrictNode), ending="fin")
    haproxy = start(HaProxy, server.port, client=30, server=timeout, options="option independent-streams")
    talk = chatter(take.one_of(0.4, 0.6), timeout + LATE)
    watch, status = await run(f"ws://{LOOPBACK}:{haproxy.port}/", *talk)
    assert status == 1
    assert_idle(watch.the("close"), timeout, "idle_rx")
    assert watch.the("close")["idle_tx"] < timeout - 0.3
    recorder.keep(take.of("haproxy-idle-server-only"), watch)


@pytest.mark.extra
async def test_stunnel_resets_both_of_two(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder, take: Take
) -> None:
    idle = take.one_of(1, 2, 3)
    stunnel = start(Stunnel, echo_port, certificate, idle=idle)
    words = ("-n", "2", "--stagger", str(take.between(0.4, 1)), "--cacert", str(certificate.ca))
    watch, status = await run(f"wss://localhost:{stunnel.port}/", *words, "--do", "0.3 send hi")
    assert status == 1
    for close in watch.of("close"):
        assert_idle(close, idle, how="reset")
    recorder.keep(take.of("stunnel-idle-two"), watch)


@pytest.mark.extra
@pytest.mark.parametrize("kind", ["tinyproxy", extra("squid")])
async def test_a_forward_proxy(echo_port: int, start: Starter, recorder: Recorder, take: Take, kind: str) -> None:
    """A tunnel through CONNECT, silent after a word."""
    idle = take.one_of(2, 3)
    forward = start(Connect, idle=idle) if kind == "tinyproxy" else start(Squid, read_timeout=idle)
    through = ("--proxy", f"http://{LOOPBACK}:{forward.port}")
    watch, status = await run(f"ws://{LOOPBACK}:{echo_port}/", *through, "--do", f"{take.between(0.3, 1)} send hi")
    assert status == 1
    assert_idle(watch.the("close"), idle)
    recorder.keep(take.of(f"{kind}-idle"), watch)


@pytest.mark.extra
async def test_sockjs_streaming_without_a_heartbeat(start: Starter, recorder: Recorder, take: Take) -> None:
    """A proxy cuts the response that streams: SockJS's own beats are rarer than the proxy's timeout."""
    timeout = take.between(1.5, 3)
    server = start(SockJsNode, heartbeat_delay=25000)
    nginx = start(Nginx, server.port, timeout, rules="proxy_buffering off;")
    url = f"http://{LOOPBACK}:{nginx.port}/echo"
    watch, status = await run(url, "--sockjs-transport", "xhr-streaming", "--do", "0.3 send hi")
    assert status == 1
    close = watch.the("close")
    assert close["initiator"] == "remote"
    assert timeout - EARLY <= close["idle_any"] <= timeout + LATE
    recorder.keep(take.of("nginx-idle-xhr-streaming"), watch)


@pytest.mark.extra
async def test_news_in_time_keep_it_alive(start: Starter, recorder: Recorder, take: Take) -> None:
    """One direction is enough for nginx and for HAProxy's ``timeout tunnel``."""
    timeout = take.between(1.5, 2.5)
    server = start(take.one_of(StrictPython, StrictNode), says=timeout / 2, ending="fin")
    nginx, haproxy = start(Nginx, server.port, timeout), start(HaProxy, server.port, tunnel=timeout)
    words = ("--duration", str(timeout * 2 + 1))
    urls = (f"A=ws://{LOOPBACK}:{nginx.port}/", f"B=ws://{LOOPBACK}:{haproxy.port}/")
    watch, status = await run(*urls, *words)
    assert status == 0
    for name in "AB":
        assert watch.the("close", name)["age"] > timeout * 1.5
        moments = [line["m"] for line in watch.of("frame", name, dir="in")]
        assert all(after - before < timeout + 1 for before, after in pairwise(moments))
    recorder.keep(take.of("proxies-news-in-time"), watch)
