"""Beats and pongs that stay away, once more: whose they were, and who stands still."""

import pytest

from tests.probing import ask, probing, seen
from tests.servers.between import Table, opened, says, staged, web_stomp, ws
from tests.servers.classic import ActiveMqWs
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.lines import echoed, leave, open_doors, over
from tests.servers.looks import every
from tests.servers.nginx import Certificate
from tests.servers.node import NodeStomp, NodeWs
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import INSIDE, OTHER, SERVER, routed
from tests.servers.spring import Spring
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.test_silent_server import silence
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_browser_beats_too_rarely(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """RabbitMQ's WebSocket behind HAProxy with TLS: beats every 7 s where 1.7 were promised; one goes direct."""
    proxy = start(HaProxy, broker.port, tunnel=40, certificate=certificate)
    late = web_stomp(proxy.port, "1700,3300", cacert=str(certificate.ca), do=["2.1 throttle-beats 7000"])
    late["url"] = f"stomp+wss://localhost:{proxy.port}/ws"
    watch = await staged({"late": late, "direct": web_stomp(broker.port, "1700,3300")}, "late", stage="tls")
    assert watch.the("close", "late")["initiator"] == "remote"
    recorder.keep("liveness-haproxy-web-stomp-late-beats", watch)


async def test_dark_behind_a_balancer(start: Starter, recorder: Recorder) -> None:
    """HAProxy on the router: what it would pass on to one of its servers goes nowhere; the other's client is well."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_node(8090)
        with hosts.router.inside():
            proxy = start(
                HaProxy,
                1,
                tunnel=40,
                rules=f"""use_backend one if {{ path /one }}
    use_backend two if {{ path /two }}
backend one
    server a {SERVER}:8080
backend two
    server b {OTHER}:8090
frontend none
    bind 127.0.0.1:18099""",
            )
        open_doors(hosts.router, proxy.port)
        base = f"ws://{INSIDE}:{proxy.port}"
        words = ("--ping-interval", "1.9", "--ping-timeout", "2.6", "--close-timeout", "0.8", "--stdin")
        talk = (*every(1.3, "send hello", 3, "one"), *every(1.7, "send hi", 12, "two"))
        targets = (f"one={base}/one", f"two={base}/two")
        async with watching(*targets, *words, *talk, on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 2, "one")
            hosts.router.wall(f"ip daddr {SERVER} drop", "output")
            await over(watch, "one")
            await leave(watch, "two", status=1)
    assert watch.the("close", "one")["initiator"] == "local"
    recorder.keep("liveness-balancer-dark-behind-one", watch)


async def test_activemq_stands_still_under_web_pages(start: Starter, recorder: Recorder) -> None:
    """ActiveMQ over WebSocket is stopped by a signal; two pages miss its beats, a third with Spring does not."""
    broker, other = start(ActiveMqWs), start(Spring, heart_beat="2100,2100")
    page: Table = {"url": broker.url, "close_timeout": 0.7} | CREW
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            prices=page | {"heart_beat": "1600,1600"},
            alarms=page | {"heart_beat": "2900,1900", "do": says(0.9, 2, "stomp-send /topic/a 1")},
            orders={"url": other.ws_url, "heart_beat": "2100,2100"},
        )
        await seen(watch, "stomp", "prices", command="beat", dir="in", count=2)
        with frozen(broker.pid):
            await silence(watch, "prices", "alarms")
            await leave(watch, "orders")
    for session in ("prices", "alarms"):
        assert watch.of("tcp_info", session)[-1]["unacked"] == 0
    recorder.keep("liveness-activemq-ws-stands-still", watch)


async def test_a_broker_that_answers_pings_alone(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A home-made broker behind HAProxy with TLS stops to beat after four; its stack answers our pings as before."""
    broker = start(NodeStomp, beatEvery=1100, beats=4)
    proxy = start(HaProxy, broker.port, tunnel=40, certificate=certificate)
    table: Table = {"url": f"stomp+wss://localhost:{proxy.port}/", "cacert": str(certificate.ca)}
    table |= {"heart_beat": "1700,1100", "ping_interval": 2.3, "ping_timeout": 1.9, "close_timeout": 0.7}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, stock=table)
        await silence(watch, "stock")
        pongs = len(watch.of("frame", "stock", opcode=10, dir="in"))
        await seen(watch, "frame", "stock", opcode=10, dir="in", count=pongs + 2)
        if not watch.of("close", "stock"):
            await ask(watch, "quit")
        await seen(watch, "close", "stock")
        await watch.finish()
    recorder.keep("liveness-haproxy-pongs-but-no-beats", watch)


async def test_a_talkative_one_without_pongs(start: Starter, recorder: Recorder) -> None:
    """Node behind ssh pings every 1.7 s and cuts who does not answer, without a word, however much it says."""
    server = start(NodeWs, pingEvery=1700)
    tunnel = start(SshTunnel, server.port)
    watch = await staged(
        {
            "quiet": ws(tunnel.port),
            "talks": ws(tunnel.port, do=["2.4 hold-pongs", *says(0.7, 9)]),
        },
        "talks",
    )
    close = watch.the("close", "talks")
    assert (close["initiator"], close["received"]) == ("remote", None)
    recorder.keep("liveness-ssh-node-terminates-talker", watch)
