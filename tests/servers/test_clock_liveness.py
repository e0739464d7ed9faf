"""Beats, pings and pongs that stay away: ours, the server's, and whose fault it is."""

import pytest

from tests.probing import ask, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import Table, opened, says, staged, stomp, stomps, ws, wss
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW
from tests.servers.lines import echoed, leave, open_doors, over
from tests.servers.looks import every, watched
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeStomp, NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import INSIDE, SERVER, routed
from tests.servers.spring import Spring, sessions
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_silent_server import silence
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_tab_whose_timers_are_throttled(
    activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """ActiveMQ through stunnel: the tab beats every 9 s where it promised 1.4; a visible one is on time."""
    tunnel = start(Stunnel, activemq.port, certificate)
    watch = await staged(
        {
            "hidden": stomps(tunnel.port, "1400,2600", certificate, CREW, do=["1.9 throttle-beats 9000"]),
            "visible": stomps(tunnel.port, "1400,2600", certificate, CREW),
        },
        "hidden",
        stage="tls",
    )
    close = watch.the("close", "hidden")
    assert close["initiator"] == "remote" and close["transport"]["how"] in ("fin", "reset")
    recorder.keep("clock-stunnel-hidden-tab-beats-late", watch)


async def test_a_page_that_forgot_its_timer(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Spring over SockJS, behind HAProxy with TLS: it only listens, and stops to beat; a desk goes on."""
    spring = start(Spring, heart_beat="1600,1600")
    proxy = start(HaProxy, spring.port, tunnel=30, certificate=certificate)
    words = [*sessions(proxy.port, "websocket", "board", "desk", tls=True), "--cacert", str(certificate.ca)]
    words += ["--heart-beat", "1600,1600", "--subscribe", "/topic/orders", "--do", "2.2 board: hold-beats"]
    words += every(2.9, "stomp-send /topic/orders one", 12, "desk")
    watch = await watched(words, ("board",), stage="tls")
    assert watch.the("close", "board")["initiator"] == "remote"
    recorder.keep("clock-haproxy-board-stops-beating", watch)


async def test_a_scheduler_with_too_much_to_do(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Spring's one thread for beats is busy for long; its messages still go round, as one without beats sees."""
    spring = start(Spring, heart_beat="1100,1100")
    front = start(Stunnel, spring.port, certificate)
    base = {"url": f"stomp+wss://localhost:{front.port}/ws", "cacert": str(certificate.ca), "close_timeout": 0.7}
    async with probing("--stdin", **POSTMORTEM) as watch:
        talk = says(1.3, 9, "stomp-send /topic/orders one")
        await opened(watch, beats=base | {"heart_beat": "1100,1100"}, chats=base | {"heart_beat": "0,0", "do": talk})
        await ask(watch, "subscribe /topic/orders", "chats")
        await seen(watch, "stomp", "beats", command="beat", dir="in", count=2)
        await ask(watch, "stomp-send /app/block/12000 report", "chats")
        await silence(watch, "beats")
        messages = len(watch.of("stomp", "chats", command="MESSAGE"))
        await seen(watch, "stomp", "chats", command="MESSAGE", count=messages + 1)
        await leave(watch, "chats")
    assert not watch.the("close", "beats")["transport"]["errno"]
    recorder.keep("clock-stunnel-scheduler-busy", watch)


async def test_a_home_made_broker_forgets_to_beat(start: Starter, recorder: Recorder) -> None:
    """It promised a beat every 0.9 s and stops after three; it still gives receipts, through ssh."""
    forgets = start(NodeStomp, beatEvery=900, beats=3)
    tunnel = start(SshTunnel, forgets.port)
    url = f"stomp+ws://{LOOPBACK}:{tunnel.port}/"
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, forgets={"url": url, "heart_beat": "1500,900", "close_timeout": 0.7})
        await silence(watch, "forgets")
        await ask(watch, r"stomp-frame SEND\ndestination:/queue/a\nreceipt:still-there\n\nhello\0", "forgets")
        await seen(watch, "stomp", "forgets", command="RECEIPT", dir="in")
        missed = len(watch.of("heartbeat", "forgets", layer="stomp-in", state="missed"))
        await seen(watch, "heartbeat", "forgets", layer="stomp-in", state="missed", count=missed + 1)
        await leave(watch)
    recorder.keep("clock-ssh-broker-forgets-to-beat", watch)


async def test_a_client_library_without_pongs(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """uvicorn behind HAProxy with TLS wants a pong, whatever else is said."""
    server = start(Uvicorn, ws_ping_interval=1.9, ws_ping_timeout=2.4)
    proxy = start(HaProxy, server.port, tunnel=30, certificate=certificate)
    watch = await staged(
        {
            "mute": wss(proxy.port, certificate, do=["0.5 hold-pongs", *says(0.9, 9)]),
        },
        "mute",
        stage="tls",
    )
    assert watch.the("close", "mute")["received"]["code"] == 1011
    recorder.keep("clock-haproxy-uvicorn-no-pong-though-busy", watch)


async def test_a_terminated_one_that_was_quiet(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Node cuts who did not answer its ping, without a word, behind nginx with TLS; a quiet one that answers stays."""
    server = start(NodeWs, pingEvery=2300)
    proxy = start(Nginx, server.port, 30, certificate)
    watch = await staged(
        {
            "quiet": wss(proxy.port, certificate),
            "mute": wss(proxy.port, certificate, do=["0.6 send hello", "3.1 hold-pongs"]),
        },
        "mute",
        stage="tls",
    )
    close = watch.the("close", "mute")
    assert (close["initiator"], close["received"], close["transport"]["how"]) == ("remote", None, "fin")
    recorder.keep("clock-nginx-node-terminates-mute-one", watch)


async def test_a_server_without_pongs(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Node's ws with autoPong off, behind HAProxy with TLS: words come back, pongs do not. One does not ping."""
    server = start(NodeWs, autoPong=False)
    proxy = start(HaProxy, server.port, tunnel=30, certificate=certificate)
    watch = await staged(
        {
            "pings": wss(proxy.port, certificate, ping_interval=2.7, ping_timeout=1.9, do=says(0.9, 6)),
            "talks": wss(proxy.port, certificate, do=says(1.3, 6)),
        },
        "pings",
        stage="tls",
    )
    close = watch.the("close", "pings")
    assert (close["initiator"], close["sent"]["code"]) == ("local", 1011)
    assert len(watch.of("frame", "pings", dir="in", opcode=1)) > 3
    recorder.keep("clock-haproxy-server-without-pongs", watch)


async def test_dark_behind_a_gateway(start: Starter, recorder: Recorder) -> None:
    """nginx on the router takes our pings, what it would pass on goes nowhere; nobody else is there to compare with."""
    with routed() as hosts:
        hosts.start_node()
        with hosts.router.inside():
            gateway = start(
                Nginx,
                1,
                60,
                rules=f"location /live {{ proxy_pass http://{SERVER}:8080; proxy_http_version 1.1; "
                "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }",
            )
        open_doors(hosts.router, gateway.port)
        words = (
            "--ping-interval",
            "1.6",
            "--ping-timeout",
            "2.3",
            "--close-timeout",
            "0.9",
            *every(1.1, "send hello", 3),
            "--stdin",
        )
        target = f"A=ws://{INSIDE}:{gateway.port}/live"
        async with watching(target, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 2, "A")
            hosts.router.wall(f"ip daddr {SERVER} drop", "output")
            await over(watch, "A", stage="http", patience=12)
            await leave(watch, status=1)
    assert watch.the("close")["initiator"] == "local"
    recorder.keep("clock-gateway-dark-behind-it", watch)


async def test_a_broker_stands_still_under_tls(
    own_broker: RabbitMq, activemq: ActiveMq, certificate: Certificate, recorder: Recorder
) -> None:
    """RabbitMQ is stopped by a signal while two are connected, over TLS and plain; ActiveMQ's client beats on."""
    secure: Table = {"url": own_broker.tls_url, "cacert": str(certificate.ca), "heart_beat": "1700,2300"}
    secure |= {"login": "guest", "passcode": "guest", "vhost": "/", "close_timeout": 0.7}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            secure=secure,
            plain=stomp(own_broker.stomp_port, "1300,1300", close_timeout=0.7),
            other=stomp(activemq.port, "1900,1900", CREW),
        )
        await seen(watch, "stomp", "secure", command="beat", dir="in", count=1)
        with frozen(own_broker.pid):
            await silence(watch, "secure", "plain")
            await leave(watch, "other")
    for session in ("secure", "plain"):
        assert watch.of("tcp_info", session)[-1]["unacked"] == 0
    recorder.keep("clock-rabbitmq-stands-still-tls", watch)


async def test_a_blocking_call_in_an_endpoint(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """uvicorn with TLS of its own: its loop waits for a database; two that ping give up, another server's does not."""
    chain, key = str(certificate.chain), str(certificate.key)
    server, other = start(Uvicorn, ssl_certfile=chain, ssl_keyfile=key, ws_ping_interval=30), start(NodeWs)
    base = wss(server.port, certificate, ping_interval=1.4, ping_timeout=2.2, close_timeout=0.7)
    watch = await staged(
        {
            "first": base | {"do": ["0.7 send hello", "1.9 send block 11"]},
            "second": base | {"do": says(0.8, 2)},
            "other": ws(other.port, ping_interval=1.4, ping_timeout=2.2),
        },
        "first",
        "second",
        stage="tls",
        ok=False,
    )
    for session in ("first", "second"):
        close = watch.the("close", session)
        assert (close["initiator"], close["sent"]["code"], close["received"]) == ("local", 1011, None)
    recorder.keep("clock-uvicorn-wss-blocking-call", watch)
