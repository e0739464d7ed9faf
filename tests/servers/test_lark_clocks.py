"""Clocks over a session: servers and proxies that bear no silence, and ages that nobody passes."""

import asyncio

import pytest

from tests.probing import probing, seen
from tests.servers.abreast import up
from tests.servers.activemq import ActiveMq
from tests.servers.apache import Apache
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, assert_cut, opened, says, sockjs, staged, stomp, ws, wss
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.goapps import Gobwas
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.jvm import Jetty, Netty
from tests.servers.lesser import Nghttpx
from tests.servers.lines import leave, over
from tests.servers.nginx import Certificate
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.node_apps import Fastify, Rules
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def jetty_bears_no_silence(start: Starter, recorder: Recorder) -> None:
    """Jetty's idle timeout of 3.4 s ends a board by an ssh tunnel twice; who talks by the same tunnel stays."""
    server = await up(start, Jetty, idle=3400)
    ssh = await up(start, SshTunnel, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "close", "board", count=2)
        await seen(watch, "open", "board", count=3)

    tables = {
        "talks": ws(ssh.port, "/live?user=talks", do=says(1.5, 14)),
        "board": ws(ssh.port, "/live?user=board", do=["0.7 send hello"], reconnect=True),
    }
    watch = await staged(tables, "board", strike=strike)
    assert watch.of("close", "board")[0]["received"]["code"] == 1001
    recorder.keep("lark-ssh-jetty-idle-twice", watch)


async def netty_wants_to_hear(start: Starter, recorder: Recorder) -> None:
    """Netty's ``readerIdle`` of 4 s ends who is told a tick each second and says nothing; who says so stays."""
    server = await up(start, Netty, reader=4000)
    haproxy = await up(start, HaProxy, server.port, tunnel=40)
    tables = {
        "says": ws(haproxy.port, "/live?user=says", do=says(1.6, 9)),
        "hears": ws(haproxy.port, "/live?user=hears", do=["0.6 send hello", "1.2 send clock 900 5"]),
    }
    watch = await staged(tables, "hears")
    close = watch.the("close", "hears")
    assert_said(close, 1000, "Bye")
    assert close["idle_rx"] < 2 < close["idle_tx"]
    recorder.keep("lark-haproxy-netty-hears-ticks-and-says-nothing", watch)


async def gobwas_has_a_deadline(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A Go handler's read deadline of 3.7 s ends a quiet kiosk without a Close; stunnel is between. One talks."""
    server = await up(start, Gobwas, Idle=3.7)
    stunnel = await up(start, Stunnel, server.port, certificate)
    url = {"url": f"wss://localhost:{stunnel.port}/ws"}
    tables = {
        "talks": wss(stunnel.port, certificate, do=says(1.3, 10)) | url,
        "kiosk": wss(stunnel.port, certificate, do=["0.6 send hello", "1.9 send menu"]) | url,
    }
    watch = await staged(tables, "kiosk", stage="tls")
    assert_cut(watch, "kiosk")
    recorder.keep("lark-stunnel-gobwas-quiet-kiosk", watch)


async def haproxy_waits_for_a_report(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """ActiveMQ by HAProxy's TCP, whose timeouts are 3.6 s: a report without beats is cut; who beats stays."""
    haproxy = await up(start, HaProxy, activemq.port, client=3.6, server=3.6, options="mode tcp\n    option tcplog")
    tables = {
        "beats": stomp(haproxy.port, "1500,1500", CREW),
        "report": stomp(haproxy.port, "0,0", CREW, do=says(0.8, 2, "stomp-send /queue/lark a line")),
    }
    watch = await staged(tables, "report")
    assert_cut(watch, "report")
    recorder.keep("lark-haproxy-activemq-without-beats", watch)


async def apache_waits_for_a_board(start: Starter, recorder: Recorder) -> None:
    """Apache's ``ProxyTimeout`` is 4 s: a board drops in silence and comes back; who pings by it is well."""
    server = await up(start, Fastify)
    apache = await up(start, Apache, server.port, timeout=4)

    async def strike(watch: Watch) -> None:
        await seen(watch, "close", "board")
        await seen(watch, "open", "board", count=2)
        await asyncio.sleep(1.4)

    tables = {
        "pings": ws(apache.port, "/ws", ping_interval=1.9, ping_timeout=6.0),
        "board": ws(apache.port, "/ws", do=says(0.7, 2.2), reconnect=True),
    }
    watch = await staged(tables, "board", strike=strike)
    assert watch.of("close", "board")[0]["received"] is None
    recorder.keep("lark-apache-fastify-idle-and-back", watch)


async def haproxy_ends_a_stream(start: Starter, recorder: Recorder) -> None:
    """sockjs-node beats every 25 s, HAProxy's ``timeout server`` is 3.8: a quiet XHR stream is cut; one talks."""
    server = await up(start, SockJsNode, heartbeat_delay=25000)
    haproxy = await up(start, HaProxy, server.port, client=30, server=3.8)
    tables = {
        "talks": sockjs(haproxy.port, "xhr-streaming", do=says(1.7, 8)),
        "stream": sockjs(haproxy.port, "xhr-streaming", do=["0.6 send hello"]),
    }
    watch = await staged(tables, "stream")
    recorder.keep("lark-haproxy-sockjs-stream-idle", watch)


async def socat_waits_for_a_shell(start: Starter, recorder: Recorder) -> None:
    """``socat -T 3.5`` ends a shell that nobody types in; it is alone, and stays away."""
    server = await up(start, NodeWs)
    socat = await up(start, Socat, server.port, idle=3.5)
    watch = await staged({"shell": ws(socat.port, do=says(0.7, 2.5, "send ls"))}, "shell")
    assert_cut(watch, "shell")
    recorder.keep("lark-socat-node-idle-alone", watch)


async def envoy_lets_nobody_get_old(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """ActiveMQ by Envoy's TCP: no connection gets older than 5 s; two that came apart, both beat. One goes past."""
    envoy = await up(start, Envoy, activemq.port, tcp={"max_downstream_connection_duration": "5s"})
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            past=stomp(activemq.port, "2000,2000", CREW),
            one=stomp(envoy.port, "1600,1600", CREW, do=says(1.1, 9, "stomp-send /topic/lark 1")),
        )
        await asyncio.sleep(1.7)
        await opened(watch, two=stomp(envoy.port, "1600,1600", CREW))
        await over(watch, "one", "two")
        await leave(watch, "past", status=1)
    assert_cut(watch, "one", "two")
    ages = [watch.the("close", name)["age"] for name in ("one", "two")]
    assert max(ages) - min(ages) < 0.6
    recorder.keep("lark-envoy-activemq-no-connection-is-older", watch)


async def an_hour_is_over(start: Starter, recorder: Recorder) -> None:
    """A program says 1000 and that the longest time of a session is over; two that came apart, by nghttpx."""
    server, other = await up(start, NodeEndings, expires=[4800, 1000, "max session duration"]), await up(start, NodeWs)
    nghttpx = await up(start, Nghttpx, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            other=ws(other.port, do=says(1.8, 14)),
            one=ws(nghttpx.port, do=says(1.0, 4.5)),
        )
        await asyncio.sleep(1.6)
        await opened(watch, two=ws(nghttpx.port, ping_interval=1.3, ping_timeout=5.0))
        await over(watch, "one", "two")
        await leave(watch, "other", status=1)
    for name in ("one", "two"):
        assert_said(watch.the("close", name), 1000, "max session duration")
    recorder.keep("lark-nghttpx-node-one-hour-is-over-1000", watch)


async def cut_at_an_age_thrice(start: Starter, recorder: Recorder) -> None:
    """A platform terminates each socket 3.3 s after it opened: a busy feed, thrice. Another page is well."""
    server, other = await up(start, Rules, age={"after": 3300, "end": "cut"}), await up(start, SockJsNode)

    async def strike(watch: Watch) -> None:
        await seen(watch, "close", "feed", count=3)

    tables: dict[str, Table] = {
        "page": sockjs(other.port, "websocket", do=says(2.6, 14)),
        "feed": ws(server.port, do=says(0.8, 14), reconnect=True),
    }
    watch = await staged(tables, "feed", strike=strike)
    ages = [close["age"] for close in watch.of("close", "feed")[:3]]
    assert max(ages) - min(ages) < 0.5
    recorder.keep("lark-node-platform-cuts-at-an-age-thrice", watch)


async def test_servers_in_silence(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (jetty_bears_no_silence, netty_wants_to_hear)
    await side_by_side((*(run(start, recorder) for run in runs), gobwas_has_a_deadline(certificate, start, recorder)))


async def test_proxies_in_silence(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (apache_waits_for_a_board, haproxy_ends_a_stream, socat_waits_for_a_shell)
    await side_by_side((*(run(start, recorder) for run in runs), haproxy_waits_for_a_report(activemq, start, recorder)))


async def test_ages(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (an_hour_is_over, cut_at_an_age_thrice)
    await side_by_side((*(run(start, recorder) for run in runs), envoy_lets_nobody_get_old(activemq, start, recorder)))
