"""STOMP, SockJS and others through proxies that are reloaded, stopped and killed, who beats and who does not."""

import signal

import pytest

from tests.probing import ask, open_session, probing, run, seen
from tests.servers.haproxy import HaProxy
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.strict import StrictNode
from tests.servers.takes import Take
from tests.servers.test_idle_proxies import EARLY, LATE, chatter
from tests.servers.test_proxy_ends import LOOK, assert_cut, talked, url

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_reload_with_tls(
    broker: RabbitMq, start: Starter, certificate: Certificate, recorder: Recorder, take: Take
) -> None:
    """All through it end together, without the close_notify that an idle one gets; one direct to the broker lives."""
    nginx = start(Nginx, broker.port, certificate=certificate, shutdown_timeout=take.between(1, 2))
    target = f"stomp+wss://localhost:{nginx.port}/ws"
    words = (*LOGIN, "--heart-beat", take.one_of("500,500", "700,400"), "--cacert", str(certificate.ca), "--stdin")
    async with probing(f"A={target}", f"B={target}", f"direct={broker.url}", *words, **LOOK) as watch:
        await seen(watch, "stomp", command="CONNECTED", count=3)
        await seen(watch, "stomp", "B", command="beat", dir="in")
        nginx.reload()
        await seen(watch, "close", count=2)
        assert await watch.finish() == 1
    assert_cut(watch, "A", "B")
    assert watch.the("close", "A")["transport"]["close_notify"]["in"] is False
    recorder.keep(take.of("nginx-reload-stomp-tls"), watch)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_a_proxy_that_goes_away(
    broker: RabbitMq, start: Starter, recorder: Recorder, take: Take, sign: signal.Signals
) -> None:
    """A session that beats, and nobody beside it; a look finds nobody."""
    haproxy = start(HaProxy, broker.port)
    target = f"stomp+ws://{LOOPBACK}:{haproxy.port}/ws"
    async with probing(f"beats={target}", *LOGIN, "--heart-beat", "400,400", "--stdin", **LOOK) as watch:
        await seen(watch, "stomp", "beats", command="beat", dir="in", count=take.one_of(1, 2, 3))
        haproxy.end(sign)
        await seen(watch, "postmortem", ok=False)
        assert await watch.finish() == 1
    assert_cut(watch, "beats")
    recorder.keep(take.of(f"haproxy-{'stopped' if sign == signal.SIGTERM else 'killed'}-stomp-alone"), watch)


async def test_sockjs_streams_through_a_reload(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(SockJsNode, heartbeat_delay=400)
    nginx = start(Nginx, server.port, shutdown_timeout=take.between(0.6, 1.5), rules="proxy_buffering off;")
    through, direct = (f"http://{LOOPBACK}:{port}/echo" for port in (nginx.port, server.port))
    words = ("--sockjs-transport", take.one_of("xhr-streaming", "websocket"), "--stdin")
    async with probing(f"A={through}", f"B={through}", f"direct={direct}", *words, **LOOK) as watch:
        await seen(watch, "sockjs", kind="o", count=3)
        await seen(watch, "sockjs", "B", kind="h", count=take.one_of(1, 2))
        nginx.reload()
        await seen(watch, "close", count=2)
        assert await watch.finish() == 1
    for name in "AB":
        assert watch.the("close", name)["initiator"] == "remote"
    recorder.keep(take.of("nginx-reload-sockjs"), watch)


async def test_one_alone_is_reloaded_away(start: Starter, recorder: Recorder, take: Take) -> None:
    """A single busy session; who comes back is served at once."""
    server = start(StrictNode, says=take.between(0.3, 0.6), ending="fin")
    nginx = start(Nginx, server.port, shutdown_timeout=take.between(0.6, 2))
    async with probing(url(nginx), "--reconnect", "--stdin") as watch:
        await talked(watch, take)
        nginx.reload()
        await seen(watch, "open", count=2)
        await watch.finish()
    assert_cut(watch, "A")
    recorder.keep(take.of("nginx-reload-alone"), watch)


async def test_all_servers_sessions_are_shut_down(start: Starter, recorder: Recorder, take: Take) -> None:
    """``shutdown sessions server``: those of one backend end, busy or not, while another proxy's lives."""
    server = start(StrictNode, says=take.between(0.3, 0.6), ending="fin")
    haproxy, other = start(HaProxy, server.port), start(HaProxy, server.port)
    names = (f"A={url(haproxy)}", f"B={url(haproxy)}", f"other={url(other)}")
    async with probing(*names, "--reconnect", "--stdin", **LOOK) as watch:
        await seen(watch, "open", count=3)
        await talked(watch, take)
        haproxy.say("shutdown sessions server back/1")
        await seen(watch, "open", count=5)
        await watch.finish()
    assert_cut(watch, "A", "B")
    assert watch.the("close", "other")["asked"] is True
    recorder.keep(take.of("haproxy-shutdown-sessions-reconnect"), watch)


async def test_beats_in_one_direction(broker: RabbitMq, start: Starter, recorder: Recorder, take: Take) -> None:
    """A twin that beats lives behind the same proxy; the other, whose beats are off, is cut by its timeout."""
    timeout = take.between(1.5, 3)
    nginx = start(Nginx, broker.port, timeout)
    target = f"stomp+ws://{LOOPBACK}:{nginx.port}/ws"
    async with probing("--stdin", f"quiet={target}", *LOGIN, "--heart-beat", "0,0") as watch:
        await ask(watch, "mark the twin comes")
        table = {"heart_beat": take.one_of("0,500", "500,0", "600,600"), "login": "guest", "passcode": "guest"}
        await open_session(watch, name="beats", url=target, vhost="/", **table)
        await seen(watch, "close", "quiet")
        assert await watch.finish() == 1
    close = watch.the("close", "quiet")
    assert_cut(watch, "quiet")
    assert timeout - EARLY <= close["idle_any"] <= timeout + LATE
    assert watch.the("close", "beats")["asked"] is True
    recorder.keep(take.of("nginx-idle-twin-beats"), watch)


async def test_within_the_limits(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """Idle for less than the proxy has patience for, and closed by us."""
    timeout = take.between(2.5, 4)
    nginx = start(Nginx, echo_port, timeout)
    words = (*chatter(timeout * 0.6, timeout * 1.5), "--duration", str(round(timeout * 1.3, 1)))
    watch, status = await run(url(nginx), *words)
    assert status == 0
    recorder.keep(take.of("nginx-within-limits"), watch)


TCP = "mode tcp\n    option tcplog"
"""HAProxy's lines for a proxy that knows nothing of HTTP."""


async def test_stomp_over_tcp_through_a_proxy(broker: RabbitMq, start: Starter, recorder: Recorder, take: Take) -> None:
    """One whose beats are off is cut by ``timeout client``; its twin beats and lives."""
    timeout = take.between(1.5, 3)
    haproxy = start(HaProxy, broker.stomp_port, client=timeout, options=TCP)
    target = f"stomp://{LOOPBACK}:{haproxy.port}"
    async with probing("--stdin", f"quiet={target}", *LOGIN, "--heart-beat", "0,0") as watch:
        table = {"heart_beat": take.one_of("0,500", "500,0", "600,600"), "login": "guest", "passcode": "guest"}
        await open_session(watch, name="beats", url=target, vhost="/", **table)
        await seen(watch, "close", "quiet")
        assert await watch.finish() == 1
    close = watch.the("close", "quiet")
    assert (close["code"], close["initiator"], close["transport"]["how"]) == (None, "remote", "fin")
    assert timeout - EARLY <= close["idle_any"] <= timeout + LATE
    assert watch.the("close", "beats")["asked"] is True
    recorder.keep(take.of("haproxy-tcp-idle-twin-beats"), watch)


async def test_stomp_over_tcp_through_a_reload(
    broker: RabbitMq, start: Starter, recorder: Recorder, take: Take
) -> None:
    haproxy = start(HaProxy, broker.stomp_port, hard_stop=take.between(0.6, 1.5), options=TCP)
    target = f"stomp://{LOOPBACK}:{haproxy.port}"
    words = (*LOGIN, "--heart-beat", take.one_of("400,400", "600,500"), "--reconnect", "--stdin")
    async with probing(f"A={target}", f"B={target}", f"direct={broker.tcp_url}", *words) as watch:
        await seen(watch, "stomp", command="CONNECTED", count=3)
        await seen(watch, "stomp", "B", command="beat", dir="in")
        haproxy.reload()
        await seen(watch, "stomp", command="CONNECTED", count=5)
        await watch.finish()
    for name in "AB":
        close = watch.of("close", name)[0]
        assert (close["code"], close["initiator"], close["transport"]["how"]) == (None, "remote", "fin")
    assert watch.the("close", "direct")["asked"] is True
    recorder.keep(take.of("haproxy-tcp-reload"), watch)


@pytest.mark.parametrize("transport", ["xhr-streaming", "xhr-polling"])
async def test_sockjs_and_a_proxy_that_is_killed(
    start: Starter, recorder: Recorder, take: Take, transport: str
) -> None:
    """The direct session lives; a look finds nobody at the proxy's port."""
    server = start(SockJsNode, heartbeat_delay=take.one_of(300, 500))
    proxy = start(Nginx, server.port, rules="proxy_buffering off;")
    through, direct = (f"http://{LOOPBACK}:{port}/echo" for port in (proxy.port, server.port))
    async with probing(f"A={through}", f"direct={direct}", "--sockjs-transport", transport, "--stdin", **LOOK) as watch:
        await seen(watch, "sockjs", kind="o", count=2)
        await seen(watch, "sockjs", "A", kind="h", count=take.one_of(1, 2))
        proxy.end()
        await seen(watch, "postmortem", "A", ok=False)
        assert await watch.finish() == 1
    assert watch.the("close", "A")["initiator"] in ("remote", "none")
    recorder.keep(take.of(f"nginx-sigkill-sockjs-{transport}"), watch)
