"""Silence behind nginx, HAProxy, stunnel and ssh: cut by a timeout, held off by words in time, or minded by none."""

import pytest

from tests.probing import ask, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import (
    TCP,
    assert_cut,
    says,
    sockjs,
    staged,
    stomp,
    stomps,
    web_stomp,
    ws,
    wss,
)
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.strict import StrictNode
from tests.servers.stunnel import Stunnel, StunnelClient
from tests.servers.test_idle_proxies import EARLY, LATE
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def assert_idle(watch: Watch, timeout: float, *sessions: str, how: str = "fin") -> None:
    """They were cut when that long nothing had passed in either direction."""
    assert_cut(watch, *sessions, how=(how,))
    for name in sessions:
        assert timeout - EARLY <= watch.the("close", name)["idle_any"] <= timeout + LATE


async def test_one_of_three_pings(start: Starter, recorder: Recorder) -> None:
    """Node's ws behind nginx; the other two end one after the other."""
    server = start(NodeWs)
    nginx = start(Nginx, server.port, 4.2)
    watch = await staged(
        {
            "pings": ws(nginx.port, ping_interval=1.7),
            "talked": ws(nginx.port, do=says(0.6, 2)),
            "silent": ws(nginx.port),
        },
        "silent",
        "talked",
    )
    assert_idle(watch, 4.2, "talked", "silent")
    recorder.keep("between-nginx-idle-one-of-three-pings", watch)


async def test_all_of_three_are_idle(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Beats that are slower than HAProxy's patience; all three were let in at once, and end at once."""
    haproxy = start(HaProxy, broker.port, tunnel=3.6)
    tables = {name: web_stomp(haproxy.port, "30000,30000") for name in ("A", "B", "C")}
    watch = await staged(tables, "A", "B", "C")
    assert_idle(watch, 3.6, "A", "B", "C")
    recorder.keep("between-haproxy-idle-all-three", watch)


async def test_beats_that_are_too_slow_for_it(
    activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """STOMP over TLS, which HAProxy ends; its twin beats faster."""
    haproxy = start(HaProxy, activemq.port, client=3.3, certificate=certificate, options=TCP)
    watch = await staged(
        {
            "brisk": stomps(haproxy.port, "1300,1300", certificate, CREW),
            "slow": stomps(haproxy.port, "9000,9000", certificate, CREW),
        },
        "slow",
        stage="tls",
    )
    assert_idle(watch, 3.3, "slow")
    recorder.keep("between-haproxy-stomps-slow-beats", watch)


async def test_only_one_direction_is_busy(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Neither beats. Who gets news lives; who subscribed to nothing does not."""
    haproxy = start(HaProxy, broker.port, tunnel=2.7)
    news = says(0.7, 7, "stomp-send /topic/between.news sun")
    watch = await staged(
        {
            "listens": web_stomp(haproxy.port, "0,0", subscribe=["/topic/between.news"]),
            "quiet": web_stomp(haproxy.port, "0,0"),
            "direct": stomp(broker.stomp_port, "0,0", do=news),
        },
        "quiet",
    )
    assert len(watch.of("stomp", "listens", command="MESSAGE")) > 2
    assert_idle(watch, 2.7, "quiet")
    recorder.keep("between-haproxy-idle-listener-lives", watch)


@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
async def test_polls_outlast_its_patience(start: Starter, recorder: Recorder, kind: str) -> None:
    """SockJS beats every 25 seconds: a poll that nothing answers is answered 504 by the proxy."""
    server = start(SockJsNode, heartbeat_delay=25000)
    port = start(Nginx, server.port, 3.1).port if kind == "nginx" else start(HaProxy, server.port, client=2.4).port
    watch = await staged(
        {"polls": sockjs(port, "xhr-polling"), "pings": sockjs(port, "websocket", ping_interval=1.1)}, "polls"
    )
    assert 504 in [line["status"] for line in watch.of("http", "polls", dir="in")]
    recorder.keep(f"between-{kind}-polls-outlast-it", watch)


async def test_the_servers_pings_hold_it_off(start: Starter, recorder: Recorder) -> None:
    """sockjs-node pings; nobody says a word for thrice nginx's patience."""
    server = start(SockJsNode, heartbeat_delay=1600)
    nginx = start(Nginx, server.port, 3.4)

    async def wait(watch: Watch) -> None:
        await seen(watch, "frame", "B", dir="in", opcode=9, count=6)
        await ask(watch, "send still there", "B")
        await seen(watch, "sockjs", "B", kind="a", dir="in")

    tables = {name: sockjs(nginx.port, "websocket") for name in ("A", "B")}
    recorder.keep("between-nginx-server-pings-in-time", await staged(tables, strike=wait, status=0))


async def test_stunnel_and_a_server_that_talks(
    echo_port: int, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """One direction is enough for stunnel; a session with a server that says nothing is reset."""
    server = start(StrictNode, says=0.8, ending="fin")
    talks, mute = start(Stunnel, server.port, certificate, idle=2), start(Stunnel, echo_port, certificate, idle=2)
    watch = await staged(
        {"listens": wss(talks.port, certificate), "quiet": wss(mute.port, certificate, do=["0.5 send hello"])},
        "quiet",
        stage="tls",
    )
    assert_idle(watch, 2, "quiet", how="reset")
    assert len(watch.of("frame", "listens", dir="in")) > 2
    recorder.keep("between-stunnel-idle-listener-lives", watch)


async def test_the_near_stunnel_is_impatient(
    echo_port: int, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Plain to this end of the tunnel, which ends who is silent."""
    far = start(Stunnel, echo_port, certificate)
    near = start(StunnelClient, far.port, certificate, idle=3)
    watch = await staged(
        {"busy": ws(near.port, do=says(0.9, 8)), "quiet": ws(near.port), "past": ws(echo_port)}, "quiet"
    )
    assert_cut(watch, "quiet")
    assert 3 - EARLY <= watch.the("close", "quiet")["idle_any"] <= 3 + LATE
    recorder.keep("between-stunnel-near-end-idle", watch)


async def test_ssh_minds_no_silence(start: Starter, recorder: Recorder) -> None:
    """Eleven seconds without a byte through ``-L`` and ``-D``, then a word that is answered."""
    server = start(NodeWs)
    local, socks = start(SshTunnel, server.port), start(SshTunnel, server.port, way="-D")

    async def wait(watch: Watch) -> None:
        for name in ("local", "socks"):
            await seen(watch, "frame", name, dir="in", text="still there")

    word = ["11.2 send still there"]
    watch = await staged(
        {
            "local": ws(local.port, do=word),
            "socks": ws(server.port, do=word, proxy=f"socks5h://{LOOPBACK}:{socks.port}"),
        },
        strike=wait,
        status=0,
    )
    recorder.keep("between-ssh-long-silence", watch)
