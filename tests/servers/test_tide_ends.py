"""Ends at night: servers that stop, die, start anew, say goodbye and stay, or have no seat left; proxies that wait."""

import asyncio
import os
import signal

import pytest
from websockets.frames import Opcode

from tests.probing import ask, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.again import back
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, restarted, says, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.forward import Privoxy
from tests.servers.frameworks import Sanic
from tests.servers.goapps import Melody
from tests.servers.house import house
from tests.servers.joined import CREW, GUEST
from tests.servers.lesser import Hitch, Nghttpx, Redir, Varnish
from tests.servers.lines import beaten, echoed, leave
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeStomp, NodeWs
from tests.servers.node_apps import Gateway, Rules
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.rustapps import Axum
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_till_forgets_to_hang_up(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A server's Close is answered, and then it never ends TCP; another one's session goes on. Both behind hitch."""

    def till(connection: Connection) -> None:
        connection.upgrade()
        for _ in range(3):
            message = connection.receive()
            connection.frame(Opcode(message.opcode), message.payload)
        connection.close(1000, "end of shift")
        connection.receive_close()
        connection.hold()

    server = start(NodeWs)
    with ScriptedServer(till) as app:
        hitch, other = start(Hitch, app.port, certificate), start(Hitch, server.port, certificate)
        tables = {
            "desk": wss(other.port, certificate, do=says(0.8, 8)),
            "till": wss(hitch.port, certificate, do=says(0.7, 2.5), close_timeout=2.5),
        }
        watch = await staged(tables, "till")
    assert watch.the("close", "till")["received"]["code"] == 1000
    end = watch.the("end", "till")
    assert end["how"] in ("local", "timeout") and end["detail"] == "close-timeout", end
    recorder.keep("tide-hitch-till-closes-and-stays", watch)


async def test_a_program_forgets_to_hang_up_after_our_close(start: Starter, recorder: Recorder) -> None:
    """It answers our Close behind nghttpx and stands still; who talks with another program is well."""
    server, other = start(NodeEndings), start(Axum)
    nghttpx = start(Nghttpx, server.port)

    async def strike(watch: Watch) -> None:
        await ask(watch, "send hang-when-answered", "page")
        await echoed(watch, 2, "chat")
        await ask(watch, "close 1000 done", "page")

    try:
        tables = {
            "chat": {"url": other.url, "do": says(0.9, 8)},
            "page": ws(nghttpx.port, do=["0.4 send hello"], close_timeout=3),
        }
        watch = await staged(tables, "page", strike=strike, status=0)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert watch.the("close", "page")["received"]["code"] == 1000
    assert watch.the("end", "page")["how"] in ("local", "timeout")
    recorder.keep("tide-nghttpx-node-answers-and-stays", watch)


async def test_there_is_no_seat_for_the_third(start: Starter, recorder: Recorder) -> None:
    """A gateway behind Apache has seats for two and sends the third away with 1013."""
    gateway = start(Gateway, shed={"above": 2, "code": 1013, "reason": "shedding load"}, tick=900)
    apache = start(Apache, gateway.port)
    watch_of = {name: ws(apache.port, f"/?token={gateway.token(name)}") for name in ("anna", "bert", "cleo")}
    late = {"cleo": watch_of.pop("cleo")}

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "anna", dir="in", opcode=1, count=3)
        await opened(watch, **late)

    watch = await staged(watch_of, "cleo", strike=strike)
    assert watch.the("close", "cleo")["received"]["code"] == 1013
    recorder.keep("tide-apache-gateway-third-1013", watch)


async def test_an_overloaded_program_sends_two_away(recorder: Recorder, start: Starter) -> None:
    """In the middle of their talk, with 1013 and no words, by way of redir; the third stays."""
    async with house(ping_interval=None) as app:
        redir = start(Redir, app.port)

        async def strike(watch: Watch) -> None:
            await echoed(watch, 2, "bert", "cleo")
            await asyncio.gather(*(app.clients[name].close(1013) for name in ("bert", "cleo")))

        tables = {
            name: ws(redir.port, f"/?user={name}", do=says(pace, 6))
            for name, pace in (("anna", 1.1), ("bert", 0.7), ("cleo", 0.9))
        }
        watch = await staged(tables, "bert", "cleo", strike=strike)
    assert {watch.the("close", name)["received"]["code"] for name in ("bert", "cleo")} == {1013}
    recorder.keep("tide-redir-python-two-of-three-1013", watch)


async def test_sanic_is_killed(start: Starter, recorder: Recorder) -> None:
    """The kernel takes the process away under two sessions, one of them idle; a session at another server is well."""
    server, other = start(Sanic), start(Melody)

    async def strike(watch: Watch) -> None:
        await echoed(watch, 3, "talks")
        os.kill(server.pid, signal.SIGKILL)

    tables: dict[str, Table] = {
        "other": {"url": other.url, "do": says(1.1, 8)},
        "idle": {"url": f"{server.url}/"},
        "talks": {"url": f"{server.url}/", "do": says(0.6, 8)},
    }
    watch = await staged(tables, "idle", "talks", strike=strike, ok=False)
    recorder.keep("tide-sanic-killed", watch)


async def test_axum_dies_behind_envoy(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """It aborts in the middle of talk; behind the same name nobody answers any more. Another site is well."""
    server, other = start(Axum), start(NodeWs)
    envoy = start(Envoy, server.port, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await echoed(watch, 3, "board")
        os.kill(server.pid, signal.SIGABRT)

    table: Table = {"url": f"wss://localhost:{envoy.port}/ws", "cacert": str(certificate.ca), "reconnect": True}
    tables = {"site": ws(other.port, do=says(1.2, 9)), "board": table | {"do": says(0.7, 9)}}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await strike(watch)
        await watch.until(lambda line: line["type"] == "close" and line["s"] == "board" and line["c"] == 2)
        await leave(watch, "site")
    assert watch.of("http", "board", dir="in", status=503)
    recorder.keep("tide-envoy-axum-aborts", watch)


async def test_melody_goes_to_maintenance(start: Starter, recorder: Recorder) -> None:
    """It says 1001 to everybody behind Varnish before it stops; a session elsewhere is well."""
    server, other = start(Melody, Stop=[1001, "back at six"]), start(NodeWs)
    varnish = start(Varnish, server.port)

    async def strike(watch: Watch) -> None:
        await echoed(watch, 2, "chat")
        os.kill(server.pid, signal.SIGTERM)

    tables = {
        "elsewhere": ws(other.port, do=says(1.0, 7)),
        "chat": ws(varnish.port, "/ws", do=says(0.8, 7)),
        "quiet": ws(varnish.port, "/ws"),
    }
    watch = await staged(tables, "chat", "quiet", strike=strike)
    assert {watch.the("close", name)["received"]["code"] for name in ("chat", "quiet")} == {1001}
    recorder.keep("tide-varnish-melody-maintenance-1001", watch)


async def test_uvicorn_is_deployed_anew(start: Starter, recorder: Recorder) -> None:
    """It says 1012 behind redir and is there again; both of its sessions come back, a third has another server."""
    server, other = start(Uvicorn), start(NodeWs)
    redir = start(Redir, server.port)
    table: Table = {"url": f"ws://{LOOPBACK}:{redir.port}/", "reconnect": True}
    tables = {
        "third": ws(other.port, do=says(1.2, 9)),
        "anna": table | {"do": says(0.8, 3)},
        "bert": table | {"ping_interval": 1.0},
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await echoed(watch, 2, "anna")
        await asyncio.to_thread(restarted, server)
        for name in ("anna", "bert"):
            await back(watch, name)
        await echoed(watch, 1, "third")
        await leave(watch, "third")
    assert {watch.of("close", name)[0]["received"]["code"] for name in ("anna", "bert")} == {1012}
    recorder.keep("tide-redir-uvicorn-deployed-1012", watch)


async def test_a_broker_is_stopped_without_a_word(start: Starter, recorder: Recorder) -> None:
    """A home-made one is stopped and started again at once: its sessions end by TCP alone and come back."""
    server, other = start(NodeStomp, beatEvery=900, beats=1000), start(NodeStomp, beatEvery=1500, beats=1000)
    table: Table = {"url": server.url, "heart_beat": "900,900", "reconnect": True}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other={"url": other.url, "heart_beat": "1500,1500"}, till=table, wall=table)
        await beaten(watch, 2, "till", "wall")
        await asyncio.to_thread(server.end, signal.SIGTERM)
        await asyncio.sleep(0.6)
        await asyncio.to_thread(server.begin)
        for name in ("till", "wall"):
            await back(watch, name)
        await beaten(watch, 1, "till", "wall")
        await leave(watch, "other")
    assert watch.of("close", "till")[0]["received"] is None
    recorder.keep("tide-node-stomp-restarted-no-word", watch)


async def test_privoxy_waits_three_seconds(start: Starter, recorder: Recorder) -> None:
    """The way out of an office ends a tunnel in which nothing was said for three seconds; who talks stays."""
    server = start(NodeWs)
    privoxy = start(Privoxy, idle=3)
    table: Table = ws(server.port, proxy=f"http://{LOOPBACK}:{privoxy.port}")
    watch = await staged({"talks": table | {"do": says(1.2, 9)}, "reads": table | {"do": ["0.6 send hello"]}}, "reads")
    recorder.keep("tide-privoxy-idle-reader", watch)


async def test_envoy_waits_for_somebody_to_speak(activemq: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """It passes TCP to ActiveMQ and ends what is idle for 2.6 s: two without beats, a third one beats."""
    envoy = start(Envoy, activemq.port, tcp={"idle_timeout": "2.6s"})
    tables = {
        "beats": stomp(envoy.port, "1200,1200", CREW),
        "first": stomp(envoy.port, "0,0", CREW, do=["0.5 stomp-send /queue/a one"]),
        "second": stomp(envoy.port, "0,0", CREW, do=["0.9 stomp-send /queue/a one", "2.4 stomp-send /queue/a two"]),
    }
    watch = await staged(tables, "first", "second")
    recorder.keep("tide-envoy-activemq-idle-two", watch)


async def test_a_script_forgets_to_wait(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """More than five messages a second are too many for a program behind Caddy; who asks slowly is well."""
    server = start(Rules, rate={"most": 5, "end": [1008, "Rate limit exceeded, slow down"]})
    caddy = start(Caddy, server.port, tls=f"{certificate.chain} {certificate.key}")
    burst = ["0.6 send one", *(f"{1.25 + n * 0.04:.2f} send row {n}" for n in range(9))]
    tables = {
        "person": wss(caddy.port, certificate, do=says(0.9, 5)),
        "script": wss(caddy.port, certificate, do=burst),
    }
    watch = await staged(tables, "script")
    assert watch.the("close", "script")["received"]["code"] == 1008
    recorder.keep("tide-caddy-node-rate-1008", watch)


async def test_beats_end_and_receipts_come(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A broker behind nginx beats four times and no more; what is asked of it is answered meanwhile."""
    server, other = start(NodeStomp, beatEvery=1000, beats=2), start(NodeStomp, beatEvery=1000, beats=1000)
    nginx = start(Nginx, server.port, certificate=certificate)
    table: Table = {"heart_beat": "1000,1000"}
    asks = [rf"{at} stomp-frame SEND\ndestination:/queue/a\nreceipt:r{at}\n\none\0" for at in (1.5, 5.4)]
    tables: dict[str, Table] = {
        "other": {"url": other.url} | table,
        "shop": {"url": f"stomp+wss://localhost:{nginx.port}/", "cacert": str(certificate.ca), "do": asks} | table,
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await seen(watch, "stomp", "shop", dir="in", command="RECEIPT", count=2)
        await leave(watch, "other", "shop")
    assert len(watch.of("stomp", "shop", dir="in", command="beat")) == 2
    assert len(watch.of("stomp", "shop", dir="in", command="RECEIPT")) >= 2
    recorder.keep("tide-nginx-broker-beats-end", watch)


async def test_a_job_without_receipts_uses_an_old_address(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A job that came from Artemis sends to an address of its; RabbitMQ behind stunnel knows no such prefix."""
    stunnel = start(Stunnel, broker.stomp_port, certificate)
    table: Table = {"url": f"stomps://localhost:{stunnel.port}", "cacert": str(certificate.ca)} | GUEST
    table |= {"heart_beat": "1500,1500"}
    tables = {
        "report": table | {"do": ["0.8 stomp-send /queue/orders.new one"]},
        "import": table | {"do": ["0.6 stomp-send /queue/orders.new one", "1.9 stomp-send /jms.queue.orders two"]},
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **tables)
        await seen(watch, "stomp", "import", dir="in", command="ERROR")
        await beaten(watch, 1, "report")
        await leave(watch, "report")
    recorder.keep("tide-stunnel-rabbitmq-address-of-artemis", watch)
