"""Firewalls that are edited, ban or forget, and boxes that reset, in front of servers on another host."""

import asyncio

import pytest

from tests.servers.ashore import begun, doors
from tests.servers.between import opened, says
from tests.servers.eels import NODE, looking
from tests.servers.frameworks import Tornado
from tests.servers.lines import behind_nginx, echoed, leave, over, within
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_pings_rarer_than_the_memory(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Our ping comes every 5 s, the carrier's NAT remembers 3: swallowed, so our ping is never answered."""
    with routed() as hosts:
        hosts.masquerade(forgets_after=3, strict=True)
        hosts.be_patient(6)
        app = await begun(hosts.server, start, Tornado)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, app.port)
        hosts.start_node()
        async with looking(hosts) as watch:
            await opened(
                watch,
                often={"url": NODE, "ping_interval": 1.9, "ping_timeout": 4},
                rarely={"url": url, "ping_interval": 4.7, "ping_timeout": 3.1, "close_timeout": 0.7}
                | trusts(certificate),
            )
            await within(watch, 25, "close", "rarely")
            await over(watch, "rarely", patience=4)
            await leave(watch, "often", status=1)
    assert watch.the("close", "rarely")["initiator"] == "local"
    recorder.keep("tench-carrier-nat-pings-too-rare", watch)


async def test_a_rule_resets_new_and_old(start: Starter, recorder: Recorder) -> None:
    """A web filter's new category: a REJECT by RST for one address of a host; its other address is well."""
    with routed() as hosts:
        page = await begun(hosts.server, start, SockJsNode, heartbeat_delay=1500)
        doors(hosts, page)
        hosts.start_node()
        async with looking(hosts) as watch:
            await opened(
                watch,
                other={"url": f"ws://{OTHER}:8080/", "do": says(1.2, 9)},
                page={
                    "url": f"http://{SERVER}:{page.port}/echo",
                    "sockjs_transport": "xhr-streaming",
                    "do": says(0.9, 6),
                },
                chat={"url": NODE, "do": says(0.8, 7)},
            )
            await echoed(watch, 4, "chat")
            hosts.router.wall(f"ip daddr {SERVER} tcp dport != 22 reject with tcp reset", name="filter")
            await over(watch, "page", "chat", patience=3)
            await leave(watch, "other", status=1)
    recorder.keep("tench-web-filter-resets-one-address", watch)
