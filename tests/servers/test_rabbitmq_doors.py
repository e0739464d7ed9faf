"""Doors of brokers knocked at in the wrong tongue or with the wrong papers, while another session is well."""

import datetime
import shutil

import pytest

from tests.probing import probing, seen
from tests.servers import certificates
from tests.servers.activemq import ActiveMq
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.servers.together import together
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def knock(take: Take, wrong: str, well: str, *words: str) -> Watch:
    """A session that fails at the door, and one to the same broker's right door that beats all the while."""
    beats = take.one_of("1000,1000", "800,1000")
    timeout = str(take.between(2, 4))
    stay = (*LOGIN, "--heart-beat", beats, "--open-timeout", timeout, "--stdin", *words)
    async with probing(f"wrong={wrong}", f"well={well}", *stay, **POSTMORTEM) as watch:
        await seen(watch, "close", "wrong")
        await seen(watch, "stomp", "well", command="beat", dir="in", count=take.one_of(1, 2))
        await watch.command("quit")
        assert await watch.finish() in (1, 3)
    assert watch.the("close", "well")["asked"] is True
    return watch


async def test_the_wrong_tongue(
    broker: RabbitMq, activemq: ActiveMq, certificate: Certificate, take: Take, recorder: Recorder
) -> None:
    """Every port speaks one thing."""
    tls_port = broker.tls_url.rpartition(":")[2]
    doors = {
        "rabbitmq-stomp-to-tls-port": f"stomp://localhost:{tls_port}",
        "rabbitmq-websocket-to-tls-port": f"stomp+ws://localhost:{tls_port}/ws",
        "rabbitmq-tls-to-stomp-port": f"stomps://localhost:{broker.stomp_port}",
        "rabbitmq-tls-to-web-port": f"stomp+wss://localhost:{broker.port}/ws",
        "rabbitmq-stomp-to-web-port": f"stomp://{LOOPBACK}:{broker.port}",
        "rabbitmq-stomp-to-amqp-port": f"stomp://{LOOPBACK}:{broker.amqp_port}",
        "activemq-websocket-to-stomp-port": f"stomp+ws://{LOOPBACK}:{activemq.port}/",
        "activemq-tls-to-stomp-port": f"stomps://localhost:{activemq.port}",
    }

    async def run(name: str, url: str) -> None:
        watch = await knock(take, url, broker.tcp_url, "--cacert", str(certificate.ca))
        recorder.keep(take.of(name), watch)

    await together(run(*door) for door in doors.items())


async def test_the_wrong_papers(
    broker: RabbitMq, certificate: Certificate, start: Starter, take: Take, recorder: Recorder
) -> None:
    """RabbitMQ's certificate is nobody's we know, another's or too old; or it wants to see one of ours."""
    places = {name: certificate.ca.parent / name for name in ("old", "stranger", "ours")}
    for place in places.values():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=take.one_of(1, 3, 40))
    old = certificates.issue(places["old"], not_after=yesterday)
    stranger, ours = certificates.issue_client(places["stranger"]), certificates.issue_client(places["ours"])
    stale = start(RabbitMq, old)
    strict = start(
        RabbitMq,
        Certificate(certificate.chain, certificate.key, ours.ca),
        conf=("ssl_options.verify = verify_peer", "ssl_options.fail_if_no_peer_cert = true"),
    )
    trust = ("--cacert", str(certificate.ca))

    async def run(name: str, at: RabbitMq, *words: str) -> None:
        watch = await knock(take, at.tls_url, at.tcp_url, *words)
        recorder.keep(take.of(f"rabbitmq-{name}"), watch)

    await together(
        (
            run("certificate-of-nobody", broker),
            run("certificate-of-another", broker, *trust, "--servername", "live.example"),
            run("certificate-too-old", stale, "--cacert", str(old.ca)),
            run("wants-a-certificate", strict, *trust),
            run("wants-no-stranger", strict, *trust, "--cert", str(stranger.chain), "--key", str(stranger.key)),
        )
    )
    async with probing(
        strict.tls_url, *LOGIN, *trust, "--cert", str(ours.chain), "--key", str(ours.key), "--heart-beat", "1000,1000",
        "--stdin",
    ) as watch:  # fmt: skip
        await seen(watch, "stomp", command="beat", dir="in", count=3)
        await watch.command("quit")
        assert await watch.finish() == 0
    recorder.keep(take.of("rabbitmq-our-certificate-is-good"), watch)
