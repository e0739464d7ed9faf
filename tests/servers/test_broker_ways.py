"""Brokers behind proxies and TLS ends: shorter patience than the beats, an end of either, reloads and bad papers."""

import asyncio
import datetime
import signal
from pathlib import Path

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers import certificates
from tests.servers.activemq import ActiveMq
from tests.servers.frozen import frozen
from tests.servers.haproxy import HaProxy
from tests.servers.joined import ANNA, CREW, GUEST, beaten, join, talk
from tests.servers.jvm import Artemis
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.together import together
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

TCP = "mode tcp\n    option tcplog"
"""HAProxy's lines for a proxy that knows nothing of HTTP."""


def behind(proxy: Nginx | HaProxy, path: str = "") -> str:
    """The target of a broker's WebSocket behind a proxy."""
    return f"stomp+ws://{LOOPBACK}:{proxy.port}{path}"


async def test_patience_is_shorter_than_the_beats(
    broker: RabbitMq, activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Who talks behind the same proxy lives, and so does who beats as slowly without one."""
    nginx = start(Nginx, broker.port, 2.6)
    haproxy = start(HaProxy, broker.port, tunnel=3.3, certificate=certificate)
    stunnel = start(Stunnel, activemq.port, certificate, idle=4)

    async def run(
        name: str, url: str, direct: str, login: dict[str, str], beats: str, busy: str, stage: str, topic: str
    ) -> None:
        trust = {"cacert": str(certificate.ca)}
        async with probing("--stdin", **POSTMORTEM) as watch:
            await join(watch, "direct", direct, login, beats)
            await join(watch, "busy", url, login, busy, do=talk(1.9, topic, 9), **trust)
            await join(watch, "slow", url, login, beats, do=[f"0.4 stomp-send {topic} once"], **trust)
            await looked(watch, "slow", stage=stage)
            assert await watch.finish() == 1
        assert watch.the("close", "slow")["initiator"] == "remote"
        assert watch.the("close", "busy")["asked"] is True
        recorder.keep(name, watch)

    secure = f"localhost:{haproxy.port}/ws"
    await together(
        [
            run(
                "nginx-shorter-than-beats", behind(nginx, "/ws"), broker.url,
                GUEST, "7100,7100", "1550,1550", "tcp", "/topic/a",
            ),
            run(
                "haproxy-tls-tunnel-shorter-than-beats", f"stomp+wss://{secure}", broker.tcp_url,
                GUEST, "8200,6100", "0,2450", "tls", "/topic/b",
            ),
            run(
                "stunnel-shorter-than-beats", f"stomps://localhost:{stunnel.port}", activemq.url,
                CREW, "9300,0", "5800,0", "tls", "/topic/c",
            ),
        ]
    )  # fmt: skip


async def test_stunnel_is_killed(
    artemis: Artemis, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Both that go through it end; the broker behind it is well, as a third session knows."""
    stunnel = start(Stunnel, artemis.port, certificate)
    target = f"stomps://localhost:{stunnel.port}"
    trust = {"cacert": str(certificate.ca)}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "direct", artemis.tcp_url, ANNA, "2650,1250")
        await join(watch, "A", target, ANNA, "1150,1950", **trust)
        await join(watch, "B", target, ANNA, "11000,0", do=talk(1.3, "stunnelled", 3), **trust)
        await beaten(watch, "A", 1)
        stunnel.end()
        await looked(watch, "A", "B", ok=False)
        await beaten(watch, "direct", 1)
        assert await watch.finish() == 1
    recorder.keep("stunnel-killed-before-artemis", watch)


async def test_a_broker_dies_behind_haproxy(start: Starter, recorder: Recorder) -> None:
    """The proxy passes the end on, and has nobody to send the next one to."""
    artemis = start(Artemis)
    haproxy = start(HaProxy, artemis.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "A", behind(haproxy), ANNA, "1650,1650")
        await join(watch, "B", behind(haproxy), ANNA, "0,4700", do=talk(0.7, "orders", 2))
        await beaten(watch, "A", 1)
        artemis.end(signal.SIGKILL)
        await seen(watch, "postmortem", stage="http", count=2)
        assert await watch.finish() == 1
    recorder.keep("haproxy-artemis-dies", watch)


async def test_a_broker_stands_still_behind_nginx_until_it_cuts(start: Starter, recorder: Recorder) -> None:
    """The sessions send nothing of their own, and the broker's beats stay away: ``proxy_read_timeout`` runs out."""
    artemis = start(Artemis)
    nginx = start(Nginx, artemis.port, 3.7)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "A", behind(nginx), ANNA, "0,1450")
        await join(watch, "B", behind(nginx), ANNA, "0,1850", do=talk(0.9, "orders", 2))
        await beaten(watch, "B", 1)
        with frozen(artemis.pid):
            await looked(watch, "A", "B")
            await seen(watch, "postmortem", stage="http")
            assert await watch.finish() == 1
    recorder.keep("nginx-artemis-frozen-and-cut", watch)


async def test_a_broker_stands_still_behind_nginx(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Nginx has patience, and its kernel acknowledges for the broker; both are still open at the end."""
    nginx = start(Nginx, broker.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "A", behind(nginx, "/ws"), GUEST, "2250,1050")
        await join(watch, "B", behind(nginx, "/ws"), GUEST, "1750,1350", do=talk(1.1, "/topic/still", 6))
        await beaten(watch, "A", 1)
        with frozen(broker.pid):
            for name in "AB":
                await seen(watch, "heartbeat", name, layer="stomp-in", state="missed")
            sent = len(watch.of("stomp", "B", command="beat", dir="out"))
            await seen(watch, "stomp", "B", command="beat", dir="out", count=sent + 2)
            await watch.finish()
    recorder.keep("nginx-rabbitmq-frozen", watch)


async def test_haproxy_reloads_and_waits(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """Its old worker keeps the sessions it has; a new one gets its place at the new worker."""
    haproxy = start(HaProxy, activemq.port, options=TCP)
    target = f"stomp://{LOOPBACK}:{haproxy.port}"
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "beats", target, CREW, "1850,1250")
        await join(watch, "idle", target, CREW, "0,0")
        await beaten(watch, "beats", 1)
        haproxy.reload()
        await beaten(watch, "beats", 1)
        await join(watch, "newcomer", target, CREW, "3300,2100")
        await ask(watch, "stomp-send /topic/reloaded here", "idle")
        await beaten(watch, "newcomer", 1)
        assert await watch.finish() == 0
    recorder.keep("haproxy-tcp-reload-survived", watch)


async def test_nginx_reloads_and_does_not_wait(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """The busy and the idle end together when the old worker has to go; the direct one lives."""
    nginx = start(Nginx, artemis.port, shutdown_timeout=1.2)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "direct", artemis.ws_url, ANNA, "2350,2850")
        await join(watch, "busy", behind(nginx), ANNA, "0,1150", do=talk(0.6, "reloads", 5))
        await join(watch, "idle", behind(nginx), ANNA, "20000,20000")
        await beaten(watch, "busy", 1)
        nginx.reload()
        await looked(watch, "busy", "idle")
        await beaten(watch, "direct", 1)
        assert await watch.finish() == 1
    recorder.keep("nginx-artemis-reload", watch)


async def test_an_operator_closes_a_user_behind_nginx(start: Starter, recorder: Recorder) -> None:
    """The broker says by whose hand, and the other user lives."""
    artemis = start(Artemis)
    nginx = start(Nginx, artemis.port)
    bert = ANNA | {"login": "bert"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "anna", behind(nginx), ANNA, "0,3400", do=talk(0.8, "visits", 3))
        await join(watch, "bert", behind(nginx), bert, "1550,1150")
        await beaten(watch, "bert", 2)
        assert await asyncio.to_thread(artemis.manage, "user anna") == "true"
        await looked(watch, "anna")
        await beaten(watch, "bert", 1)
        assert await watch.finish() == 1
    recorder.keep("nginx-artemis-operator-closes-user", watch)


async def test_papers_that_stunnel_or_the_client_refuses(
    activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder, tmp_path: Path
) -> None:
    """An expired certificate, and a door that asks for one of the client's; who goes past them is well."""
    places = [tmp_path / name for name in ("expired", "client")]
    for place in places:
        place.mkdir()
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    expired = certificates.issue(places[0], not_before=yesterday - datetime.timedelta(days=9), not_after=yesterday)
    client = certificates.issue_client(places[1])

    async def run(name: str, stunnel: Stunnel, ca: Path, beats: str) -> None:
        async with probing("--stdin", **POSTMORTEM) as watch:
            await join(watch, "well", activemq.url, CREW, beats)
            target = f"stomps://localhost:{stunnel.port}"
            await open_session(watch, name="wrong", url=target, cacert=str(ca), **CREW)
            await looked(watch, "wrong", stage="tls", ok=False)
            await beaten(watch, "well", 1)
            await watch.finish()
        assert watch.the("close", "well")["asked"] is True
        recorder.keep(name, watch)

    old = start(Stunnel, activemq.port, expired)
    asks = start(Stunnel, activemq.port, certificate, client_ca=client.ca)
    await together(
        [
            run("stunnel-activemq-certificate-expired", old, expired.ca, "1950,1350"),
            run("stunnel-activemq-client-certificate-asked", asks, certificate.ca, "0,2250"),
        ]
    )
