"""Doors that stay shut on other hosts, programs that stand still there, a probe that does, and poor but good ways."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, open_session, seen
from tests.servers.ashore import begun, doors
from tests.servers.between import opened, says
from tests.servers.eels import NODE, PYTHON, STOMP, dark, knows, looking, moments, resolver
from tests.servers.frozen import freeze, frozen
from tests.servers.lines import DEFAULT_RETRIES, THERE, beaten, echoed, elsewhere, leave, over, within
from tests.servers.node import NodeEndings, SockJsNode
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]

PINGS = {"ping_interval": 1.2, "ping_timeout": 2.6, "close_timeout": 0.8}


async def test_a_name_is_mistyped(recorder: Recorder) -> None:
    """NXDOMAIN for a name with a letter too many; the right one is known."""
    with routed() as hosts:
        hosts.start_node()
        knows(hosts, live__mill__example=SERVER)
        async with looking(hosts) as watch:
            await opened(watch, right={"url": "ws://live.mill.example:8080/", "do": says(1.0, 5)})
            await open_session(watch, name="wrong", url="wss://live.milll.example/ws", open_timeout=5.0)
            await over(watch, "wrong")
            await leave(watch, "right", status=3)
    assert watch.the("end", "wrong")["how"] == "dns"
    recorder.keep("eel-dns-a-letter-too-many", watch)


async def test_a_resolver_is_dark(recorder: Recorder) -> None:
    """Nobody answers at the resolver's address; one that goes by number is let in and well."""
    with routed() as hosts:
        hosts.start_node()
        resolver(hosts, OTHER, 1)
        hosts.router.wall("udp dport 53 drop", name="names")
        async with looking(hosts) as watch:
            await opened(watch, number={"url": NODE, "do": says(1.1, 7)})
            await open_session(watch, name="name", url="stomp://mq.mill.example:61613", open_timeout=6.0)
            await over(watch, "name")
            await leave(watch, "number", status=3)
    recorder.keep("eel-dns-resolver-silent", watch)


async def test_a_broker_was_not_started(recorder: Recorder) -> None:
    """The host is up and its chat is well; at STOMP's port nobody listens."""
    with routed() as hosts:
        hosts.start_node()
        async with looking(hosts) as watch:
            await opened(watch, chat={"url": NODE, "do": says(0.9, 5)})
            await open_session(watch, name="job", url=f"stomp://{SERVER}:61613", heart_beat="4000,4000")
            await over(watch, "job")
            await leave(watch, "chat", status=3)
    assert watch.the("end", "job")["how"] == "refused"
    recorder.keep("eel-refused-broker-not-started", watch)


async def test_a_rule_prohibits(recorder: Recorder) -> None:
    """A router says that a port is administratively prohibited, to a SockJS page; another port is open."""
    with routed() as hosts:
        hosts.start_node()
        hosts.router.wall("tcp dport 8443 reject with icmp type host-unreachable", name="acl")
        async with looking(hosts) as watch:
            await opened(watch, chat={"url": NODE, "do": says(0.9, 5)})
            page = {"url": f"http://{SERVER}:8443/live", "sockjs_transport": "websocket"}
            await open_session(watch, name="page", **page)
            await over(watch, "page")
            await leave(watch, "chat", status=3)
    assert watch.the("end", "page")["how"] == "unreachable"
    recorder.keep("eel-unreachable-acl-says-so", watch)


async def test_a_firewall_says_nothing(recorder: Recorder) -> None:
    """SYNs to one port are dropped on the way; the same host's other port is open."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_python(8081)
        hosts.router.wall("tcp dport 8081 drop", name="acl")
        async with looking(hosts) as watch:
            await opened(watch, open={"url": NODE, "do": says(1.2, 9)})
            await open_session(watch, name="shut", url=PYTHON, open_timeout=3.5)
            await over(watch, "shut")
            await leave(watch, "open", status=3)
    assert watch.the("end", "shut")["how"] == "timeout"
    recorder.keep("eel-timeout-port-dropped", watch)


async def test_a_hung_program_answers_no_upgrade(recorder: Recorder) -> None:
    """A program hangs before we come: its kernel takes the connection and the request. Another on the host is well."""
    with routed() as hosts:
        hosts.start_node()
        program = hosts.start_python(8081)
        freeze(program.pid)
        async with looking(hosts) as watch:
            await opened(watch, well={"url": NODE, "do": says(1.2, 9)})
            await open_session(watch, name="late", url=PYTHON, open_timeout=3.2)
            await over(watch, "late")
            await leave(watch, "well", status=3)
        os.kill(program.pid, signal.SIGCONT)
    recorder.keep("eel-handshake-program-hangs", watch)


async def test_a_program_afar_stands_still(recorder: Recorder) -> None:
    """python-websockets is stopped: our pings are taken by its kernel and never answered. A neighbour is well."""
    with routed() as hosts:
        hosts.start_node()
        program = hosts.start_python(8081)
        async with looking(hosts) as watch:
            await opened(watch, well={"url": NODE, "do": says(1.3, 12)}, feed={"url": PYTHON} | PINGS)
            await seen(watch, "frame", "feed", dir="in", opcode=10, count=2)
            with frozen(program.pid):
                await over(watch, "feed", patience=5)
            await leave(watch, "well", status=1)
    assert watch.the("close", "feed")["initiator"] == "local"
    recorder.keep("eel-freeze-python-our-pings", watch)


async def test_a_long_pause(recorder: Recorder) -> None:
    """Two seconds of garbage collection: beats are late and pings wait; nobody drops."""
    with routed() as hosts:
        stomp, python = hosts.start_stomp(beat_every=1500, wants=1500), hosts.start_python(8081)
        async with looking(hosts) as watch:
            await opened(
                watch,
                till={"url": STOMP, "heart_beat": "1500,1500"},
                feed={"url": PYTHON, "ping_interval": 1.4, "ping_timeout": 6.0, "do": says(1.1, 9)},
            )
            await beaten(watch, 1, "till")
            with frozen(stomp.pid, python.pid):
                await asyncio.sleep(1.9)
            await beaten(watch, 2, "till")
            await leave(watch, "till", "feed", status=0)
    recorder.keep("eel-none-two-seconds-of-gc", watch)


async def test_a_program_ignores_pings(recorder: Recorder) -> None:
    """ws with autoPong off: messages come back, pongs never do. One that does not ask is well."""
    with routed() as hosts:
        hosts.start_node(autoPong=False)
        async with looking(hosts) as watch:
            await opened(
                watch,
                well={"url": NODE, "do": says(1.2, 9)},
                asks={"url": NODE, "do": says(0.7, 8)} | PINGS,
            )
            await over(watch, "asks", patience=3)
            await leave(watch, "well", status=1)
    assert watch.the("close", "asks")["initiator"] == "local"
    recorder.keep("eel-pings-ignored-echo-lives", watch)


async def test_the_laptop_pauses(recorder: Recorder) -> None:
    """The probe is not scheduled for five seconds: python afar gets no pong. A patient one is well."""
    with routed() as hosts:
        hosts.start_python(8081, ping_interval=1.0, ping_timeout=1.5)
        hosts.start_node()
        async with looking(hosts) as watch:
            await opened(watch, patient={"url": NODE, "do": says(1.4, 14)}, asked={"url": PYTHON, "do": says(0.9, 3)})
            await seen(watch, "frame", "asked", dir="in", opcode=9, count=2)
            with frozen(watch.process.pid):
                await asyncio.sleep(5)
            await over(watch, "asked", patience=3)
            await echoed(watch, 1, "patient")
            await leave(watch, "patient", status=1)
    recorder.keep("eel-stalled-probe-python-pings", watch)


async def test_a_close_without_an_end(start: Starter, recorder: Recorder) -> None:
    """A program says its Close and hangs; TCP stays open. A sibling at another program is well."""
    with routed() as hosts:
        server = await begun(hosts.server, start, NodeEndings)
        doors(hosts, server)
        hosts.start_node()
        async with looking(hosts) as watch:
            await opened(
                watch,
                well={"url": NODE, "do": says(1.2, 9)},
                hung={"url": f"ws://{SERVER}:{server.port}/", "close_timeout": 2.0}
                | {"do": [*says(0.8, 1.8), "2.2 send hang 1000"]},
            )
            await over(watch, "hung", patience=3)
            await leave(watch, "well", status=1)
        os.kill(server.pid, signal.SIGCONT)
    recorder.keep("eel-close-said-and-hung", watch)


async def test_our_close_is_answered_and_no_more(start: Starter, recorder: Recorder) -> None:
    """We leave; a program answers our Close and hangs before it ends TCP."""
    with routed() as hosts:
        server = await begun(hosts.server, start, NodeEndings)
        doors(hosts, server)
        hosts.start_node()
        async with looking(hosts) as watch:
            await opened(
                watch,
                well={"url": NODE, "do": says(1.2, 9)},
                ours={"url": f"ws://{SERVER}:{server.port}/", "close_timeout": 2.2}
                | {"do": [*says(0.8, 1.8), "2.1 send hang-when-answered", "2.6 close 1000 done"]},
            )
            await over(watch, "ours", patience=3)
            await leave(watch, "well", status=None)
        os.kill(server.pid, signal.SIGCONT)
    recorder.keep("eel-our-close-answered-and-hung", watch)


async def test_a_satellite(start: Starter, recorder: Recorder) -> None:
    """Six tenths of a second there and back, jitter, some packets out of order or twice: all is well."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        page = await begun(hosts.server, start, SockJsNode, heartbeat_delay=2000)
        doors(hosts, page)
        hosts.start_node()
        hosts.start_stomp(beat_every=2000, wants=2000)
        hosts.weather(delay=0.28, jitter=0.08, swap=0.04, double=0.03)
        async with looking(hosts) as watch:
            await opened(
                watch,
                chat={"url": NODE, "do": says(0.7, 9)},
                till={"url": STOMP, "heart_beat": "2000,2000"},
                page={"url": f"http://{SERVER}:{page.port}/echo", "sockjs_transport": "xhr-streaming"},
            )
            await beaten(watch, 3, "till")
            await leave(watch, "chat", "till", "page", status=0)
    recorder.keep("eel-none-satellite", watch)


async def test_bursts_by_a_jittery_way(recorder: Recorder) -> None:
    """Bursts of ten and silences of three seconds over a jittery way; one reconnects because its user says so."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_python(8081)
        hosts.weather(delay=0.03, jitter=0.12, swap=0.02)
        bursts = [word for at in (0.6, 4.2, 8.0) for word in moments(at, 0.04, 10, "send tick")]
        async with looking(hosts) as watch:
            await opened(watch, bursts={"url": NODE, "do": bursts}, user={"url": PYTHON, "do": says(1.2, 3)})
            await echoed(watch, 12, "bursts")
            await ask(watch, "reconnect", "user")
            await seen(watch, "open", "user", count=2)
            await echoed(watch, 8, "bursts")
            await leave(watch, "bursts", status=None)
    recorder.keep("eel-none-bursts-and-a-wish", watch)


async def test_the_way_goes_dark_as_we_leave(recorder: Recorder) -> None:
    """Our Close goes into the dark and is never acknowledged; another host is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_node()
        async with looking(hosts) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(1.3, 9)},
                chat={"url": NODE, "do": says(0.8, 3), "close_timeout": 2.4},
            )
            await echoed(watch, 3, "chat")
            dark(hosts)
            await ask(watch, "close 1000 bye", "chat")
            await within(watch, 10, "close", "chat")
            await over(watch, "chat", patience=2)
            await leave(watch, "third", status=None)
    recorder.keep("eel-dark-as-we-leave", watch)
