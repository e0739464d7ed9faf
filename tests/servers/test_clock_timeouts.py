"""Clocks on the way and at the far end: idle proxies, idle servers, forgetful boxes, and sessions that grow too old."""

import pytest

from tests.probing import probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import opened, says, staged, stomp, stomps, wss
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.lines import leave, open_doors, over, trusting
from tests.servers.looks import every, looked, watched
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.spring import Spring, sessions
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.strict import StrictNode, StrictPython
from tests.servers.stunnel import Stunnel
from tests.servers.test_between_idle import assert_idle
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_it_comes_back_and_is_idle_again(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """HAProxy cuts a lone silent session after 3.7 s, and its next life 3.7 s after what was said in it.

    Its user wants no look after a drop.
    """
    server = start(NodeWs)
    proxy = start(HaProxy, server.port, tunnel=3.7, certificate=certificate)
    async with probing("--stdin") as watch:
        await opened(watch, A=wss(proxy.port, certificate, reconnect=True))
        await seen(watch, "close", "A")
        await seen(watch, "open", "A", count=2)
        for count in (1, 2):
            await watch.command(f"send hello {count}")
            await seen(watch, "frame", "A", opcode=1, dir="in", text=f"hello {count}")
        await seen(watch, "close", "A", count=2)
        assert await watch.finish() == 1
    for close in watch.of("close"):
        assert close["received"] is None and 3.3 < close["idle_any"] < 5
    recorder.keep("clock-haproxy-idle-and-idle-again", watch)


async def test_a_page_that_was_read_to_its_end(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """SockJS at Spring without beats: nginx with TLS cuts it 4.6 s after its last word; a direct one is as quiet."""
    spring = start(Spring, heart_beat="")
    proxy = start(Nginx, spring.port, 4.6, certificate)
    base = {"heart_beat": "0,0", "sockjs_transport": "websocket", "subscribe": ["/topic/news"]}
    page = {"url": f"stomp+https://localhost:{proxy.port}/sockjs", "cacert": str(certificate.ca)} | base
    watch = await staged(
        {
            "direct": {"url": spring.sockjs_url} | base,
            "page": page | {"do": says(0.8, 2.7, "stomp-send /app/prices/1/9 x")},
        },
        "page",
        stage="tls",
    )
    assert_idle(watch, 4.6, "page")
    recorder.keep("clock-nginx-page-read-to-its-end", watch)


async def test_tomcat_minds_silence(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """It may be quiet for 5.4 s, and Tomcat looks every ten; nginx in front, with TLS, would wait a minute."""
    spring = start(Spring, heart_beat="", tomcat_idle=5400)
    proxy = start(Nginx, spring.port, 60, certificate)
    words = [*sessions(proxy.port, "websocket", "quiet", tls=True), "--cacert", str(certificate.ca)]
    words += ["--heart-beat", "0,0", "--do", "1.2 stomp-send /topic/orders one"]
    watch = await watched(words, ("quiet",))
    assert watch.the("close", "quiet")["initiator"] == "remote"
    recorder.keep("clock-nginx-tomcat-idle", watch)


async def test_a_server_that_wants_to_hear_of_its_readers(start: Starter, recorder: Recorder) -> None:
    """Through ssh: news every 1.1 s, and a FIN 4.6 s after the reader's own last word. Who says "here" stays."""
    server = start(StrictNode, idle=4.6, says=1.1, ending="fin")
    tunnel = start(SshTunnel, server.port)
    base = {"url": f"ws://{LOOPBACK}:{tunnel.port}/"}
    watch = await staged(
        {"reads": base | {"do": ["1.3 send here"]}, "talks": base | {"do": says(1.9, 10, "send here")}}, "reads"
    )
    close = watch.the("close", "reads")
    assert close["received"] is None and 4.2 < close["idle_tx"] < 6 and close["idle_rx"] < 2
    recorder.keep("clock-ssh-server-wants-to-hear", watch)


async def test_a_router_forgets_a_quiet_till(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """ActiveMQ behind stunnel, a strict router at home that remembers for four seconds: beats keep one flow alive."""
    with routed() as hosts:
        hosts.be_patient(4)
        with hosts.server.inside():
            broker = start(ActiveMq)
            front = start(Stunnel, broker.port, certificate)
        open_doors(hosts.server, front.port)
        hosts.masquerade(forgets_after=4, strict=True)
        base = {"url": f"stomps://{SERVER}:{front.port}", "cacert": str(certificate.ca), "servername": "localhost"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                till=base | CREW | {"heart_beat": "0,0", "do": [f"{at} stomp-send /queue/s 1" for at in (0.6, 8.1)]},
                board=base | CREW | {"heart_beat": "1800,1800"},
            )
            await over(watch, "till", stage="tls")
            await leave(watch, "board", status=1)
    assert watch.the("close", "till")["initiator"] == "none"
    recorder.keep("clock-stomps-router-forgets-till", watch)


async def test_a_firewall_resets_what_it_forgot(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """uvicorn with TLS of its own; our ping after 6.4 s of silence meets a firewall that remembers for four."""
    with routed() as hosts:
        with hosts.server.inside():
            server = start(Uvicorn, ssl_certfile=str(certificate.chain), ssl_keyfile=str(certificate.key))
        open_doors(hosts.server, server.port)
        hosts.router.wall("ct state invalid reject with tcp reset", name="strict")
        hosts.router.set(
            net__netfilter__nf_conntrack_tcp_timeout_established=4, net__netfilter__nf_conntrack_tcp_loose=0
        )
        url = f"wss://{SERVER}:{server.port}/"
        words = (*trusting(certificate), "--ping-interval", "6.4", *every(1.7, "send hello", 9, "typing"), "--stdin")
        async with watching(f"quiet={url}", f"typing={url}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await over(watch, "quiet", stage="tls")
            await leave(watch, "typing", status=1)
    close = watch.the("close", "quiet")
    assert (close["initiator"], close["transport"]["how"]) == ("remote", "reset")
    recorder.keep("clock-wss-firewall-resets-forgotten", watch)


async def test_each_is_sent_away_at_the_same_age(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A bare 1001 at 6.3 s to one that talks and one that does not, opened apart, behind stunnel; one is younger."""
    server = start(StrictPython, life=6.3, ending=(1001, ""))
    front = start(Stunnel, server.port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, talks=wss(front.port, certificate, do=says(0.8, 7)))
        await watch.until(lambda line: line["type"] == "frame" and line.get("dir") == "out", count=2)
        await opened(watch, quiet=wss(front.port, certificate, do=["0.5 send hello"]))
        await seen(watch, "close", "talks")
        await opened(watch, young=wss(front.port, certificate))
        await looked(watch, "talks", "quiet")
        assert not watch.of("close", "young")
        assert await watch.finish() == 1
    for name in ("talks", "quiet"):
        assert_said(watch.the("close", name), 1001, "")
        assert 6 < watch.the("close", name)["age"] < 7
    recorder.keep("clock-stunnel-same-age-1001", watch)


async def test_a_gateway_lets_nobody_stay_for_longer(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Envoy ends TLS, and each TCP connection at 5.4 s though beats go round; one that goes past it is older."""
    envoy = start(Envoy, broker.stomp_port, tcp={"max_downstream_connection_duration": "5.4s"}, certificate=certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, past=stomp(broker.stomp_port, "1900,1900"))
        await opened(watch, first=stomps(envoy.port, "1700,1700", certificate))
        await seen(watch, "stomp", "first", command="beat", dir="in", count=2)
        await opened(watch, second=stomps(envoy.port, "1700,1700", certificate))
        await looked(watch, "first", "second", stage="tls")
        assert not watch.of("close", "past")
        assert await watch.finish() == 1
    for name in ("first", "second"):
        close = watch.the("close", name)
        assert close["initiator"] == "remote" and 5 < close["age"] < 7.5
    recorder.keep("clock-envoy-stomps-same-age", watch)
