"""Lossy, narrow and far lines, and ways that lose large packets, under brokers and servers behind nginx with TLS."""

import pytest

from tests.probing import seen
from tests.servers.afar import Afar
from tests.servers.lines import DEFAULT_RETRIES, beaten, behind_nginx, echoed, join, leave, over, trusting, within
from tests.servers.looks import every
from tests.servers.nginx import Certificate
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, Routed, routed
from tests.servers.starting import Starter
from tests.servers.test_nat import NODE, PYTHON
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

PLAIN = "--no-compression"


def narrow(hosts: Routed, kbit: int) -> None:
    """What comes to the client takes so many kbit/s; what is more stands in the router's queue."""
    rate = ("rate", f"{kbit}kbit", "burst", "3000", "limit", "900000")
    hosts.router.run("tc", "qdisc", "add", "dev", "lan", "root", "tbf", *rate)


async def test_heavy_loss_under_activemq(afar: Afar, recorder: Recorder) -> None:
    """Six packets of ten are lost in either direction, until the broker has missed our beats."""
    with routed(afar.host) as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "amq", "activemq", "1000,1500")
            await beaten(watch, 2, "amq")
            hosts.router.wall("numgen random mod 100 < 60 drop")
            await within(watch, 45, "close", "amq")
            hosts.router.no_wall()
            await over(watch, "amq")
            await leave(watch, status=1)
    recorder.keep("lines-activemq-loss-60", watch)


async def test_some_loss_under_activemq(afar: Afar, recorder: Recorder) -> None:
    """One packet in eight: beats and messages come late, and nobody minds."""
    with routed(afar.host) as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            sends = every(1.4, "stomp-send /topic/news more", 16)[1::2]
            await join(watch, afar, "news", "activemq", "5000,5000", subscribe=["/topic/news"], do=sends)
            await join(watch, afar, "quiet", "activemq", "4000,4000")
            hosts.router.wall("numgen random mod 100 < 12 drop")
            await seen(watch, "stomp", "news", command="MESSAGE", count=11)
            hosts.router.no_wall()
            await beaten(watch, 1, "quiet")
            await leave(watch, "news", "quiet", status=0)
    recorder.keep("lines-activemq-loss-12-lives", watch)


async def test_loss_under_tls(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """One packet in seven, from the opening on; Node terminates who has not answered a ping in six seconds."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_node(pingEvery=6000)
        _, url = behind_nginx(hosts, start, certificate, 8080)
        hosts.router.wall("numgen random mod 100 < 14 drop")
        words = (*trusting(certificate), *every(1.1, "send hello", 13), "--open-timeout", "20", "--stdin")
        async with watching(url, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "open")
            await echoed(watch, 11, "A")
            hosts.router.no_wall()
            await leave(watch, "A", status=0)
    recorder.keep("lines-wss-loss-14-lives", watch)


async def test_what_we_say_is_mostly_lost(recorder: Recorder) -> None:
    """The server's pings arrive, our pongs do not in time; its neighbour asks nobody."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_python(ping_interval=1, ping_timeout=2)
        hosts.start_node()
        words = (*every(4.1, "send hello", 54, "other"), "--stdin")
        async with watching(f"asked={PYTHON}", f"other={NODE}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "asked", opcode=10, dir="out", count=3)
            hosts.router.wall('iifname "lan" numgen random mod 100 < 60 drop')
            await within(watch, 50, "close", "asked")
            hosts.router.no_wall()
            await over(watch, "asked")
            await echoed(watch, 1, "other")
            await leave(watch, "other", status=1)
    close = watch.the("close", "asked")
    assert (close["initiator"], close["code"]) == ("remote", 1011)
    recorder.keep("lines-python-loss-60-of-ours", watch)


async def test_a_satellite_under_tls(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Every answer takes a second, those of the TLS handshake too."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_python(ping_interval=5, ping_timeout=5)
        _, url = behind_nginx(hosts, start, certificate, 8081)
        hosts.weather(delay=0.45, jitter=0.2)
        words = (*trusting(certificate), *every(1.6, "send hello", 9), "--ping-interval", "4", "--stdin")
        async with watching(url, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", opcode=1, dir="in", count=5)
            await seen(watch, "frame", opcode=10, dir="in", count=3)
            await leave(watch, "A", status=0)
    recorder.keep("lines-wss-satellite-lives", watch)


async def test_a_narrow_line_under_a_subscriber(afar: Afar, recorder: Recorder) -> None:
    """Large messages stand in a queue, and the broker's beats behind them."""
    with routed(afar.host) as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        narrow(hosts, 240)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            large = f"stomp-send /queue/large {'x' * 30000}"
            await join(watch, afar, "sub", "rabbitmq", "3000,3000", subscribe=["/queue/large"], no_compression=True)
            await join(
                watch, afar, "pub", "rabbitmq-tcp", "4000,4000", do=[f"{0.9 + n * 0.2:.1f} {large}" for n in range(5)]
            )
            await seen(watch, "stomp", "sub", command="MESSAGE", count=5)
            await beaten(watch, 2, "sub")
            await leave(watch, "sub", "pub", status=0)
    recorder.keep("lines-rabbitmq-narrow-lives", watch)


async def test_a_narrow_line_under_nodes_pings(recorder: Recorder) -> None:
    """Its pings stand behind what it sends us: the pong comes too late for it."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_node(pingEvery=2000)
        narrow(hosts, 200)
        words = (PLAIN, "--do", "2.6 big: send flood 16 20000", *every(1.9, "send hello", 16, "small"), "--stdin")
        hosts.start_python()
        async with watching(f"big={NODE}", f"small={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await within(watch, 40, "close", "big")
            await over(watch, "big")
            await leave(watch, "small", status=1)
    assert watch.the("close", "big")["initiator"] == "remote"
    recorder.keep("lines-node-narrow-terminates", watch)


async def test_the_certificate_is_too_large_for_the_way(
    start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    """TCP opens, and the server's first TLS words are a packet that never arrives; small frames pass."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_node()
        _, url = behind_nginx(hosts, start, certificate, 8080)
        hosts.router.wall('iifname "wan" meta length > 700 drop')
        words = (*trusting(certificate), *every(1.2, "send hello", 7, "plain"), "--open-timeout", "7", "--stdin")
        async with watching(f"plain={NODE}", f"tls={url}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await over(watch, "tls")
            await leave(watch, "plain", status=3)
    assert watch.the("end", "tls")["phase"] == "tls"
    recorder.keep("lines-mtu-tls-never-answers", watch)


async def test_large_deliveries_vanish(afar: Afar, recorder: Recorder) -> None:
    """RabbitMQ takes a large message and delivers it into a way that loses it; its beats stand behind it."""
    with routed(afar.host) as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.router.wall('iifname "wan" meta length > 1200 drop')
        async with watching("--stdin", "--close-timeout", "1.5", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "sub", "rabbitmq", "2000,2000", subscribe=["/topic/reports"], no_compression=True)
            large = f"stomp-send /topic/reports {'x' * 6000}"
            await join(
                watch,
                afar,
                "pub",
                "rabbitmq-tcp",
                "4000,4000",
                do=["2.2 stomp-send /topic/reports small", f"5.1 {large}"],
            )
            await seen(watch, "stomp", "sub", command="MESSAGE")
            await seen(watch, "stomp", "pub", command="SEND", count=2)
            await beaten(watch, 4, "pub")
            await leave(watch, "sub", "pub")
    assert len(watch.of("stomp", "sub", command="MESSAGE")) == 1
    recorder.keep("lines-rabbitmq-mtu-delivery", watch)


async def test_large_sends_vanish(afar: Afar, recorder: Recorder) -> None:
    """ActiveMQ never gets one of ours, nor the beats behind it, and drops us; the twin sends small ones."""
    with routed(afar.host) as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.router.wall("meta length > 1300 drop")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "large", "activemq", "2500,2500", do=[f"4.3 stomp-send /queue/in {'x' * 9000}"])
            await join(watch, afar, "small", "activemq", "2500,2500", do=["3.1 stomp-send /queue/in little"])
            await over(watch, "large")
            await leave(watch, "small", status=1)
    recorder.keep("lines-activemq-mtu-send", watch)


async def test_large_echoes_vanish_under_pings(recorder: Recorder) -> None:
    """Both directions lose what is large; our ping behind a large message is never answered."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_python()
        hosts.router.wall("meta length > 1000 drop")
        words = ("--ping-interval", "2", "--ping-timeout", "5", "--close-timeout", "1", PLAIN, "--stdin")
        sends = ("--do", "0.7 send small", "--do", "3.4 large: send-repeat x 2500")
        names = (f"large=ws://{SERVER}:8081/", f"small={PYTHON}")
        async with watching(*names, *words, *sends, on=hosts.client.words, **POSTMORTEM) as watch:
            await over(watch, "large")
            await leave(watch, "small", status=1)
    close = watch.the("close", "large")
    assert (close["initiator"], close["sent"]["code"]) == ("local", 1011)
    recorder.keep("lines-python-mtu-both-ways", watch)
