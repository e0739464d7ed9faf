"""What becomes of sessions when the proxy between is reloaded, restarted or killed, and what ``watch`` saw of it."""

import os
import signal

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.child import Daemon, children
from tests.servers.forward import Connect, Socks, Squid
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.strict import StrictNode, StrictPython
from tests.servers.stunnel import Stunnel
from tests.servers.takes import Take, extra
from tests.servers.test_idle_proxies import chatter
from tests.waiting import eventually
from tests.watching import Watch

pytestmark = pytest.mark.real

LOOK = {"WHOOPS_NO_POSTMORTEM": "0"}
REVERSE = {"nginx": Nginx, "haproxy": HaProxy, "apache": Apache}
SESSIONS = {"nginx": "AB", "haproxy": "ABC", "apache": "A", "microsocks": "A", "tinyproxy": "AB", "squid": "A"}
"""The sessions through each."""


def url(server: Daemon) -> str:
    """Its ``ws:`` target."""
    return f"ws://{LOOPBACK}:{server.port}/"


def assert_cut(watch: Watch, *sessions: str) -> None:
    """Their first connections were cut without a Close."""
    for name in sessions:
        close = watch.of("close", name)[0]
        assert (close["code"], close["synthetic"], close["received"], close["initiator"]) == (
            1006,
            True,
            None,
            "remote",
        )
        assert close["transport"]["how"] in ("fin", "reset")


async def talked(watch: Watch, take: Take) -> None:
    """Waits until somebody who talks has been answered a few times."""
    await seen(watch, "frame", dir="in", count=take.one_of(1, 2, 3, 4))


async def test_a_reload_with_a_limit(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """Busy and idle ones of nginx's old worker end together; who reconnects is served at once; who was direct lives."""
    limit = take.between(0.4, 1.5)
    nginx = start(Nginx, echo_port, shutdown_timeout=limit)
    sessions = (f"busy={url(nginx)}", f"idle={url(nginx)}", f"direct=ws://{LOOPBACK}:{echo_port}/")
    talk = chatter(take.one_of(0.3, 0.5), 3, "busy")
    async with probing(*sessions, "--reconnect", "--stdin", *talk) as watch:
        await seen(watch, "open", count=3)
        await talked(watch, take)
        nginx.reload()
        await seen(watch, "close", count=2)
        await seen(watch, "open", count=5)
        await watch.finish()
    assert_cut(watch, "busy", "idle")
    assert watch.the("close", "direct")["asked"] is True
    first, second = watch.of("close", "busy")[0], watch.of("close", "idle")[0]
    assert abs(first["m"] - second["m"]) < 0.5
    recorder.keep(take.of("nginx-reload-reconnect"), watch)


@pytest.mark.extra
async def test_haproxys_reload_with_a_limit(start: Starter, recorder: Recorder, take: Take) -> None:
    """``hard-stop-after``: the old worker cuts what is left."""
    server = start(take.one_of(StrictNode, StrictPython), says=take.between(0.3, 0.7), ending="fin")
    haproxy = start(HaProxy, server.port, hard_stop=take.between(0.4, 1.5))
    names = "ABC"
    async with probing(*(f"{name}={url(haproxy)}" for name in names), "--stdin", **LOOK) as watch:
        await seen(watch, "open", count=len(names))
        haproxy.reload()
        await seen(watch, "close", count=len(names))
        assert await watch.finish() == 1
    assert_cut(watch, *names)
    recorder.keep(take.of("haproxy-reload"), watch)


@pytest.mark.parametrize("kind", [extra("nginx"), "haproxy"])
async def test_a_reload_that_spares_what_is_open(
    echo_port: int, start: Starter, recorder: Recorder, take: Take, kind: str
) -> None:
    proxy = start(Nginx, echo_port) if kind == "nginx" else start(HaProxy, echo_port)
    before = set(children(proxy.pid))
    async with probing(url(proxy), "-n", "2", "--stdin", *chatter(0.4, 2, "A1")) as watch:
        await seen(watch, "open", count=2)
        await talked(watch, take)
        proxy.reload()
        eventually(lambda: set(children(proxy.pid)) - before)
        await ask(watch, "send and now", "A2")
        await seen(watch, "frame", "A2", dir="in", text="and now")
        assert await watch.finish() == 0
    recorder.keep(take.of(f"{kind}-reload-spares"), watch)


@pytest.mark.extra
@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
async def test_it_is_restarted(echo_port: int, start: Starter, recorder: Recorder, take: Take, kind: str) -> None:
    """It is stopped in order and started again at once; who was direct to the server notices nothing."""
    proxy: Daemon = start(REVERSE[kind], echo_port)
    names = SESSIONS[kind]
    sessions = (*(f"{name}={url(proxy)}" for name in names), f"direct=ws://{LOOPBACK}:{echo_port}/")
    talk = chatter(0.4, 3, take.one_of("A", "B", "direct"))
    async with probing(*sessions, "--reconnect", "--stdin", *talk) as watch:
        await seen(watch, "open", count=len(sessions))
        await talked(watch, take)
        proxy.end(signal.SIGTERM)
        proxy.begin()
        await seen(watch, "open", count=len(sessions) + len(names))
        await watch.finish()
    assert_cut(watch, *names)
    assert watch.the("close", "direct")["asked"] is True
    recorder.keep(take.of(f"{kind}-restart"), watch)


@pytest.mark.parametrize("kind", ["nginx", extra("haproxy"), extra("apache")])
async def test_it_is_killed(echo_port: int, start: Starter, recorder: Recorder, take: Take, kind: str) -> None:
    """With all its processes, and stays away; a look shows that nobody listens any more."""
    proxy: Daemon = start(REVERSE[kind], echo_port)
    names = SESSIONS[kind]
    sessions = (*(f"{name}={url(proxy)}" for name in names), f"direct=ws://{LOOPBACK}:{echo_port}/")
    async with probing(*sessions, "--stdin", *chatter(0.4, 3, "A"), **LOOK) as watch:
        await seen(watch, "open", count=len(sessions))
        await talked(watch, take)
        proxy.end(signal.SIGKILL)
        await seen(watch, "close", count=len(names))
        await seen(watch, "postmortem", ok=False)
        assert await watch.finish() == 1
    assert_cut(watch, *names)
    assert watch.of("postmortem")[0]["how"] == "refused"
    recorder.keep(take.of(f"{kind}-sigkill"), watch)


async def test_nginxs_worker_is_killed(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """Its master starts another at once: who comes back is served."""
    nginx = start(Nginx, echo_port)
    sessions = (f"A={url(nginx)}", f"B={url(nginx)}", f"direct=ws://{LOOPBACK}:{echo_port}/")
    words = take.one_of(("--reconnect",), ())
    async with probing(*sessions, "--stdin", *words, *chatter(0.4, 3, take.one_of("A", "B")), **LOOK) as watch:
        await seen(watch, "open", count=3)
        await talked(watch, take)
        for worker in children(nginx.pid):
            os.kill(worker, signal.SIGKILL)
        await seen(watch, "close", count=2)
        if words:
            await seen(watch, "open", count=5)
        else:
            await seen(watch, "postmortem", ok=True)
        await watch.finish()
    assert_cut(watch, "A", "B")
    recorder.keep(take.of("nginx-worker-sigkill"), watch)


async def test_stunnel_is_killed(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder, take: Take
) -> None:
    stunnel = start(Stunnel, echo_port, certificate)
    sessions = (f"A=wss://localhost:{stunnel.port}/", f"direct=ws://{LOOPBACK}:{echo_port}/")
    words = ("--cacert", str(certificate.ca), "--stdin", *chatter(take.one_of(0.3, 0.5), 3, "A"))
    async with probing(*sessions, *words, **LOOK) as watch:
        await seen(watch, "open", count=2)
        await talked(watch, take)
        stunnel.end(take.one_of(signal.SIGKILL, signal.SIGABRT))
        await seen(watch, "postmortem", "A", ok=False)
        assert await watch.finish() == 1
    assert_cut(watch, "A")
    recorder.keep(take.of("stunnel-sigkill"), watch)


@pytest.mark.parametrize("kind", ["microsocks", extra("tinyproxy"), extra("squid")])
async def test_a_forward_proxy_is_killed(
    echo_port: int, start: Starter, recorder: Recorder, take: Take, kind: str
) -> None:
    """A session that goes round it lives."""
    proxy: Daemon
    match kind:
        case "microsocks":
            proxy, scheme = start(Socks), "socks5"
        case "tinyproxy":
            proxy, scheme = start(Connect), "http"
        case _:
            proxy, scheme = start(Squid), "http"
    names = SESSIONS[kind]
    async with probing(f"direct=ws://{LOOPBACK}:{echo_port}/", "--stdin", **LOOK) as watch:
        for name in names:
            through = f"{scheme}://{LOOPBACK}:{proxy.port}"
            await open_session(watch, name=name, url=f"ws://{LOOPBACK}:{echo_port}/", proxy=through)
        await seen(watch, "open", count=1 + len(names))
        talker = take.one_of("A", "direct")
        for word in ("hello", "there"):
            await ask(watch, f"send {word}", talker)
            await seen(watch, "frame", talker, dir="in", text=word)
        proxy.end(signal.SIGKILL)
        await seen(watch, "close", count=len(names))
        await seen(watch, "postmortem", ok=False)
        assert await watch.finish() == 1
    assert_cut(watch, *names)
    assert watch.the("close", "direct")["asked"] is True
    recorder.keep(take.of(f"{kind}-sigkill"), watch)


@pytest.mark.extra
async def test_it_is_away_for_a_while(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """Stopped in order, its port refuses the first attempts; then it is there again. The direct session lives."""
    proxy: Daemon = start(take.one_of(HaProxy, Nginx), echo_port)
    sessions = (f"A={url(proxy)}", f"B={url(proxy)}", f"direct=ws://{LOOPBACK}:{echo_port}/")
    async with probing(*sessions, "--reconnect", "--stdin", *chatter(0.4, 3, take.one_of("A", "direct"))) as watch:
        await seen(watch, "open", count=3)
        await talked(watch, take)
        proxy.end(signal.SIGTERM)
        await seen(watch, "end", "A", how="refused")
        await seen(watch, "end", "B", how="refused")
        proxy.begin()
        await seen(watch, "open", count=5)
        await watch.finish()
    assert_cut(watch, "A", "B")
    assert watch.the("close", "direct")["asked"] is True
    recorder.keep(take.of("proxy-away-for-a-while"), watch)
