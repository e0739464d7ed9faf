"""Ways that lose packets or lead nowhere, a far program that stands still, and a poor line on which all are well."""

import asyncio

import pytest

from tests.probing import open_session
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import Table, opened, says
from tests.servers.frameworks import Aiohttp
from tests.servers.frozen import freeze
from tests.servers.jvm import Artemis
from tests.servers.lines import DEFAULT_RETRIES, THERE, beaten, echoed, elsewhere, leave, over, within
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_weather import lose, lose_no_more
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

WHO = {"login": "anna", "passcode": "crew"}
REMOVED = "10.79.0.7"
"""An address that the router still sends to a machine that is no more."""


async def a_radio_loses_beats(start: Starter, recorder: Recorder) -> None:
    """Two packets of three between a buoy and Artemis, which wants a beat each 1.2 s; a third host is reached well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        broker = await begun(hosts.server, start, Artemis)
        doors(hosts, broker)
        buoy: Table = {"url": f"stomp://{SERVER}:{broker.port}", "heart_beat": "1200,1200"} | WHO
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(3.7, 40, "send tick")})
            await opened(watch, buoy=buoy | {"do": says(0.8, 30, "stomp-send jms.queue.tide 1.9")})
            await beaten(watch, 2, "buoy")
            lose(hosts, 68, SERVER)
            await within(watch, 40, "close", "buoy")
            lose_no_more(hosts)
            await over(watch, "buoy")
            await leave(watch, "third", status=1)
    recorder.keep("lamp-loss-artemis-beats", watch)


async def a_gateway_in_a_field(start: Starter, recorder: Recorder) -> None:
    """aiohttp pings a gateway every 2.4 s over a bad mobile line; by the server's other address the line is good."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Aiohttp, heartbeat=2.4)
        doors(hosts, server)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                cable={"url": f"ws://{OTHER}:{server.port}/"},
                gateway={"url": f"ws://{SERVER}:{server.port}/", "do": says(0.9, 30, "send 21.5")},
            )
            await echoed(watch, 3, "gateway")
            lose(hosts, 64, SERVER)
            await within(watch, 40, "close", "gateway")
            lose_no_more(hosts)
            await over(watch, "gateway")
            await leave(watch, "cable", status=1)
    recorder.keep("lamp-loss-aiohttp-pings-us", watch)


async def a_machine_was_removed(start: Starter, recorder: Recorder) -> None:
    """The router knows a way to it and gets no answer there, and says so; a till on the machine that stayed beats."""
    with routed() as hosts:
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        broker = await begun(hosts.server, start, Artemis)
        doors(hosts, broker)
        hosts.router.ip("route", "add", f"{REMOVED}/32", "via", "10.78.2.9")
        base: Table = {"heart_beat": "2100,2100"} | WHO
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, stays=base | {"url": f"stomp+ws://{SERVER}:{broker.port}"})
            await open_session(watch, name="till", url=f"stomp+ws://{REMOVED}:{broker.port}", **base)
            await within(watch, 30, "close", "till")
            await over(watch, "till")
            await leave(watch, "stays", status=3)
    assert watch.of("end", "till")[0]["how"] == "unreachable"
    recorder.keep("lamp-unreachable-machine-was-removed", watch)


async def a_vpn_is_off(start: Starter, recorder: Recorder) -> None:
    """It leaves a route that says "unreachable" for what is behind it: a wiki's SockJS; the public host is well."""
    with routed() as hosts:
        server = await begun(hosts.server, start, SockJsTornado, heartbeat_delay=1.9)
        doors(hosts, server)
        hosts.client.ip("route", "add", "unreachable", f"{OTHER}/32")
        polls: Table = {"sockjs_transport": "xhr-polling"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, public=polls | {"url": f"http://{SERVER}:{server.port}/echo", "do": says(1.1, 5)})
            await asyncio.sleep(1.6)
            await open_session(watch, name="wiki", url=f"http://{OTHER}:{server.port}/echo", **polls)
            await within(watch, 20, "close", "wiki")
            await over(watch, "wiki")
            await asyncio.sleep(1.5)
            await leave(watch, "public", status=3)
    assert watch.of("end", "wiki")[0]["how"] == "unreachable"
    recorder.keep("lamp-unreachable-vpn-is-off", watch)


async def a_far_program_stands_still(start: Starter, recorder: Recorder) -> None:
    """uvicorn hangs in mid-traffic, its kernel goes on; our pings find out. Another host's program is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Uvicorn)
        doors(hosts, server)
        chat: Table = {"url": f"ws://{SERVER}:{server.port}/chat", "ping_interval": 1.4, "ping_timeout": 3.3}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(2.3, 20, "send tick")})
            await opened(watch, chat=chat | {"close_timeout": 1.5, "do": says(0.8, 6, "send hello")})
            await echoed(watch, 3, "chat")
            freeze(server.pid)
            await within(watch, 25, "close", "chat")
            await over(watch, "chat", stage="http", patience=7)
            await leave(watch, "third", status=1)
    recorder.keep("lamp-freeze-uvicorn-far", watch)


async def a_poor_line(start: Starter, recorder: Recorder) -> None:
    """A few packets are lost all the time and all for 1.9 s; beats come late and words in clumps, and nobody ends."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        broker = await begun(hosts.server, start, Artemis)
        server = await begun(hosts.server, start, SockJsTornado, heartbeat_delay=2.3)
        doors(hosts, broker, server)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                desk={"url": f"stomp://{SERVER}:{broker.port}", "heart_beat": "5000,5000"} | WHO,
                page={
                    "url": f"http://{SERVER}:{server.port}/echo",
                    "sockjs_transport": "websocket",
                    "ping_interval": 2.1,
                    "ping_timeout": 9.0,
                    "do": says(0.9, 9, "send tick"),
                },
                stream={"url": f"http://{OTHER}:{server.port}/echo", "sockjs_transport": "xhr-streaming"},
            )
            await echoed(watch, 2, "page")
            lose(hosts, 14, SERVER)
            await echoed(watch, 2, "page")
            hosts.router.wall("meta l4proto tcp drop")
            await asyncio.sleep(1.9)
            hosts.router.no_wall()
            await echoed(watch, 3, "page")
            lose_no_more(hosts)
            await beaten(watch, 1, "desk")
            await leave(watch, "desk", "page", "stream", status=0)
    recorder.keep("lamp-none-poor-line-and-well", watch)


async def test_ways_that_lose(start: Starter, recorder: Recorder) -> None:
    """Three at a time."""
    await side_by_side(
        (
            a_radio_loses_beats(start, recorder),
            a_gateway_in_a_field(start, recorder),
            a_poor_line(start, recorder),
        )
    )


async def test_ways_that_lead_nowhere(start: Starter, recorder: Recorder) -> None:
    """Three at a time."""
    await side_by_side(
        (
            a_machine_was_removed(start, recorder),
            a_vpn_is_off(start, recorder),
            a_far_program_stands_still(start, recorder),
        )
    )
