"""The same networks under TLS: what a way does to a session that is sealed."""

import asyncio
import shutil

import pytest

from tests.probing import seen
from tests.servers import certificates
from tests.servers.frozen import frozen
from tests.servers.nginx import Certificate
from tests.servers.node import NodeEndings
from tests.servers.recordings import Recorder
from tests.servers.routed import CLIENT, INSIDE, SERVER, Routed, routed
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.servers.test_nat import STOMP, leave, talk
from tests.servers.test_server_hosts import power_off, power_on
from tests.servers.test_ways import answered, assert_gave_up
from tests.servers.together import together
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

TLS = f"wss://{SERVER}:8443/"


class Sealed:
    """Node's ws behind TLS on the server host of a network, at ``TLS``.

    Args:
        hosts: where.
        start: what starts it.
        certificate: for ``SERVER``.
    """

    def __init__(self, hosts: Routed, start: Starter, certificate: Certificate) -> None:
        self.hosts = hosts
        self.trust = ("--cacert", str(certificate.ca))
        with hosts.server.inside():
            self.node = start(NodeEndings, cert=str(certificate.chain), key=str(certificate.key))
        hosts.server.set(net__ipv4__conf__all__route_localnet=1)
        rule = f"ip daddr {SERVER} tcp dport 8443 dnat ip to 127.0.0.1:{self.node.port}"
        hosts.server.wall(rule, "prerouting", "nat", name="doors")

    def lose_power(self) -> None:
        """Its host is gone, and remembers nothing when it is back."""
        power_off(self.hosts)
        self.node.end()
        self.hosts.server.run("conntrack", "-F")

    def come_back(self) -> None:
        """It is there again, as after a start."""
        with self.hosts.server.inside():
            self.node.begin()
        power_on(self.hosts)


async def a_router_forgets(server: Sealed, take: Take, recorder: Recorder) -> None:
    """Idle for longer than the router remembers; then a word, which it swallows."""
    hosts = server.hosts
    hosts.masquerade(forgets_after=take.one_of(1, 2), strict=True)
    moment = take.between(3.2, 4)
    words = (*server.trust, f"--do={moment} idle: send hello", *talk(0.7, 12, "busy"), "--stdin")
    async with watching(f"idle={TLS}", f"busy={TLS}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
        await seen(watch, "close", "idle")
        await seen(watch, "postmortem", "idle")
        assert not watch.of("close", "busy")
        assert await leave(watch) == 1
    assert_gave_up(watch, "idle")
    recorder.keep(take.of("tls-nat-forgets"), watch)


async def a_firewall_resets_the_idle(server: Sealed, take: Take, recorder: Recorder) -> None:
    """Both ends get a RST; a session without TLS that beats lives."""
    hosts = server.hosts
    hosts.start_stomp()
    hosts.weather(idle=take.between(1.6, 2.6))
    words = (*server.trust, "--heart-beat", "500,500", *talk(0.4, 2, "idle"), "--stdin")
    async with watching(f"idle={TLS}", f"beats={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
        await seen(watch, "close", "idle")
        await seen(watch, "postmortem", "idle")
        assert not watch.of("close", "beats")
        assert await leave(watch) == 1
    assert watch.the("close", "idle")["transport"]["how"] == "reset"
    recorder.keep(take.of("tls-firewall-resets-idle"), watch)


async def the_way_is_dark(server: Sealed, take: Take, recorder: Recorder) -> None:
    """Two that ping; both wait for their kernel."""
    hosts = server.hosts
    hosts.be_patient(3)
    words = (*server.trust, "-n", "2", "--ping-interval", str(take.between(0.5, 0.9)))
    async with watching(TLS, *words, on=hosts.client.words, **POSTMORTEM) as watch:
        await answered(watch, take, "A1", "A2")
        hosts.router.wall("drop")
        await seen(watch, "close", count=2)
        assert await watch.finish(60) == 1
    assert_gave_up(watch, "A1", "A2")
    recorder.keep(take.of("tls-way-dark"), watch)


async def its_host_loses_its_power_for_a_moment(server: Sealed, take: Take, recorder: Recorder) -> None:
    """The next word meets a RST, which no TLS alert announces."""
    hosts = server.hosts
    hosts.be_patient(8)
    words = (*server.trust, "-n", "2", "--ping-interval", "1.1", *talk(take.one_of(0.6, 0.8), 12, "A1"))
    async with watching(TLS, *words, on=hosts.client.words, **POSTMORTEM) as watch:
        await answered(watch, take, "A1", "A2")
        await asyncio.to_thread(server.lose_power)
        await seen(watch, "tcp_info", "A1", when="silent")
        await asyncio.to_thread(server.come_back)
        await seen(watch, "close", count=2)
        assert await watch.finish(60) == 1
    for close in watch.of("close"):
        assert (close["transport"]["how"], close["initiator"]) == ("reset", "remote")
    recorder.keep(take.of("tls-host-power-back"), watch)


async def it_stands_still(server: Sealed, take: Take, recorder: Recorder) -> None:
    """Its kernel acknowledges our pings; we give up."""
    hosts = server.hosts
    hosts.start_stomp()
    pings = ("--ping-interval", "0.6", "--ping-timeout", str(take.between(1.2, 2)), "--close-timeout", "1")
    words = (*server.trust, *pings, "--heart-beat", "500,500", "--stdin")
    async with watching(f"A={TLS}", f"B={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
        await answered(watch, take, "A", "B")
        with frozen(server.node.pid):
            await seen(watch, "close", "A")
        assert not watch.of("close", "B")
        assert await leave(watch) == 1
    close = watch.the("close", "A")
    assert (close["initiator"], close["sent"]["code"]) == ("local", 1011)
    recorder.keep(take.of("tls-server-frozen"), watch)


async def our_address_is_replaced(server: Sealed, take: Take, recorder: Recorder) -> None:
    """A new lease, another address, while it talks."""
    hosts = server.hosts
    hosts.be_patient(3)
    words = (*server.trust, *talk(take.one_of(0.4, 0.6), 16))
    async with watching(TLS, *words, on=hosts.client.words, **POSTMORTEM) as watch:
        await answered(watch, take, "A")
        hosts.client.ip("address", "delete", f"{CLIENT}/24", "dev", "eth0")
        hosts.client.ip("address", "add", "10.78.1.88/24", "dev", "eth0")
        hosts.client.ip("route", "replace", "default", "via", INSIDE)
        await seen(watch, "close")
        assert await watch.finish(60) == 1
    assert watch.of("route")[-1].get("local") != CLIENT
    recorder.keep(take.of("tls-client-address-replaced"), watch)


async def the_way_is_poor(server: Sealed, take: Take, recorder: Recorder) -> None:
    """Late, out of order, and dark for a second: the session lives."""
    hosts = server.hosts
    hosts.be_patient(8)
    weather = hosts.weather(delay=take.between(0.1, 0.2), jitter=0.1, swap=0.1)
    words = (*server.trust, "--ping-interval", "1", *talk(0.5, 14), "--stdin")
    async with watching(TLS, *words, on=hosts.client.words, **POSTMORTEM) as watch:
        await seen(watch, "frame", opcode=1, dir="in", count=take.one_of(3, 4))
        weather.now(lose=1)
        await seen(watch, "tcp_info", when="silent")
        weather.now(delay=0.1)
        await seen(watch, "frame", opcode=1, dir="in", count=14)
        assert await leave(watch) == 0
    recorder.keep(take.of("tls-way-poor"), watch)


RUNS = (
    a_router_forgets,
    a_firewall_resets_the_idle,
    the_way_is_dark,
    its_host_loses_its_power_for_a_moment,
    it_stands_still,
    our_address_is_replaced,
    the_way_is_poor,
)


async def test_all_at_once(certificate: Certificate, start: Starter, take: Take, recorder: Recorder) -> None:
    place = certificate.ca.parent / "afar"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    afar = certificates.issue(place, SERVER)

    async def run(number: int) -> None:
        with routed() as hosts:
            await RUNS[number](Sealed(hosts, start, afar), take, recorder)

    await together(run(number) for number in range(len(RUNS)))
