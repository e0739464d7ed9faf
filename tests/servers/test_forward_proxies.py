"""Forward proxies that are stopped, stand still, are read anew, wait no longer, or will not lead where they should."""

import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.child import Daemon
from tests.servers.forward import Connect, Dante, Login, Privoxy, Socks, Squid
from tests.servers.frozen import frozen
from tests.servers.node import NodeStomp
from tests.servers.python import PythonWs
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.test_idle_proxies import chatter
from tests.servers.test_ssh_ways import gone, to
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

SCHEMES = {Connect: "http", Privoxy: "http", Squid: "http", Socks: "socks5h", Dante: "socks5"}


async def through(watch: Watch, proxy: Daemon, target: str, *names: str, who: str = "", **table: object) -> None:
    """Opens sessions that go through a proxy."""
    way = f"{SCHEMES[type(proxy)]}://{who}127.0.0.1:{proxy.port}"
    for name in names:
        await open_session(watch, name=name, url=target, proxy=way, **table)


STOPS = [
    (Privoxy, signal.SIGTERM, 0.61),
    (Privoxy, signal.SIGKILL, 0.47),
    (Dante, signal.SIGTERM, 0.73),
    (Dante, signal.SIGKILL, 1.07),
    (Connect, signal.SIGTERM, 0.91),
    (Squid, signal.SIGTERM, 1.31),
]


@pytest.mark.parametrize(("kind", "sign", "every"), STOPS)
async def test_it_ends(
    echo_port: int, start: Starter, recorder: Recorder, kind: Callable[..., Daemon], sign: signal.Signals, every: float
) -> None:
    """One through it pings, one is silent; a third goes past it and lives."""
    proxy = start(kind)
    async with probing(f"past={to(echo_port)}", "--stdin", **POSTMORTEM) as watch:
        await through(watch, proxy, to(echo_port), "pings", ping_interval=every)
        await through(watch, proxy, to(echo_port), "silent")
        await seen(watch, "open", count=3)
        await seen(watch, "frame", "pings", dir="in", opcode=10, count=2)
        proxy.end(sign)
        await gone(watch, "pings", "silent")
        assert await watch.finish() == 1
    recorder.keep(f"tunnels-{type(proxy).__name__.lower()}-{sign.name.lower()}", watch)


@pytest.mark.parametrize("kind", [Dante, Privoxy, Socks])
async def test_it_is_started_again(
    echo_port: int, start: Starter, recorder: Recorder, kind: Callable[..., Daemon]
) -> None:
    """Who comes back is let through as before."""
    proxy = start(kind)
    async with probing(f"past={to(echo_port)}", "--stdin", *chatter(0.9, 2, "past"), **POSTMORTEM) as watch:
        await through(watch, proxy, to(echo_port), "A", "B", reconnect=True, do=["0.4 send hello"])
        await seen(watch, "frame", "B", dir="in", text="hello")
        proxy.end(signal.SIGTERM)
        await seen(watch, "end", "A", phase="tcp")
        proxy.begin()
        for name in ("A", "B"):
            await seen(watch, "open", name, count=2)
        await watch.finish()
    recorder.keep(f"tunnels-{type(proxy).__name__.lower()}-started-again", watch)


@pytest.mark.parametrize(("kind", "idle", "first"), [(Connect, 3, 0.7), (Dante, 4, 1.3), (Privoxy, 5, 0.2)])
async def test_it_waits_no_longer(
    echo_port: int, start: Starter, recorder: Recorder, kind: Callable[..., Daemon], idle: int, first: float
) -> None:
    """Who says nothing for so long is cut; a session that pings is not."""
    proxy = start(kind, idle=idle)
    async with probing(f"past={to(echo_port)}", "--stdin", **POSTMORTEM) as watch:
        await through(watch, proxy, to(echo_port), "pings", ping_interval=idle * 0.29)
        await through(watch, proxy, to(echo_port), "silent", do=[f"{first} send hello"])
        await seen(watch, "close", "silent")
        await seen(watch, "postmortem", "silent", stage="tcp")
        assert not watch.of("close", "pings")
        assert await watch.finish() == 1
    recorder.keep(f"tunnels-{type(proxy).__name__.lower()}-idle", watch)


@pytest.mark.parametrize("kind", [Squid, Dante, Privoxy])
async def test_it_reads_its_configuration_anew(
    echo_port: int, start: Starter, recorder: Recorder, kind: Callable[..., Daemon]
) -> None:
    """Who is through stays through, and who comes is let in."""
    proxy = start(kind)
    async with probing(f"past={to(echo_port)}", "--stdin", **POSTMORTEM) as watch:
        await through(watch, proxy, to(echo_port), "pings", ping_interval=0.77)
        await through(watch, proxy, to(echo_port), "silent")
        await seen(watch, "frame", "pings", dir="in", opcode=10, count=2)
        os.kill(proxy.pid, signal.SIGHUP)
        await seen(watch, "frame", "pings", dir="in", opcode=10, count=6)
        await through(watch, proxy, to(echo_port), "later")
        await seen(watch, "open", "later")
        assert await watch.finish() == 0
    recorder.keep(f"tunnels-{type(proxy).__name__.lower()}-reads-anew", watch)


@pytest.mark.parametrize(("kind", "patience"), [(Socks, 2.3), (Privoxy, 3.1)])
async def test_it_stands_still(
    echo_port: int, start: Starter, recorder: Recorder, kind: Callable[..., Daemon], patience: float
) -> None:
    """Its kernel takes what is said; who pings finds out, and who goes past it is well."""
    proxy = start(kind)
    async with probing(f"past={to(echo_port)}", "--ping-interval", "1.9", "--stdin", **POSTMORTEM) as watch:
        await through(
            watch, proxy, to(echo_port), "pings", ping_interval=0.67, ping_timeout=patience, close_timeout=1.1
        )
        await seen(watch, "frame", "pings", dir="in", opcode=10, count=2)
        with frozen(proxy.pid):
            await seen(watch, "close", "pings")
            await seen(watch, "postmortem", "pings", stage="proxy")
            assert await watch.finish() == 1
    recorder.keep(f"tunnels-{type(proxy).__name__.lower()}-stands-still", watch)


@pytest.mark.parametrize("kind", [Connect, Dante])
async def test_it_stands_still_for_a_while(start: Starter, recorder: Recorder, kind: Callable[..., Daemon]) -> None:
    """Beats are late and missed, and all come at last; our own are not wanted by anybody."""
    server, proxy = start(NodeStomp, beatEvery=1200, beats=10000, wants=0), start(kind)
    async with probing(f"past={server.url}", "--heart-beat", "0,1200", "--stdin", **POSTMORTEM) as watch:
        await through(watch, proxy, server.url, "A", heart_beat="0,1200")
        await seen(watch, "stomp", "A", command="beat", dir="in", count=2)
        with frozen(proxy.pid):
            await asyncio.sleep(2.7 if kind is Connect else 3.3)
        await seen(watch, "stomp", "A", command="beat", dir="in", count=6)
        assert await watch.finish() == 0
    recorder.keep(f"tunnels-{type(proxy).__name__.lower()}-late-and-well", watch)


@pytest.mark.parametrize("kind", [Connect, Dante, Privoxy])
async def test_the_server_behind_it_is_killed(start: Starter, recorder: Recorder, kind: Callable[..., Daemon]) -> None:
    """The proxy stands, and says to who looks that nobody is there."""
    server, proxy = start(PythonWs, ping_interval=1.43 if kind is Dante else None), start(kind)
    async with probing(f"past={server.url}", "--stdin", **POSTMORTEM) as watch:
        await through(watch, proxy, server.url, "A", "B", do=["0.5 send hello", "0.9 send there"])
        await seen(watch, "frame", "B", dir="in", text="there")
        server.end()
        await gone(watch, "A", "B", "past")
        assert await watch.finish() == 1
    recorder.keep(f"tunnels-{type(proxy).__name__.lower()}-server-killed", watch)


async def refused(watch: Watch, proxy: Daemon, target: str, well: str, name: str = "refused", who: str = "") -> None:
    """Opens one session that the proxy does not lead through, and one past it."""
    await open_session(watch, name="past", url=well)
    await seen(watch, "open", "past")
    await through(watch, proxy, target, name, who=who)
    await seen(watch, "close", name)
    await ask(watch, "send hello", "past")
    await seen(watch, "frame", "past", dir="in", text="hello")
    await watch.finish()


RULES = {"Connect": {"rules": "ConnectPort 443"}, "Privoxy": {"ports": "443"}, "Squid": {"access": "deny"},
         "Dante": {"rules": "socks block { from: 0.0.0.0/0 to: 127.0.0.0/8 }"}}  # fmt: skip


@pytest.mark.parametrize("kind", [Connect, Privoxy, Squid, Dante])
async def test_it_may_not_lead_there(
    echo_port: int, start: Starter, recorder: Recorder, kind: Callable[..., Daemon]
) -> None:
    """Its rules know this port or address not."""
    proxy = start(kind, **RULES[kind.__name__])
    async with probing("--stdin", **POSTMORTEM) as watch:
        await refused(watch, proxy, to(echo_port), to(echo_port))
    recorder.keep(f"tunnels-{kind.__name__.lower()}-forbids", watch)


@pytest.mark.parametrize("kind", [Connect, Privoxy, Squid, Socks])
async def test_it_does_not_know_the_name(
    echo_port: int, start: Starter, recorder: Recorder, kind: Callable[..., Daemon]
) -> None:
    proxy = start(kind)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await refused(watch, proxy, "ws://broker.invalid:8080/", to(echo_port))
    recorder.keep(f"tunnels-{kind.__name__.lower()}-knows-no-name", watch)


@pytest.mark.parametrize("kind", [Privoxy, Squid, Dante])
async def test_nobody_listens_behind_it(
    echo_port: int, start: Starter, recorder: Recorder, kind: Callable[..., Daemon]
) -> None:
    proxy = start(kind)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await refused(watch, proxy, to(1), to(echo_port))
    recorder.keep(f"tunnels-{kind.__name__.lower()}-nobody-listens", watch)


@pytest.mark.parametrize("name", ["socks-no-login", "socks-other-login", "dante-no-login", "http-no-login"])
async def test_it_wants_a_login(echo_port: int, start: Starter, recorder: Recorder, name: str) -> None:
    """None is given, or the one that was right until it was changed."""
    login = Login("bert", "anchor")
    proxy: Daemon
    match name.partition("-")[0]:
        case "socks":
            proxy = start(Socks, login)
        case "dante":
            proxy = start(Dante, method="username")
        case _:
            proxy = start(Connect, login)
    async with probing("--stdin", **POSTMORTEM) as watch:
        who = "bert:rudder@" if "other" in name else ""
        await refused(watch, proxy, to(echo_port), to(echo_port), who=who)
    recorder.keep(f"tunnels-{name}", watch)
