"""What becomes of silent and of talking sessions behind Varnish, lighttpd, nghttpx, redir, hitch and chains of them."""

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.haproxy import HaProxy
from tests.servers.lesser import Hitch, Lighttpd, Nghttpx, Redir, Rinetd, Varnish, at
from tests.servers.nginx import Certificate, Nginx
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.test_idle_proxies import chatter
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_varnish_ends_the_quiet_one(echo_port: int, start: Starter, recorder: Recorder) -> None:
    varnish = start(Varnish, echo_port, idle=2.7)
    sessions = (f"busy={at(varnish.port)}", f"quiet={at(varnish.port)}", f"direct={at(echo_port)}")
    talk = ("--do", "0.6 quiet: send hello", *chatter(0.9, 7, "busy"))
    async with probing(*sessions, "--stdin", *talk, **POSTMORTEM) as watch:
        await seen(watch, "postmortem", "quiet", stage="tcp")
        assert await watch.finish() == 1
    recorder.keep("varnish-quiet-one-cut", watch)


async def test_lighttpd_ends_both(echo_port: int, start: Starter, recorder: Recorder) -> None:
    lighttpd = start(Lighttpd, echo_port, idle=3)
    talk = ("--do", "0.5 A1: send good morning", "--do", "0.7 A1: send how are you", "--do", "0.2 A2: ping")
    words = ("-n", "2", "--stagger", "1.6", "--stdin", *talk)
    async with probing(at(lighttpd.port), *words, **POSTMORTEM) as watch:
        await seen(watch, "postmortem", "A2", stage="http")
        assert await watch.finish() == 1
    recorder.keep("lighttpd-both-cut", watch)


async def test_nghttpx_counts_both_ways(echo_port: int, start: Starter, recorder: Recorder) -> None:
    """We talk on and the server has nothing to say; ``backend-read-timeout`` counts from our last word."""
    nghttpx = start(Nghttpx, echo_port, "backend-read-timeout=3300ms")
    talk = [word for n in range(1, 12) for word in ("--do", f"{n * 0.8:.1f} pong still here")]
    words = ("--do", "0.4 A1: send one", "--do", "1.3 A2: send two", *talk, "--stdin")
    async with probing(at(nghttpx.port), "-n", "2", "--stagger", "0.7", *words, **POSTMORTEM) as watch:
        await seen(watch, "postmortem", "A2", stage="http")
        assert await watch.finish() == 1
    recorder.keep("nghttpx-one-way-cut", watch)


async def test_nghttpx_ends_who_pings_too_rarely(echo_port: int, start: Starter, recorder: Recorder) -> None:
    nghttpx = start(Nghttpx, echo_port, "backend-read-timeout=4400ms")
    async with probing("--stdin", **POSTMORTEM) as watch:
        await open_session(watch, name="often", url=at(nghttpx.port), ping_interval=1.9)
        await open_session(watch, name="rarely", url=at(nghttpx.port), ping_interval=6.3)
        await seen(watch, "postmortem", "rarely", stage="tcp")
        assert await watch.finish() == 1
    recorder.keep("nghttpx-pings-too-rare", watch)


async def test_redir_between_beats(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    redir = start(Redir, broker.port, "--timeout=4")
    url = f"stomp+{at(redir.port)}ws"
    login = {"login": "guest", "passcode": "guest", "vhost": "/"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await open_session(watch, name="slow", url=url, heart_beat="10000,10000", **login)
        await open_session(watch, name="fast", url=url, heart_beat="1700,1700", **login)
        await seen(watch, "open", count=2)
        await seen(watch, "postmortem", "slow", stage="tcp")
        assert await watch.finish() == 1
    recorder.keep("redir-beats-too-rare", watch)


async def test_redir_again(echo_port: int, start: Starter, recorder: Recorder) -> None:
    """It ends every connection that is silent for so long, and welcomes the next."""
    redir = start(Redir, echo_port, "--timeout=2")
    talk = ("--do", "0.8 send a word")
    async with probing(f"A={at(redir.port)}", f"direct={at(echo_port)}", "--reconnect", "--stdin", *talk) as watch:
        await seen(watch, "open", "A", count=3)
        await watch.finish()
    recorder.keep("redir-idle-again", watch)


async def test_the_inner_of_two_is_impatient(echo_port: int, start: Starter, recorder: Recorder) -> None:
    nginx = start(Nginx, echo_port, 3.6)
    haproxy = start(HaProxy, nginx.port, tunnel=9.7)
    sessions = (f"outer={at(haproxy.port)}", f"inner={at(nginx.port)}", f"none={at(echo_port)}")
    talk = ("--do", "1.1 outer: send a", "--do", "0.3 inner: send b", "--do", "0.3 none: send c")
    async with probing(*sessions, "--stdin", *talk, **POSTMORTEM) as watch:
        await seen(watch, "postmortem", "inner", stage="http")
        await seen(watch, "postmortem", "outer", stage="http")
        assert await watch.finish() == 1
    recorder.keep("haproxy-nginx-inner-idle", watch)


async def test_the_outer_of_two_is_impatient(echo_port: int, start: Starter, recorder: Recorder) -> None:
    nghttpx = start(Nghttpx, echo_port, "backend-read-timeout=11s")
    varnish = start(Varnish, nghttpx.port, idle=4.8)
    burst = [word for n in range(8) for word in ("--do", f"{0.5 + n / 20:.2f} A1: send row {n}")]
    words = ("-n", "2", "--stagger", "1.2", "--stdin", *burst)
    async with probing(at(varnish.port), *words, **POSTMORTEM) as watch:
        await seen(watch, "postmortem", "A2", stage="http")
        assert await watch.finish() == 1
    recorder.keep("varnish-nghttpx-outer-idle", watch)


async def test_tls_that_haproxy_behind_it_ends(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    haproxy = start(HaProxy, echo_port, tunnel=3.9)
    hitch = start(Hitch, haproxy.port, certificate)
    url = f"wss://localhost:{hitch.port}/"
    words = ("--cacert", str(certificate.ca), "--stdin", "--do", "0.4 idle: send x", *chatter(1.3, 9, "busy"))
    async with probing(f"idle={url}", f"busy={url}", *words, **POSTMORTEM) as watch:
        await seen(watch, "postmortem", "idle", stage="tls")
        assert await watch.finish() == 1
    recorder.keep("hitch-haproxy-idle", watch)


async def test_pings_hold_varnish_off(echo_port: int, start: Starter, recorder: Recorder) -> None:
    varnish = start(Varnish, echo_port, idle=2.9)
    words = ("-n", "2", "--stagger", "0.3", "--ping-interval", "1.4", "--duration", "8.2")
    async with probing(at(varnish.port), *words, **POSTMORTEM) as watch:
        assert await watch.finish(within=20) == 0
    recorder.keep("varnish-pings-in-time", watch)


async def test_long_silences_that_nobody_minds(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """Ten seconds without a byte through rinetd and hitch, and then a word that is answered."""
    rinetd, hitch = start(Rinetd, echo_port), start(Hitch, echo_port, certificate)
    sessions = (f"plain={at(rinetd.port)}", f"tls=wss://localhost:{hitch.port}/")
    words = ("--cacert", str(certificate.ca), "--stdin", "--do", "10.3 send still there?")
    async with probing(*sessions, *words, **POSTMORTEM) as watch:
        for name in ("plain", "tls"):
            await seen(watch, "frame", name, dir="in", text="still there?")
        assert await watch.finish() == 0
    recorder.keep("rinetd-hitch-long-silence", watch)


async def test_a_slow_line_that_lives(echo_port: int, start: Starter, recorder: Recorder) -> None:
    """redir hands on so many bits a second and waits before each packet: all comes, late."""
    redir = start(Redir, echo_port, "--max-bandwidth=160000", "--random-wait=90")
    talk = ("--do", "0.6 A1: send-repeat slow 2000", *chatter(1.7, 7, "A2"))
    async with probing(at(redir.port), "-n", "2", "--stagger", "0.2", "--stdin", *talk, **POSTMORTEM) as watch:
        await seen(watch, "frame", "A1", dir="in", size=8000)
        await seen(watch, "frame", "A2", dir="in", text="tick", count=4)
        assert await watch.finish() == 0
    recorder.keep("redir-slow-but-alive", watch)


async def test_beats_hold_lighttpd_off(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    lighttpd = start(Lighttpd, broker.port, idle=5)
    words = (*LOGIN, "--heart-beat", "2200,2200", "--subscribe", "/topic/weather", "--stdin")
    async with probing(f"stomp+{at(lighttpd.port)}ws", "-n", "2", "--stagger", "0.4", *words, **POSTMORTEM) as watch:
        await seen(watch, "stomp", "A1", dir="in", command="beat", count=4)
        await ask(watch, "stomp-send /topic/weather sun", "A1")
        await seen(watch, "stomp", "A2", dir="in", command="MESSAGE")
        assert await watch.finish() == 0
    recorder.keep("lighttpd-beats-in-time", watch)
