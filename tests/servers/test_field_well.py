"""Bad lines in the field that nobody is dropped by: every session is left open and well."""

import asyncio

import pytest

from tests.probing import seen
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import opened, says
from tests.servers.frameworks import Sanic
from tests.servers.goapps import Gobwas
from tests.servers.jvm import Artemis
from tests.servers.lines import DEFAULT_RETRIES, THERE, beaten, echoed, elsewhere, leave
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.routed import INSIDE, SERVER, routed
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

WHO = {"login": "anna", "passcode": "crew"}


async def a_ship_and_a_satellite(start: Starter, recorder: Recorder) -> None:
    """Every answer takes a second, one packet in twenty is lost: a poll, a chat and a desk with beats are well."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        broker = await begun(hosts.server, start, Artemis)
        server = await begun(hosts.server, start, SockJsTornado, heartbeat_delay=7)
        gobwas = await begun(hosts.server, start, Gobwas)
        doors(hosts, broker, server, gobwas)
        weather = hosts.weather(delay=0.48, jitter=0.12)
        poll = {"url": f"http://{SERVER}:{server.port}/echo", "sockjs_transport": "xhr-polling"}
        desk = {"url": f"stomp://{SERVER}:{broker.port}", "heart_beat": "3400,3400"} | WHO
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                desk=desk,
                poll=poll | {"do": ["3.1 send tick"]},
                chat={"url": f"ws://{SERVER}:{gobwas.port}/ws", "do": says(4.3, 30, "send tick")},
            )
            weather.now(delay=0.48, jitter=0.12, lose=0.05)
            await beaten(watch, 2, "desk")
            weather.now(delay=0.48)
            await echoed(watch, 1, "chat")
            await leave(watch, "desk", "poll", "chat", status=0)
    recorder.keep("field-well-satellite", watch)


async def the_wifi_flaps(start: Starter, recorder: Recorder) -> None:
    """Down for two seconds and up again, twice, as when a laptop is carried through a house: nobody is dropped."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        broker = await begun(hosts.server, start, Artemis)
        server = await begun(hosts.server, start, Sanic)
        doors(hosts, broker, server)
        desk = {"url": f"stomp+ws://{SERVER}:{broker.port}", "heart_beat": "4500,4500"} | WHO
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch, desk=desk, chat={"url": f"ws://{SERVER}:{server.port}/", "do": says(1.4, 20, "send tick")}
            )
            await echoed(watch, 2, "chat")
            for _ in range(2):
                hosts.client.ip("link", "set", "eth0", "down")
                await asyncio.sleep(1.9)
                hosts.client.ip("link", "set", "eth0", "up")
                hosts.client.ip("route", "replace", "default", "via", INSIDE)
                await echoed(watch, 2, "chat")
            await beaten(watch, 1, "desk")
            await leave(watch, "desk", "chat", status=0)
    recorder.keep("field-well-wifi-flaps", watch)


async def a_tunnel_of_the_metro(start: Starter, recorder: Recorder) -> None:
    """Five seconds of nothing, then half of all packets for three: one that sockjs-tornado beats, and a quiet one."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, SockJsTornado, heartbeat_delay=4)
        doors(hosts, server)
        table = {"url": f"http://{SERVER}:{server.port}/echo", "sockjs_transport": "websocket"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, beaten=table, quiet={"url": THERE})
            await seen(watch, "sockjs", "beaten", kind="h")
            hosts.router.wall("meta l4proto tcp drop", name="metro")
            await asyncio.sleep(5.1)
            hosts.router.no_wall("metro")
            hosts.router.wall("numgen random mod 100 < 45 drop", name="edge")
            await asyncio.sleep(3.2)
            hosts.router.no_wall("edge")
            await seen(watch, "sockjs", "beaten", kind="h", count=5)
            await leave(watch, "beaten", "quiet", status=0)
    recorder.keep("field-well-metro", watch)


async def test_all_is_well(start: Starter, recorder: Recorder) -> None:
    """Three lines at a time."""
    runs = (a_ship_and_a_satellite, the_wifi_flaps, a_tunnel_of_the_metro)
    await side_by_side(run(start, recorder) for run in runs)
