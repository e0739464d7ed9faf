"""This machine changes from a cable to Wi-Fi, a narrow line is flooded, and a balancer forgets who is quiet."""

import asyncio

import pytest

from tests.probing import ask
from tests.servers.ashore import begun, doors, forgets
from tests.servers.between import says
from tests.servers.eels import NODE, PYTHON
from tests.servers.lines import DEFAULT_RETRIES, echoed
from tests.servers.node import NodeStomp
from tests.servers.outside import outside, there_stomp
from tests.servers.pond import cut, run
from tests.servers.recordings import Recorder
from tests.servers.routed import cable, routed
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_the_laptop_changes_networks(recorder: Recorder) -> None:
    """The cable is pulled, and Wi-Fi takes over with an address of its own: both sessions come back by it."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_python()
        cable(hosts.client, "10.78.9.2/24", "wlan0", hosts.router, "10.78.9.1/24", "lan2")

        async def strike(watch: Watch) -> None:
            await echoed(watch, 4, "chat")
            hosts.client.ip("link", "set", "eth0", "down")
            await asyncio.sleep(0.6)
            hosts.client.ip("route", "replace", "default", "via", "10.78.9.1")

        pings = {"ping_interval": 1.5, "ping_timeout": 4, "close_timeout": 1}
        tables = {
            "chat": {"url": PYTHON, "do": says(0.8, 9), "reconnect": True},
            "quiet": {"url": PYTHON, "reconnect": True} | pings,
        }
        watch = await run(tables, "chat", "quiet", strike=strike, back=["chat", "quiet"], on=hosts.client.words)
    recorder.keep("char-cable-to-wifi-comes-back", watch)


async def test_a_flood_on_a_narrow_line(recorder: Recorder) -> None:
    """108 kB on a line of 6 kB a second: the answers to our pings are behind it, and we give up."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_node()

        async def strike(watch: Watch) -> None:
            await echoed(watch, 2, "feed")
            rate = ("rate", "48kbit", "burst", "2500", "limit", "900000")
            hosts.router.run("tc", "qdisc", "add", "dev", "lan", "root", "tbf", *rate)
            await ask(watch, "send flood 12 9000", "feed")

        pings = {"ping_interval": 1.2, "ping_timeout": 3.7, "close_timeout": 1}
        tables = {"feed": {"url": NODE, "no_compression": True, "do": says(0.9, 2.8)} | pings}
        watch = await outside(hosts, tables, "feed", strike=strike, patience=9, stage="http")
    recorder.keep("char-narrow-flood-pongs-late", watch)


async def test_a_balancer_forgets_two_pages(start: Starter, recorder: Recorder) -> None:
    """It forgets who was quiet for 3 s and answers the next word by RST: two pages without beats; a talker is well."""
    with routed() as hosts:
        broker = await begun(hosts.server, start, NodeStomp, beatEvery=30000, beats=10, wants=0)
        doors(hosts, broker)
        forgets(hosts, 3, reset=True)
        send = "stomp-send /topic/a x"
        tables = {
            "ticks": there_stomp(broker.port, "0,0", do=says(1.4, 40, send)),
            "one": there_stomp(broker.port, "0,0", do=[f"0.6 {send}", f"6.9 {send}"]),
            "two": there_stomp(broker.port, "0,0", do=[f"1.1 {send}", f"9.3 {send}"]),
        }
        watch = await outside(hosts, tables, "one", "two")
    cut(watch, "one", "two", how=("reset",))
    recorder.keep("char-nlb-resets-two-stomp-pages", watch)
