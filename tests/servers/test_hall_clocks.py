"""Clocks that run out: of proxies, of servers that want a pong, of old connections, of a machine that sleeps."""

import asyncio

import pytest

from tests.probing import ask, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.between import TCP, Table, assert_cut, opened, says, sockjs, staged, stomp, stomps, ws, wss
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy, seconds
from tests.servers.frozen import frozen
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.jvm import JavaWebSocket, Undertow
from tests.servers.lesser import Nghttpx, Rinetd
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nats import Nats, connect
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonWs
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.test_nats import heard
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_meter_pings_too_rarely(start: Starter, recorder: Recorder) -> None:
    """NATS behind HAProxy, whose tunnels may be silent for 4.4 s: a meter just listens, a gate pings each 1.6 s."""
    server = start(Nats)
    haproxy = start(HaProxy, server.port, tunnel=4.4)

    async def strike(watch: Watch) -> None:
        await seen(watch, "command", "meter", do="send SUB tariff 1\\r\\n")
        await asyncio.sleep(1.3)
        await ask(watch, "send PUB tariff 4\\r\\n0.31\\r\\n", "gate")
        await heard(watch, "meter", "MSG tariff")

    hello = f"0.1 send {connect()}"
    tables = {
        "gate": ws(haproxy.port, do=[hello, *says(1.6, 12, "send PING\\r\\n")]),
        "meter": ws(haproxy.port, do=[hello, "0.4 send SUB tariff 1\\r\\n"]),
    }
    watch = await staged(tables, "meter", strike=strike)
    assert_cut(watch, "meter")
    recorder.keep("hall-haproxy-nats-meter-pings-too-rarely", watch)


async def test_a_board_only_listens(
    activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """STOMP by Envoy's TLS, which ends what is silent for 5 s: a board beats not at all; a till beats in time."""
    envoy = start(Envoy, activemq.port, tcp={"idle_timeout": seconds(5)}, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await asyncio.sleep(1.4)
        await ask(watch, "stomp-send /queue/hall.board 3 parcels", "till")
        await seen(watch, "stomp", "board", command="MESSAGE")

    tables = {
        "till": stomps(envoy.port, "2300,2300", certificate, CREW),
        "board": stomps(envoy.port, "0,0", certificate, CREW, subscribe=["/queue/hall.board"]),
    }
    watch = await staged(tables, "board", strike=strike, stage="tls")
    assert_cut(watch, "board")
    recorder.keep("hall-envoy-tls-activemq-beats-one-way", watch)


async def test_a_context_of_six_seconds(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """coder's handler has a deadline of its own: whoever talks, TCP ends without a Close; over TLS, opened apart."""
    server = start(Coder, MaxAge=5.8, Cert=str(certificate.chain), Key=str(certificate.key))
    other = start(NodeWs)
    url = {"url": server.tls_url}

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "desk", dir="in", opcode=1, count=2)
        await opened(watch, phone=wss(server.port, certificate, ping_interval=1.25) | url)

    tables = {
        "elsewhere": ws(other.port, do=says(1.3, 10)),
        "desk": wss(server.port, certificate, do=says(0.95, 8)) | url,
    }
    watch = await staged(tables, "desk", "phone", strike=strike, stage="tls")
    assert_cut(watch, "desk", "phone")
    recorder.keep("hall-wss-coder-same-age", watch)


async def test_a_gateway_s_two_hours(start: Starter, recorder: Recorder) -> None:
    """Undertow says 1001 to whoever is 5.5 s old, as an API gateway does after two hours; behind nghttpx."""
    server, other = start(Undertow, token="5500 1001 Going away"), start(NodeWs)
    nghttpx = start(Nghttpx, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "first", dir="in", opcode=1, count=2)
        await opened(watch, second=ws(nghttpx.port, "/live?user=second", do=says(0.8, 7)))

    tables = {
        "elsewhere": ws(other.port, do=says(1.4, 10)),
        "first": ws(nghttpx.port, "/live?user=first", do=says(1.1, 7)),
    }
    watch = await staged(tables, "first", "second", strike=strike)
    for name in ("first", "second"):
        assert_said(watch.the("close", name), 1001, "Going away")
    recorder.keep("hall-nghttpx-undertow-two-hours-1001", watch)


async def test_a_kiosk_does_not_answer_pings(start: Starter, recorder: Recorder) -> None:
    """Java-WebSocket's ``connectionLostTimeout`` of 2 s behind rinetd; another page answers and lives."""
    server = start(JavaWebSocket, lost=2)
    rinetd = start(Rinetd, server.port)
    tables = {
        "page": ws(rinetd.port, "/live?user=page", do=says(1.9, 10)),
        "kiosk": ws(rinetd.port, "/live?user=kiosk", do=["0.7 send hello", "2.6 hold-pongs"]),
    }
    watch = await staged(tables, "kiosk")
    assert watch.the("close", "kiosk")["initiator"] == "remote"
    recorder.keep("hall-rinetd-java-websocket-no-pong", watch)


async def test_a_tab_hangs(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A script blocks one tab for 6 s, python-websockets wants a pong within 2 s; behind Envoy with TLS."""
    async with house(ping_interval=1.8, ping_timeout=2.0) as app:
        envoy = start(Envoy, app.port, certificate=certificate)

        def user(name: str, *do: str) -> Table:
            return wss(envoy.port, certificate, do=list(do)) | {"url": f"wss://localhost:{envoy.port}/?user={name}"}

        tables = {
            "other": user("other", *says(1.5, 8)),
            "tab": user("tab", "0.8 send hello", "2.2 freeze 6"),
        }
        watch = await staged(tables, "tab", stage="tls")
    assert watch.the("close", "tab")["initiator"] == "remote"
    recorder.keep("hall-envoy-python-frozen-tab-1011", watch)


async def test_a_laptop_is_suspended(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """This machine sleeps 7 s: a server that pings and a broker behind HAProxy give up; a patient server does not."""
    pinging, patient = start(PythonWs, ping_interval=1.6, ping_timeout=1.5), start(NodeWs)
    haproxy = start(HaProxy, activemq.port, options=TCP)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            patient=ws(patient.port, do=says(2.2, 20)),
            prices=ws(pinging.port, do=says(1.2, 3)),
            orders=stomp(haproxy.port, "1700,1700", CREW),
        )
        await seen(watch, "stomp", "orders", command="beat", dir="out", count=2)
        with frozen(watch.process.pid):
            await asyncio.sleep(7)
        await looked(watch, "prices", "orders")
        await seen(watch, "frame", "patient", dir="in", opcode=1, count=4)
        await leave(watch, "patient", status=1)
    assert watch.of("stall")
    recorder.keep("hall-suspended-prices-and-orders", watch)


async def test_a_lone_poller_is_suspended(start: Starter, recorder: Recorder) -> None:
    """sockjs-tornado forgets who has not polled for 1.9 s; this machine sleeps 5.4 s."""
    server = start(SockJsTornado, heartbeat_delay=1.7, disconnect_delay=1.9)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, A=sockjs(server.port, "xhr-polling", do=["0.9 send hello"]))
        await seen(watch, "sockjs", "A", dir="in", kind="h", count=2)
        with frozen(watch.process.pid):
            await asyncio.sleep(5.4)
        await looked(watch, "A")
        assert await watch.finish() == 1
    assert watch.of("stall")
    recorder.keep("hall-suspended-poller-alone", watch)


async def test_beats_come_just_in_time(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """HAProxy ends what is silent for 3.4 s: a broker and its client beat every 2.9 s, a page pings every 2.8 s."""
    server = start(NodeWs)
    broker = start(HaProxy, activemq.port, options=TCP, client=3.4)
    haproxy = start(HaProxy, server.port, tunnel=3.4)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            till=stomp(broker.port, "2900,2900", CREW),
            page=ws(haproxy.port, ping_interval=2.8),
        )
        await seen(watch, "stomp", "till", command="beat", dir="in", count=5)
        await leave(watch, "till", "page", status=0)
    recorder.keep("hall-beats-just-in-time-and-well", watch)


async def test_a_virtual_machine_breathes(start: Starter, recorder: Recorder) -> None:
    """Undertow answers one for whom it sleeps 3.1 s, twice; the other's pings are answered late, and nobody minds."""
    server = start(Undertow)
    base = f"ws://{LOOPBACK}:{server.port}/live?user="
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            report={"url": base + "report", "do": ["1.1 send sleep 3100", "1.3 send a", "5.4 send sleep 2600"]},
            page={"url": base + "page", "ping_interval": 1.7, "ping_timeout": 6.0, "do": says(2.1, 9)},
        )
        await seen(watch, "command", "report", do="send sleep 2600")
        await asyncio.sleep(3)
        await leave(watch, "report", "page", status=0)
    recorder.keep("hall-undertow-long-breaths-and-well", watch)
