"""Envoy between us and the server: its idle timers and ages, its listeners that change, its refusals.

Measured with 1.40: a stream that its idle timer or its age ends is silent from then on, and TCP ends a second later
(``delayed_close_timeout``), by FIN where we have said nothing in that second and by RST where we have. Its route's
``timeout``, its ``max_connection_duration`` and ``idle_timeout`` of connections leave an open WebSocket alone. As a TCP
proxy it ends in time, by FIN. The connections of a listener that was changed end ``--drain-time-s`` later.
"""

import signal
from typing import Any

import pytest

from tests.probing import ask, open_session, probing, run, seen
from tests.servers.envoy import Envoy, seconds
from tests.servers.frozen import frozen
from tests.servers.node import NodeEndings
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python import PythonWs
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.servers.test_idle_proxies import assert_cut, assert_idle, chatter
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

DELAYED_CLOSE = 1
"""Seconds between the end of a stream and that of its connection."""

_FILTERS = "type.googleapis.com/envoy.extensions.filters.http"


def limiter(tokens: int) -> dict[str, Any]:
    """The filter that lets so many requests a minute through."""
    every = {"default_value": {"numerator": 100}}
    return {
        "name": "limit",
        "typed_config": {
            "@type": f"{_FILTERS}.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "limit",
            "token_bucket": {"max_tokens": tokens, "tokens_per_fill": tokens, "fill_interval": "60s"},
            "filter_enabled": every,
            "filter_enforced": every,
        },
    }


@pytest.mark.parametrize("where", ["route", "manager"])
async def test_a_stream_is_idle(echo_port: int, start: Starter, recorder: Recorder, take: Take, where: str) -> None:
    timeout = take.between(1.2, 3)
    timer: dict[str, Any] = (
        {"route": {"idle_timeout": seconds(timeout)}}
        if where == "route"
        else {"manager": {"stream_idle_timeout": seconds(timeout)}}
    )
    envoy = start(Envoy, echo_port, **timer)
    if where == "route":
        watch, status = await run(envoy.url, "--do", f"{take.between(0.3, 1)} send hi", **POSTMORTEM)
        closes = [watch.the("close")]
    else:
        async with probing(envoy.url, "--reconnect", "--stdin", "--do", "0.4 send hi", **POSTMORTEM) as watch:
            await watch.until(lambda line: line["type"] == "close", within=40, count=2)
            status = await watch.finish()
        closes = watch.of("close")[:2]
    assert status == 1
    for close in closes:
        assert_idle(close, timeout + DELAYED_CLOSE)
    recorder.keep(take.of(f"envoy-{where}-idle"), watch)


async def test_two_tcp_connections_are_idle(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """Each so long after its own last word; one that pings in time lives."""
    timeout = take.between(1.5, 3)
    envoy = start(Envoy, echo_port, tcp={"idle_timeout": seconds(timeout)})
    async with probing("--stdin", **POSTMORTEM) as watch:
        await open_session(watch, name="pinger", url=envoy.url, ping_interval=timeout / 2)
        for name in ("early", "late"):
            await open_session(watch, name=name, url=envoy.url)
            await seen(watch, "open", name)
            await ask(watch, f"send {name}", name)
            await seen(watch, "frame", name, dir="in", text=name)
        await seen(watch, "postmortem", "late")
        assert await watch.finish() == 1
    for name in ("early", "late"):
        assert_idle(watch.the("close", name), timeout)
    assert watch.the("close", "pinger")["asked"] is True
    recorder.keep(take.of("envoy-tcp-idle-two"), watch)


async def test_a_stream_s_age(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """Busy ones, opened apart, each at the same age; our last words meet nobody and bring the reset."""
    life = take.between(1.5, 3)
    envoy = start(Envoy, echo_port, route={"max_stream_duration": {"max_stream_duration": seconds(life)}})
    words = ("-n", "2", "--stagger", str(take.between(0.5, 1)), *chatter(0.4, life + 3))
    watch, status = await run(envoy.url, *words, **POSTMORTEM)
    assert status == 1
    for close in watch.of("close"):
        assert_cut(close, "reset")
        assert life <= close["age"] <= life + DELAYED_CLOSE + 2
    recorder.keep(take.of("envoy-stream-age"), watch)


async def test_a_tcp_connection_s_age(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    life = take.between(1.5, 3)
    envoy = start(Envoy, echo_port, tcp={"max_downstream_connection_duration": seconds(life)})
    async with probing(envoy.url, "--reconnect", "--stdin", "--ping-interval", "0.5", **POSTMORTEM) as watch:
        await watch.until(lambda line: line["type"] == "close", within=40, count=take.one_of(2, 3))
        assert await watch.finish() == 1
    for close in watch.of("close")[:2]:
        assert_cut(close)
        assert life - 0.3 <= close["age"] <= life + 2
    recorder.keep(take.of("envoy-connection-age"), watch)


async def test_its_listener_changes(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """Who was on the old one is cut when the time to drain is over; the server's own port goes on."""
    envoy = start(Envoy, echo_port, drain=take.one_of(1, 2))
    sessions = (f"busy={envoy.url}", f"quiet={envoy.url}", f"direct=ws://{LOOPBACK}:{echo_port}/")
    async with probing(*sessions, "--stdin", *chatter(0.4, 4, "busy"), **POSTMORTEM) as watch:
        await seen(watch, "open", count=3)
        await seen(watch, "frame", "busy", dir="in", count=take.one_of(1, 2))
        envoy.change()
        for name in ("busy", "quiet"):
            await seen(watch, "postmortem", name, ok=True)
        assert await watch.finish() == 1
    for name in ("busy", "quiet"):
        assert watch.the("close", name)["code"] == 1006
        assert watch.the("close", name)["transport"]["how"] in ("fin", "reset")
    assert watch.the("close", "direct")["asked"] is True
    recorder.keep(take.of("envoy-listener-changed"), watch)


async def test_its_listeners_drain_and_spare_what_is_open(
    echo_port: int, start: Starter, recorder: Recorder, take: Take
) -> None:
    """``/drain_listeners?graceful``: nothing tells a WebSocket of it, and nothing cuts it."""
    envoy = start(Envoy, echo_port, drain=1)
    async with probing(envoy.url, "-n", "2", "--stdin", *chatter(0.5, 3, "A1")) as watch:
        await seen(watch, "open", count=2)
        envoy.say("drain_listeners?graceful")
        await seen(watch, "frame", "A1", dir="in", count=6)
        await ask(watch, "send and now", "A2")
        await seen(watch, "frame", "A2", dir="in", text="and now")
        assert await watch.finish() == 0
    recorder.keep(take.of("envoy-drain-spares"), watch)


@pytest.mark.parametrize("how", ["sigterm", "sigkill"])
async def test_it_ends(echo_port: int, start: Starter, recorder: Recorder, take: Take, how: str) -> None:
    """SIGTERM does not drain: both ends are the same FIN, and then nobody listens."""
    envoy = start(Envoy, echo_port)
    sessions = [f"A={envoy.url}", f"direct=ws://{LOOPBACK}:{echo_port}/"]
    if how == "sigterm":
        sessions.insert(1, f"B={envoy.url}")
    async with probing(*sessions, "--stdin", *chatter(0.5, 3, take.one_of("A", "direct")), **POSTMORTEM) as watch:
        await seen(watch, "open", count=len(sessions))
        await seen(watch, "frame", dir="in", count=take.one_of(1, 2, 3))
        envoy.end(signal.SIGTERM if how == "sigterm" else signal.SIGKILL)
        await seen(watch, "postmortem", "A", ok=False, how="refused")
        assert await watch.finish() == 1
    assert_cut(watch.the("close", "A"))
    recorder.keep(take.of(f"envoy-{how}"), watch)


async def test_it_stands_still(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """One who pings finds out; one who says nothing does not; who goes round it is well."""
    envoy = start(Envoy, echo_port)
    async with probing(f"direct=ws://{LOOPBACK}:{echo_port}/", "--stdin", **POSTMORTEM) as watch:
        times = {"ping_interval": 0.5, "ping_timeout": take.between(0.8, 1.5)}
        await open_session(watch, name="A", url=envoy.url, **times)
        await seen(watch, "open", count=2)
        await seen(watch, "frame", "A", dir="in", opcode=10)
        with frozen(envoy.pid):
            await seen(watch, "close", "A")
            await ask(watch, "send still here", "direct")
            await seen(watch, "frame", "direct", dir="in", text="still here")
            assert await watch.finish() == 1
    assert watch.the("close", "A")["initiator"] == "local"
    recorder.keep(take.of("envoy-frozen"), watch)


async def test_its_server_is_killed(start: Starter, recorder: Recorder, take: Take) -> None:
    """It passes the end on and answers 503 from then on."""
    server = start(NodeEndings)
    envoy = start(Envoy, server.port)
    async with probing(f"A={envoy.url}", f"B={envoy.url}", "--stdin", **POSTMORTEM) as watch:
        for name in "AB":
            await seen(watch, "open", name)
            await ask(watch, "send hello", name)
            await seen(watch, "frame", name, dir="in", text="hello")
        server.end(take.one_of(signal.SIGKILL, signal.SIGABRT))
        for name in "AB":
            await seen(watch, "postmortem", name)
        await seen(watch, "postmortem", stage="http", status=503)
        assert await watch.finish() == 1
    for name in "AB":
        assert watch.the("close", name)["code"] == 1006
    recorder.keep(take.of("envoy-server-killed"), watch)


@pytest.mark.parametrize("fault", ["no-upgrade", "no-server", "no-endpoint", "limited", "headers"])
async def test_it_refuses(echo_port: int, start: Starter, recorder: Recorder, take: Take, fault: str) -> None:
    """Without ``upgrade_configs`` it answers 403 with no body; 503 has its reason in it; 431 is of its own limit."""
    words: tuple[str, ...] = ()
    match fault:
        case "no-upgrade":
            envoy, status = start(Envoy, echo_port, upgrades=False), 403
        case "no-server":
            envoy, status = start(Envoy, *free_ports(1)), 503
        case "no-endpoint":
            envoy, status = start(Envoy, echo_port, cluster={"load_assignment": {"cluster_name": "back"}}), 503
        case "limited":
            envoy, status = start(Envoy, echo_port, filters=(limiter(1),)), 429
        case _:
            envoy, status = start(Envoy, echo_port, manager={"max_request_headers_kb": 8}), 431
            words = ("-H", f"X-Trace: {'a' * take.one_of(9000, 12000)}")
    async with probing("--stdin", *words, **POSTMORTEM) as watch:
        if fault == "limited":
            await open_session(watch, name="first", url=envoy.url)
            await seen(watch, "open", "first")
        await open_session(watch, name="A", url=envoy.url, **({"header": [words[1]]} if words else {}))
        await seen(watch, "close", "A")
        await watch.finish()
    assert watch.of("http", "A", dir="in")[0]["status"] == status
    recorder.keep(take.of(f"envoy-{fault}"), watch)


async def test_its_server_never_answers(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(PythonWs)
    envoy = start(Envoy, server.port, route={"timeout": seconds(take.between(1, 2))})
    with frozen(server.pid):
        watch, status = await run(envoy.url, **POSTMORTEM)
    assert status == 3
    assert watch.of("http", dir="in")[0]["status"] == 504
    recorder.keep(take.of("envoy-504"), watch)
