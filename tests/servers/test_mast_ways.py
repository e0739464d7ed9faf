"""What happens on the way: boxes that forget, walls, loss, a guard, a route that flaps."""

import asyncio
import signal

import pytest

from tests.probing import open_session
from tests.servers.ashore import begun, doors, forgets, side_by_side
from tests.servers.between import opened, says
from tests.servers.child import installed
from tests.servers.jvm import Artemis, Vertx
from tests.servers.lines import (
    DEFAULT_RETRIES,
    THERE,
    beaten,
    behind_nginx,
    echoed,
    elsewhere,
    leave,
    over,
    trusting,
    within,
)
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_weather import lose, lose_no_more
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

WHO = {"login": "anna", "passcode": "crew"}
SALE = "stomp-send jms.queue.sold one"


async def a_router_forgets_who_is_silent(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """After four seconds, TLS or not: a word after nine is swallowed. Who pings every two seconds stays."""
    with routed() as hosts:
        hosts.be_patient(4)
        forgets(hosts, 4)
        server = await begun(hosts.server, start, NodeWs)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)
        async with watching("--stdin", *trusting(certificate), on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                pings={"url": url, "ping_interval": 1.9},
                silent={"url": url, "do": ["0.6 send hello", "9.3 send still there"]},
            )
            await within(watch, 40, "close", "silent")
            await over(watch, "silent", stage="tls")
            await leave(watch, "pings", status=1)
    recorder.keep("mast-router-forgets-silent-wss", watch)


async def a_carrier_resets_rare_beats(start: Starter, recorder: Recorder) -> None:
    """A meter's beats are agreed for every seven seconds, the carrier remembers for three; twice. Who sells lives."""
    with routed() as hosts:
        forgets(hosts, 3, reset=True)
        broker = await begun(hosts.server, start, Artemis)
        doors(hosts, broker)
        base = {"url": f"stomp://{SERVER}:{broker.port}", "open_timeout": 6.0} | WHO
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, sells=base | {"heart_beat": "1400,7000", "do": says(1.4, 30, SALE)})
            await opened(watch, meter=base | {"heart_beat": "7000,0", "reconnect": True})
            await watch.until(lambda line: line["type"] == "close" and line["s"] == "meter" and line["c"] == 2, 40)
            await leave(watch, "sells")
    assert {line["how"] for line in watch.of("end", "meter")} == {"reset"}
    recorder.keep("mast-carrier-resets-rare-beats-again", watch)


async def a_host_is_back_with_a_firewall(start: Starter, recorder: Recorder) -> None:
    """Its program ended with the host; after that a new rule set lets no SYN in. A third host is reached well."""
    with routed() as hosts, elsewhere(hosts):
        server = await begun(hosts.server, start, NodeWs)
        doors(hosts, server)
        url = f"ws://{SERVER}:{server.port}/"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(2.1, 30, "send tick")})
            await opened(
                watch, chat={"url": url, "reconnect": True, "open_timeout": 5.0, "do": says(0.9, 3, "send tick")}
            )
            await echoed(watch, 2, "chat")
            hosts.router.wall(f"tcp dport {server.port} tcp flags & (syn | ack) == syn drop")
            await asyncio.to_thread(server.end, signal.SIGTERM)
            await watch.until(lambda line: line["type"] == "close" and line["s"] == "chat" and line["c"] == 3, 40)
            await leave(watch, "third")
    recorder.keep("mast-host-back-with-a-firewall", watch)


async def a_second_address_is_not_allowed(start: Starter, recorder: Recorder) -> None:
    """The security group knows the old address of the host alone; one who polls goes to the new one already."""
    with routed() as hosts:
        server = await begun(hosts.server, start, SockJsTornado, heartbeat_delay=2.2)
        doors(hosts, server)
        hosts.router.wall(f"ip daddr {OTHER} drop")
        polls = {"sockjs_transport": "xhr-polling", "open_timeout": 7.0}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch, old={"url": f"http://{SERVER}:{server.port}/echo", "do": says(1.7, 9, "send tick")} | polls
            )
            await open_session(watch, name="polls", url=f"http://{OTHER}:{server.port}/echo", **polls)
            await within(watch, 30, "close", "polls")
            await over(watch, "polls")
            await leave(watch, "old", status=3)
    recorder.keep("mast-second-address-not-allowed-polls", watch)


async def a_buoy_has_bad_radio(start: Starter, recorder: Recorder) -> None:
    """Two packets of three are lost on the way to Vert.x, which wants beats every second; a third host is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Vertx)
        doors(hosts, server)
        buoy = {"url": f"stomp+ws://{SERVER}:{server.port}/stomp", "heart_beat": "1000,1000"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(4.1, 40, "send tick")}, buoy=buoy)
            await beaten(watch, 3, "buoy")
            lose(hosts, 66, SERVER)
            await within(watch, 45, "close", "buoy")
            lose_no_more(hosts)
            await over(watch, "buoy")
            await leave(watch, "third", status=1)
    recorder.keep("mast-radio-loss-vertx-stomp", watch)


async def a_guard_kills_sockets(start: Starter, recorder: Recorder) -> None:
    """A policy on this machine forbids one address from now on and kills what is open to it; the other stays."""
    with routed() as hosts:
        broker = await begun(hosts.server, start, Artemis)
        server = await begun(hosts.server, start, SockJsNode, heartbeat_delay=1900)
        doors(hosts, broker, server)
        stream = {"sockjs_transport": "xhr-streaming"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                desk={"url": f"stomp://{SERVER}:{broker.port}", "heart_beat": "2100,2100"} | WHO,
                stream={"url": f"http://{SERVER}:{server.port}/echo"} | stream,
                spared={"url": f"http://{OTHER}:{server.port}/echo", "do": says(1.6, 9, "send tick")} | stream,
            )
            await beaten(watch, 2, "desk")
            hosts.client.run(installed("ss", "iproute2"), "-K", "-t", "dst", SERVER)
            await over(watch, "desk", "stream")
            await leave(watch, "spared", status=1)
    assert watch.of("close", "desk")[0]["initiator"] == "local"
    recorder.keep("mast-guard-kills-sockets-to-one-address", watch)


async def a_route_flaps(start: Starter, recorder: Recorder) -> None:
    """The provider changes its way twice: 1.6 s and 2.3 s of nothing under three sessions, and all go on."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        broker = await begun(hosts.server, start, Artemis)
        server = await begun(hosts.server, start, SockJsNode, heartbeat_delay=1700)
        doors(hosts, broker, server)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                desk={"url": f"stomp+ws://{SERVER}:{broker.port}", "heart_beat": "3500,3500", "do": says(1.9, 9, SALE)}
                | WHO,
                chat={
                    "url": f"http://{SERVER}:{server.port}/echo",
                    "sockjs_transport": "websocket",
                    "do": says(0.9, 9),
                },
                polls={"url": f"http://{SERVER}:{server.port}/echo", "sockjs_transport": "xhr-polling"},
            )
            await echoed(watch, 2, "chat")
            for gap in (1.6, 2.3):
                hosts.router.wall("meta l4proto tcp drop")
                await asyncio.sleep(gap)
                hosts.router.no_wall()
                await echoed(watch, 2, "chat")
            await beaten(watch, 1, "desk")
            await leave(watch, "desk", "chat", "polls", status=0)
    recorder.keep("mast-route-flaps-and-well", watch)


async def test_boxes_and_walls(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Four at a time."""
    await side_by_side(
        (
            a_router_forgets_who_is_silent(certificate, start, recorder),
            a_carrier_resets_rare_beats(start, recorder),
            a_host_is_back_with_a_firewall(start, recorder),
            a_second_address_is_not_allowed(start, recorder),
        )
    )


async def test_lines(start: Starter, recorder: Recorder) -> None:
    """Three at a time."""
    await side_by_side(
        (
            a_buoy_has_bad_radio(start, recorder),
            a_guard_kills_sockets(start, recorder),
            a_route_flaps(start, recorder),
        )
    )
