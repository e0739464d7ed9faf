"""Silence, age and forgetful boxes on the way: who says nothing for too long, and who stays too long."""

import pytest

from tests.probing import probing, seen
from tests.servers.between import Table, opened, says, sockjs, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.forward import Squid
from tests.servers.haproxy import HaProxy
from tests.servers.jvm import Jetty, Vertx
from tests.servers.lesser import Varnish
from tests.servers.lines import leave, open_doors, over
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import NodeStomp, NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_squid_minds_silence(start: Starter, recorder: Recorder) -> None:
    """A company's proxy ends a tunnel of 4 s without a byte; who pings stays, and who is silent past it too."""
    server = start(NodeWs)
    squid = start(Squid, read_timeout=4)
    way = f"http://{LOOPBACK}:{squid.port}"
    tables = {
        "past": ws(server.port),
        "pings": ws(server.port, proxy=way, ping_interval=1.6),
        "page": ws(server.port, proxy=way, do=says(0.6, 2)),
    }
    watch = await staged(tables, "page")
    assert 3.5 < watch.the("close", "page")["idle_any"] < 6.5
    recorder.keep("stop-squid-page-is-silent", watch)


async def test_varnish_minds_silence(start: Starter, recorder: Recorder) -> None:
    """Of two sockets of SockJS, whose server beats every 25 s; a third talks, a fourth goes past it."""
    server = start(SockJsNode)
    varnish = start(Varnish, server.port, idle=3.4)
    tables = {
        "past": sockjs(server.port, "websocket"),
        "talks": sockjs(varnish.port, "websocket", do=says(1.1, 8)),
        "early": sockjs(varnish.port, "websocket", do=["0.4 send hello"]),
        "late": sockjs(varnish.port, "websocket", do=["1.3 send hello"]),
    }
    watch = await staged(tables, "early", "late")
    for name in ("early", "late"):
        assert 3 < watch.the("close", name)["idle_any"] < 4.5
    recorder.keep("stop-varnish-sockjs-two-are-silent", watch)


async def test_jetty_minds_silence(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Its idle timeout of 3.3 s, said by a Close, behind HAProxy with TLS; who talks stays."""
    server = start(Jetty, idle=3300)
    haproxy = start(HaProxy, server.port, certificate=certificate)
    url = {"url": f"wss://localhost:{haproxy.port}/live"}
    tables = {
        "talks": wss(haproxy.port, certificate, do=says(1.0, 7)) | url,
        "reads": wss(haproxy.port, certificate, do=["0.5 send hello"]) | url,
    }
    watch = await staged(tables, "reads")
    assert watch.the("close", "reads")["received"]["code"] == 1001
    recorder.keep("stop-haproxy-jetty-reader-idle", watch)


async def test_vertx_minds_silence(start: Starter, recorder: Recorder) -> None:
    """Its idle timeout of 4.1 s is that of a TCP connection: it ends without a word, nobody is between."""
    server, other = start(Vertx, idle=4100), start(NodeWs)
    tables = {
        "other": ws(other.port),
        "talks": ws(server.port, "/live?user=talks", do=says(1.2, 7)),
        "reads": ws(server.port, "/live?user=reads", do=says(0.7, 2)),
    }
    watch = await staged(tables, "reads")
    assert 3.8 < watch.the("close", "reads")["idle_any"] < 5.5
    recorder.keep("stop-vertx-reader-idle", watch)


async def test_a_router_forgets_a_till(start: Starter, recorder: Recorder) -> None:
    """A strict one at home, after 3 s: what the till says after seven is swallowed; another till sells on."""
    with routed() as hosts:
        hosts.be_patient(3)
        with hosts.server.inside():
            broker = start(CoilMq)
        open_doors(hosts.server, broker.port)
        hosts.masquerade(forgets_after=3, strict=True)
        login: Table = {"login": "ground", "passcode": "crew", "stomp_version": "1.0,1.1"}
        base = stomp(broker.port, "0,0", login) | {"url": f"stomp://{SERVER}:{broker.port}"}
        sale = "stomp-send /queue/sold one"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                busy=base | {"do": says(1.3, 15, sale)},
                quiet=base | {"do": [f"0.7 {sale}", f"7.6 {sale}"]},
            )
            await over(watch, "quiet")
            await leave(watch, "busy", status=1)
    assert watch.the("close", "quiet")["initiator"] == "none"
    recorder.keep("stop-router-forgets-quiet-till", watch)


async def test_a_firewall_resets_a_chat(start: Starter, recorder: Recorder) -> None:
    """It remembers a flow for four seconds; a word after six is answered by its RST. A stream that polls lives."""
    with routed() as hosts:
        with hosts.server.inside():
            server = start(SockJsNode, heartbeat_delay=25000)
        open_doors(hosts.server, server.port)
        hosts.router.wall("ct state invalid reject with tcp reset", name="strict")
        hosts.router.set(
            net__netfilter__nf_conntrack_tcp_timeout_established=4, net__netfilter__nf_conntrack_tcp_loose=0
        )
        url = {"url": f"http://{SERVER}:{server.port}/echo"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                typing=sockjs(server.port, "websocket", do=says(1.4, 10)) | url,
                chat=sockjs(server.port, "websocket", do=["0.5 send hello", "6.7 send anybody there"]) | url,
            )
            await over(watch, "chat")
            await leave(watch, "typing", status=1)
    assert watch.the("close", "chat")["transport"]["how"] == "reset"
    recorder.keep("stop-firewall-resets-quiet-chat", watch)


async def test_no_session_is_older_at_caddy(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """4.2 s, though they beat: two that were opened apart end apart, at the same age; the direct one stays."""
    server = start(NodeStomp, beatEvery=1300, beats=1000)
    caddy = start(Caddy, server.port, life=4.2, tls=f"{certificate.chain} {certificate.key}")
    url: Table = {"url": f"stomp+wss://localhost:{caddy.port}/", "cacert": str(certificate.ca)}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, direct={"url": server.url, "heart_beat": "1300,1300"})
        await opened(watch, first=url | {"heart_beat": "1300,1300"})
        await seen(watch, "stomp", "first", command="beat", dir="in", count=1)
        await opened(watch, second=url | {"heart_beat": "0,0", "do": says(0.9, 6, "stomp-send /topic/night one")})
        await looked(watch, "first", "second", stage="tls")
        assert not watch.of("close", "direct")
        assert await watch.finish() == 1
    for name in ("first", "second"):
        assert 4 < watch.the("close", name)["age"] < 5
    recorder.keep("stop-caddy-stomp-wss-no-older", watch)
