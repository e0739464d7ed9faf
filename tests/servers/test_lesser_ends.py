"""What becomes of sessions when Varnish, lighttpd, nghttpx, hitch, redir or rinetd ends, or the program behind them."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.child import children
from tests.servers.endings import exchange
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.lesser import Hitch, Nghttpx, Redir, Varnish, at, front
from tests.servers.nginx import Certificate
from tests.servers.python import PythonEndings, PythonWs
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.test_idle_proxies import chatter
from tests.waiting import eventually
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

EVERY = {"varnish": 0.5, "lighttpd": 0.7, "nghttpx": 0.3, "redir": 0.4, "rinetd": 1.1, "hitch": 0.6}
"""Seconds between the words of a busy session through each."""


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        ("varnish", signal.SIGKILL),
        ("lighttpd", signal.SIGKILL),
        ("nghttpx", signal.SIGKILL),
        ("rinetd", signal.SIGKILL),
        ("hitch", signal.SIGKILL),
        ("varnish", signal.SIGTERM),
        ("rinetd", signal.SIGTERM),
    ],
)
async def test_it_ends_and_stays_away(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder, kind: str, sign: signal.Signals
) -> None:
    proxy, url = front(start, kind, echo_port, certificate)
    sessions = (f"busy={url}", f"idle={url}", f"direct={at(echo_port)}")
    words = ("--cacert", str(certificate.ca), "--stdin", *chatter(EVERY[kind], 3, "busy"))
    async with probing(*sessions, *words, **POSTMORTEM) as watch:
        await seen(watch, "open", count=3)
        await seen(watch, "frame", "busy", dir="in", count=2)
        proxy.end(sign)
        await seen(watch, "close", count=2)
        await seen(watch, "postmortem", ok=False)
        assert await watch.finish() == 1
    recorder.keep(f"{kind}-{sign.name.lower()}", watch)


async def test_varnishs_child_is_killed(echo_port: int, start: Starter, recorder: Recorder) -> None:
    """Its manager starts another at once; both come back."""
    varnish = start(Varnish, echo_port)
    async with probing(at(varnish.port), "-n", "2", "--stagger", "0.3", "--reconnect", "--stdin") as watch:
        await exchange(watch, "A1")
        await exchange(watch, "A2", "good day")
        for child in children(varnish.pid):
            os.kill(child, signal.SIGKILL)
        await seen(watch, "open", "A1", count=2)
        await seen(watch, "open", "A2", count=2)
        await watch.finish()
    recorder.keep("varnish-child-sigkill", watch)


async def test_hitchs_worker_is_killed(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    hitch, url = front(start, "hitch", echo_port, certificate)
    words = ("--cacert", str(certificate.ca), "-n", "2", "--stagger", "0.5", "--reconnect", "--stdin")
    async with probing(url, *words) as watch:
        await exchange(watch, "A1")
        await seen(watch, "open", "A2")
        for worker in children(hitch.pid):
            os.kill(worker, signal.SIGKILL)
        await seen(watch, "open", "A1", count=2)
        await seen(watch, "open", "A2", count=2)
        await watch.finish()
    recorder.keep("hitch-worker-sigkill", watch)


@pytest.mark.parametrize("kind", ["varnish", "lighttpd", "nghttpx"])
async def test_it_is_restarted(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder, kind: str
) -> None:
    proxy, url = front(start, kind, echo_port, certificate)
    sessions = (f"A={url}", f"B={url}", f"direct={at(echo_port)}")
    async with probing(*sessions, "--reconnect", "--stdin", *chatter(EVERY[kind] * 2, 4, "B")) as watch:
        await seen(watch, "open", count=3)
        await seen(watch, "frame", "B", dir="in", count=2)
        proxy.end(signal.SIGTERM)
        proxy.begin()
        await seen(watch, "open", "A", count=2)
        await seen(watch, "open", "B", count=2)
        await watch.finish()
    recorder.keep(f"{kind}-restart", watch)


@pytest.mark.parametrize(("kind", "every", "patience"), [("varnish", "0.9", "1.8"), ("rinetd", "1.2", "2.3")])
async def test_it_is_frozen(
    echo_port: int,
    start: Starter,
    certificate: Certificate,
    recorder: Recorder,
    kind: str,
    every: str,
    patience: str,
) -> None:
    """Its kernel acknowledges, its processes do nothing; who pings finds out."""
    proxy, url = front(start, kind, echo_port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await open_session(watch, name="pinging", url=url, ping_interval=float(every), ping_timeout=float(patience))
        await open_session(watch, name="direct", url=at(echo_port), ping_interval=float(every))
        await seen(watch, "frame", "pinging", dir="in", opcode=10, count=2)
        with frozen(proxy.pid, *children(proxy.pid)):
            await seen(watch, "close", "pinging")
            await seen(watch, "postmortem", "pinging", ok=False)
        assert await watch.finish() == 1
    recorder.keep(f"{kind}-frozen", watch)


async def test_who_is_behind_nghttpx_is_frozen(start: Starter, recorder: Recorder) -> None:
    server = start(PythonWs, ping_interval=None)
    nghttpx = start(Nghttpx, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await open_session(watch, name="pinging", url=at(nghttpx.port), ping_interval=1.3, ping_timeout=2.6)
        await open_session(watch, name="idle", url=at(nghttpx.port))
        await seen(watch, "frame", "pinging", dir="in", opcode=10, count=2)
        with frozen(server.pid):
            await seen(watch, "close", "pinging")
            await seen(watch, "postmortem", "pinging", stage="tcp")
        assert await watch.finish() == 1
    recorder.keep("nghttpx-backend-frozen", watch)


async def test_a_pause_that_is_survived(start: Starter, recorder: Recorder) -> None:
    """The program behind Varnish stands still for a while, and answers everything then."""
    server = start(PythonWs, ping_interval=None)
    varnish = start(Varnish, server.port, idle=8.3)
    words = ("-n", "2", "--stagger", "0.2", "--ping-interval", "1.6", "--ping-timeout", "6.1", "--stdin")
    async with probing(at(varnish.port), *words, **POSTMORTEM) as watch:
        await seen(watch, "frame", "A2", dir="in", opcode=10)
        with frozen(server.pid):
            await asyncio.sleep(3.4)
        await seen(watch, "frame", "A1", dir="in", opcode=10, count=4)
        await exchange(watch, "A2")
        assert await watch.finish() == 0
    recorder.keep("varnish-backend-pause-survived", watch)


@pytest.mark.parametrize("kind", ["varnish", "lighttpd", "nghttpx", "redir", "hitch"])
async def test_who_is_behind_it_is_killed(
    start: Starter, certificate: Certificate, recorder: Recorder, kind: str
) -> None:
    server = start(PythonWs, ping_interval=None)
    _, url = front(start, kind, server.port, certificate)
    words = ("--cacert", str(certificate.ca), "--stdin", *chatter(EVERY[kind] + 0.25, 4, "busy"))
    async with probing(f"busy={url}", f"idle={url}", *words, **POSTMORTEM) as watch:
        await seen(watch, "open", count=2)
        await seen(watch, "frame", "busy", dir="in", count=3)
        server.end()
        await seen(watch, "close", count=2)
        await seen(watch, "postmortem", stage="http")
        assert await watch.finish() == 1
    recorder.keep(f"{kind}-backend-killed", watch)


async def test_who_is_behind_varnish_is_restarted(start: Starter, recorder: Recorder) -> None:
    server = start(PythonEndings)
    varnish = start(Varnish, server.port)
    sessions = (f"A={at(varnish.port)}", f"B={at(varnish.port)}")
    async with probing(*sessions, "--reconnect", "--stdin") as watch:
        await exchange(watch, "A")
        await seen(watch, "open", "B")
        server.end(signal.SIGTERM)
        server.begin()
        await seen(watch, "open", "A", count=2)
        await seen(watch, "open", "B", count=2)
        await watch.finish()
    recorder.keep("varnish-backend-restart", watch)


async def test_one_of_two_backends_is_taken_out(start: Starter, recorder: Recorder) -> None:
    """By its administrator, with ``on-marked-down shutdown-sessions``; those of the other backend live."""
    one, two = start(PythonWs, ping_interval=None), start(PythonWs, ping_interval=None)
    rule = "default-server on-marked-down shutdown-sessions"
    haproxy = start(HaProxy, one.port, two.port, options=rule)
    async with probing("--stdin", **POSTMORTEM) as watch:
        for name in ("first", "second", "third", "fourth"):
            await open_session(watch, name=name, url=at(haproxy.port))
            await seen(watch, "open", name)
        await exchange(watch, "third")
        await exchange(watch, "fourth", "hi")
        haproxy.say("set server back/1 state maint")
        await seen(watch, "postmortem", "first", stage="tcp")
        await seen(watch, "postmortem", "third", stage="tcp")
        await exchange(watch, "fourth", "still here")
        assert await watch.finish() == 1
    recorder.keep("haproxy-drained-backend", watch)


async def test_redirs_listener_is_killed(echo_port: int, start: Starter, recorder: Recorder) -> None:
    """Each connection has a process of its own, which lives on."""
    redir = start(Redir, echo_port)
    async with probing(at(redir.port), "-n", "2", "--stagger", "0.6", "--stdin", **POSTMORTEM) as watch:
        await exchange(watch, "A1")
        await seen(watch, "open", "A2")
        os.kill(redir.pid, signal.SIGKILL)
        await exchange(watch, "A2", "alone now")
        await exchange(watch, "A1", "me too")
        assert await watch.finish() == 0
    recorder.keep("redir-listener-killed", watch)


async def test_hitch_reloads(echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """A worker that holds sessions lives on beside the new one."""
    hitch = start(Hitch, echo_port, certificate)
    before = set(children(hitch.pid))
    url = f"wss://localhost:{hitch.port}/"
    words = ("--cacert", str(certificate.ca), "--stdin", *chatter(0.8, 4, "busy"))
    async with probing(f"busy={url}", f"idle={url}", *words, **POSTMORTEM) as watch:
        await seen(watch, "frame", "busy", dir="in", count=2)
        await seen(watch, "open", "idle")
        hitch.reload()
        eventually(lambda: set(children(hitch.pid)) - before)
        await ask(watch, "send after it", "idle")
        await seen(watch, "frame", "idle", dir="in", text="after it")
        assert await watch.finish() == 0
    recorder.keep("hitch-reload-spares", watch)
