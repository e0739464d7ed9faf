"""Ways that go: an address of this machine, what a NAT or a router remembers, most packets, the line under ssh."""

import asyncio
from collections.abc import Callable

import pytest

from tests.servers.ashore import begun, doors, forgets
from tests.servers.between import Table, says, ws
from tests.servers.eels import NODE, STOMP, dark, losing, ssh
from tests.servers.frameworks import Tornado
from tests.servers.lines import DEFAULT_RETRIES, THERE, beaten, behind_nginx, echoed, elsewhere
from tests.servers.looks import Strike
from tests.servers.nginx import Certificate
from tests.servers.outside import outside, there
from tests.servers.pond import cut, run
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, SERVER6, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def after(count: int, session: str, act: Callable[[], object]) -> Strike:
    """That, once the session has heard so many echoes."""

    async def strike(watch: Watch) -> None:
        await echoed(watch, count, session)
        act()

    return strike


async def test_an_address_of_ipv6_goes(recorder: Recorder) -> None:
    """The IPv6 address of this machine is withdrawn under STOMP, IPv4 stays."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.speak_ipv6()
        hosts.start_stomp(beat_every=1000, wants=1000)
        hosts.start_node()

        async def strike(watch: Watch) -> None:
            await beaten(watch, 3, "six")
            hosts.client.ip("address", "delete", "fd78:1::2/64", "dev", "eth0")

        tables: dict[str, Table] = {
            "four": {"url": NODE, "do": says(1.5, 25)},
            "six": {"url": f"stomp+ws://[{SERVER6}]:8082/", "heart_beat": "1000,1000"},
        }
        watch = await outside(hosts, tables, "six", strike=strike)
    recorder.keep("brill-ipv6-address-gone-stomp", watch)


async def test_a_nat_forgets_between_two_pings(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """A NAT forgets after 3 s and swallows the rest: pings every 1.8 s keep a flow, those every 6.5 s do not."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.masquerade(forgets_after=3, strict=True)
        app = await begun(hosts.server, start, Tornado)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, app.port)
        base: Table = {"url": url} | trusts(certificate)
        tables = {
            "often": base | {"ping_interval": 1.8},
            "rare": base | {"ping_interval": 6.5, "ping_timeout": 4.0, "close_timeout": 1.0},
        }
        watch = await outside(hosts, tables, "rare", stage="tls")
    recorder.keep("brill-nat-drop-pings-too-rare", watch)


async def test_most_packets_are_lost(start: Starter, recorder: Recorder) -> None:
    """58 of 100 packets are lost either way: our ping's answer is late, and we give up. A third host is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        app = await begun(hosts.server, start, Tornado)
        doors(hosts, app)
        pings: Table = {"ping_interval": 1.2, "ping_timeout": 2.6, "close_timeout": 1.0}
        tables = {"third": {"url": THERE, "do": says(2.9, 40)}, "feed": there(app.port, do=says(0.9, 12), **pings)}
        strike = after(2, "feed", lambda: losing(hosts, 58, SERVER))
        watch = await outside(hosts, tables, "feed", strike=strike, patience=6)
    recorder.keep("brill-loss-half-each-way-our-pings", watch)


async def test_a_router_starts_anew(recorder: Recorder) -> None:
    """It has forgotten all flows and answers the next word of each by RST; both are back at once."""
    with routed() as hosts:
        forgets(hosts, 600, reset=True)
        hosts.start_node()
        hosts.start_stomp(beat_every=1000, wants=1000)
        tables = {
            "chat": {"url": NODE, "do": says(0.6, 4), "reconnect": True},
            "till": {"url": STOMP, "heart_beat": "1000,1000", "reconnect": True},
        }
        strike = after(4, "chat", hosts.forget_flows)
        watch = await run(tables, "chat", "till", strike=strike, back=["chat", "till"], on=hosts.client.words)
    cut(watch, "chat", "till", how=("reset",))
    recorder.keep("brill-router-forgets-busy-resets", watch)


async def test_the_way_under_ssh_goes_dark(start: Starter, recorder: Recorder) -> None:
    """The way to the server is dark; through ``ssh -L`` and past it two wait for an answer to their pings."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_node()
        tunnel = await ssh(hosts, start, 8080)
        pings: Table = {"ping_interval": 1.8, "ping_timeout": 3.5, "close_timeout": 1.0}
        tables = {"past": there(8080, do=says(1.1, 5), **pings), "through": ws(tunnel.port, do=says(0.9, 5), **pings)}
        strike = after(3, "through", lambda: dark(hosts))
        watch = await outside(hosts, tables, "past", "through", strike=strike, patience=6)
    recorder.keep("brill-ssh-way-dark-our-pings", watch)
