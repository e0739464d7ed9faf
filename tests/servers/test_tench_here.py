"""This machine's own network and processes, and lines that lose, are slow, or swallow what is large."""

import asyncio

import pytest

from tests.servers.between import opened, says
from tests.servers.eels import NODE, STOMP, dark, light, looking
from tests.servers.lines import DEFAULT_RETRIES, THERE, echoed, elsewhere, leave, within
from tests.servers.pond import settled
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER6, routed

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_an_address_of_ipv6_goes(recorder: Recorder) -> None:
    """The IPv6 address of this machine is withdrawn, IPv4 stays: the session over IPv6 goes alone."""
    with routed() as hosts:
        hosts.be_patient(2)
        hosts.speak_ipv6()
        hosts.start_node()
        async with looking(hosts) as watch:
            await opened(
                watch,
                four={"url": NODE, "do": says(1.4, 12)},
                six={"url": f"ws://[{SERVER6}]:8080/", "do": says(0.8, 5)},
            )
            await echoed(watch, 4, "six")
            hosts.client.ip("address", "delete", "fd78:1::2/64", "dev", "eth0")
            await within(watch, 50, "close", "six")
            await settled(watch, "six")
            await leave(watch, "four", status=1)
    recorder.keep("tench-ipv6-address-withdrawn", watch)


async def test_a_dark_minute_ends_in_time(recorder: Recorder) -> None:
    """The way is dark for 2 s under a feed and a till: late packets come, nobody drops."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_node()
        hosts.start_stomp(beat_every=1500, wants=1500)
        async with looking(hosts) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(1.8, 12)},
                feed={"url": NODE, "do": says(0.9, 9)},
                dies={"url": STOMP, "heart_beat": "1500,1500"},
            )
            await echoed(watch, 2, "feed")
            dark(hosts)
            await asyncio.sleep(1.6)
            light(hosts)
            await echoed(watch, 4, "feed")
            await leave(watch, "third", "feed", "dies", status=None)
    recorder.keep("tench-dark-for-a-moment-lives", watch)
