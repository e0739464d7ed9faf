"""Hands that are not shaken: silence, 101s that are wrong, ways that are down, ports of others, versions."""

import asyncio
import os
import signal
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.probing import open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, answer, opened, refused, says, stomp, stomps, ws
from tests.servers.envoy import Envoy
from tests.servers.forward import Squid
from tests.servers.frameworks import Aiohttp, Tornado
from tests.servers.goapps import Melody
from tests.servers.house import echo, house
from tests.servers.joined import CREW
from tests.servers.lesser import Hitch, Nghttpx, Rinetd
from tests.servers.lines import leave, over
from tests.servers.mosquitto import Mosquitto, connect
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import StompBroker
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python import PythonWs
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer, switching
from tests.servers.starting import Starter
from tests.servers.test_direct_ports import Sshd
from tests.servers.traefik import Traefik
from tests.waiting import eventually
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /queue/orders one"
AUTUMN = "$apr1$5YMtX0wx$RBCSEwa2eXZQJgBpDwsUD/"
"""A password as Squid's users have it in their file."""
COIL: Table = CREW | {"stomp_version": "1.0,1.1", "do": says(1.1, 4, ORDER)}


async def turned_away(watch: Watch, refusals: dict[str, Table], well: dict[str, Table], after: float = 0.8) -> None:
    """Sessions that are let in, and after a while one that never gets as far as its protocol's own answer."""
    await opened(watch, **well)
    await asyncio.sleep(after)
    for name, table in refusals.items():
        await open_session(watch, name=name, **table)
    await over(watch, *refusals)
    await leave(watch, *well, status=3)


async def test_a_program_stands_still_behind_rinetd(start: Starter, recorder: Recorder) -> None:
    """rinetd takes the page in, and so does Node's kernel; the program is stopped. Another program is well."""
    server, other = start(NodeWs), start(PythonWs, ping_interval=None)
    rinetd = start(Rinetd, server.port)
    os.kill(server.pid, signal.SIGSTOP)
    watch = await refused(
        {"page": ws(rinetd.port, open_timeout=4.3)}, after=1.0, before=0.6, other=ws(other.port, do=says(1.2, 7))
    )
    os.kill(server.pid, signal.SIGCONT)
    recorder.keep("kite-rinetd-node-stopped-before-the-upgrade", watch)


async def test_a_broker_takes_the_socket_and_says_nothing(start: Starter, recorder: Recorder) -> None:
    """The gateway upgrades by Envoy and never answers CONNECT; the broker of the other shop does."""

    async def rule(_: str, client: ServerConnection, message: str | bytes) -> None:
        """Nothing is said."""

    other = start(StompBroker)
    async with house(rule, ping_interval=None, subprotocols=["v12.stomp"]) as app:
        envoy = start(Envoy, app.port)
        till: Table = {"url": f"stomp+ws://{LOOPBACK}:{envoy.port}/?user=till", "heart_beat": "4000,4000"}
        async with probing("--stdin", **POSTMORTEM) as watch:
            well: dict[str, Table] = {"other": {"url": other.url, "heart_beat": "0,0", "do": says(1.4, 7, ORDER)}}
            await turned_away(watch, {"till": till | {"open_timeout": 4.8}}, well)
    assert watch.of("open", "till")
    recorder.keep("kite-envoy-stomp-connect-unanswered", watch)


async def test_a_gateway_computes_its_accept_once(recorder: Recorder) -> None:
    """A gateway's firmware answers everybody as it answered its first client since it started."""
    first: list[str] = []

    def script(client: Connection) -> None:
        said = switching(client.read_request())
        first.append(said)
        client.send(f"{first[0]}Server: GW-200/1.7\r\n\r\n".encode())
        client.receive_close()
        client.close(1000)

    with ScriptedServer(script) as server:
        watch = await refused({"second": {"url": server.url}}, after=1.5, before=0.7, first={"url": server.url})
    recorder.keep("kite-gateway-repeats-its-first-accept", watch)


async def test_an_old_websockify(recorder: Recorder) -> None:
    """It answers ``binary`` whether or not somebody asked for it; a console that does ask is content."""

    def script(client: Connection) -> None:
        client.upgrade(subprotocol="binary", extra="Server: WebSockify Python/2.7\r\n")
        client.receive_close()
        client.close(1000)

    with ScriptedServer(script) as server:
        asks: Table = {"url": server.url, "subprotocol": ["binary"]}
        watch = await refused({"console": {"url": server.url}}, after=0.9, before=1.0, asks=asks)
    recorder.keep("kite-old-websockify-picks-binary-unasked", watch)


async def test_a_password_was_changed(start: Starter, recorder: Recorder) -> None:
    """The office's Squid has this quarter's password, a kiosk the last one's; a desk has this one's."""
    with TemporaryDirectory() as place:
        users = Path(place) / "users"
        users.write_text(f"staff:{AUTUMN}\n")
        os.chmod(place, 0o755)  # noqa: PTH101
        wants = (
            f"deny !all\nauth_param basic program /usr/lib/squid/basic_ncsa_auth {users}\n"
            "auth_param basic realm Office\nacl staff proxy_auth REQUIRED\nhttp_access allow staff\nhttp_access deny"
        )
        server, squid = start(Aiohttp), start(Squid, access=wants)

        def by(password: str) -> Table:
            return ws(server.port, proxy=f"http://staff:{password}@{LOOPBACK}:{squid.port}", do=says(0.9, 4))

        watch = await refused({"kiosk": by("summer-26")}, after=1.2, before=0.8, desk=by("autumn-26"))
    recorder.keep("kite-squid-password-was-changed-407", watch)


async def test_squid_says_that_nobody_listens(start: Starter, recorder: Recorder) -> None:
    """The app's new port is not open yet: Squid is refused and says so; a session to the old port is let in."""
    (nobody,) = free_ports(1)
    server, squid = start(Tornado), start(Squid)
    way: Table = {"proxy": f"http://{LOOPBACK}:{squid.port}"}
    watch = await refused(
        {"app": ws(nobody, **way)}, after=0.8, before=0.9, old=ws(server.port, do=says(1.3, 5), **way)
    )
    recorder.keep("kite-squid-target-refuses-503", watch)


async def test_nobody_new_in_the_nightly_window(start: Starter, recorder: Recorder) -> None:
    """From 03:00 to 03:30 the application takes nobody in who is new and says until when; nghttpx passes that on."""

    def window(client: ServerConnection, request: Request) -> Response | None:
        if "user=till" not in request.path:
            return None
        words = '{"error":"maintenance","detail":"nightly maintenance window, back at 03:30"}\n'
        answered = client.respond(HTTPStatus.SERVICE_UNAVAILABLE, words)
        answered.headers["Retry-After"] = "1260"
        return answered

    async with house(echo, process_request=window, ping_interval=None) as app:
        nghttpx = start(Nghttpx, app.port)
        watch = await refused(
            {"till": ws(nghttpx.port, "/?user=till")},
            after=1.1,
            before=0.6,
            anna=ws(nghttpx.port, "/?user=anna", do=says(0.9, 4)),
        )
    assert answer(watch, "till") == 503
    recorder.keep("kite-nghttpx-nightly-window-503", watch)


async def test_nobody_is_behind_apache(start: Starter, recorder: Recorder) -> None:
    """Apache's backend was not started after a reboot; its other site's was."""
    (nobody,) = free_ports(1)
    server = start(SockJsNode, heartbeat_delay=1300)
    rules = f"ProxyPass /shop/ http://{LOOPBACK}:{nobody}/ upgrade=websocket"
    apache = start(Apache, server.port, rules=rules)
    watch = await refused(
        {"page": ws(apache.port, "/shop/live")}, after=0.9, before=0.7, other=ws(apache.port, "/echo/websocket")
    )
    assert answer(watch, "page") == 503
    recorder.keep("kite-apache-nobody-behind-503", watch)


async def test_traefik_took_the_only_server_out(start: Starter, recorder: Recorder) -> None:
    """Its health check asks for a page that melody's program has no more; who goes past Traefik is let in."""
    server = start(Melody)
    check = {"healthCheck": {"path": "/healthz", "interval": "300ms", "timeout": "200ms"}}
    traefik = start(Traefik, server.port, service=check)
    await asyncio.to_thread(eventually, lambda: "Health check failed" in traefik.log)
    await asyncio.sleep(1)
    watch = await refused(
        {"feed": ws(traefik.port, "/ws")}, after=1.0, before=0.8, past=ws(server.port, "/ws", do=says(0.8, 3))
    )
    assert answer(watch, "feed") == 503
    recorder.keep("kite-traefik-health-check-fails-503", watch)


async def test_envoy_waits_no_longer(start: Starter, recorder: Recorder) -> None:
    """A program stands still before it answers; Envoy's route has 2.7 s of patience. Another program is well."""
    server, other = start(Tornado), start(NodeWs)
    envoy = start(Envoy, server.port, route={"timeout": "2.7s"})
    os.kill(server.pid, signal.SIGSTOP)
    watch = await refused({"chart": ws(envoy.port)}, after=0.7, before=0.8, other=ws(other.port, do=says(1.1, 5)))
    os.kill(server.pid, signal.SIGCONT)
    assert answer(watch, "chart") == 504
    recorder.keep("kite-envoy-route-timeout-504", watch)


async def test_mosquitto_is_not_told_of_mqtt(start: Starter, recorder: Recorder) -> None:
    """A new client library offers ``mqtt5``; Mosquitto knows ``mqtt``, as the other sensor says."""
    broker = start(Mosquitto)
    watch = await refused(
        {"sensor": {"url": broker.url, "subprotocol": ["mqtt5"]}},
        after=0.9,
        before=0.8,
        other={"url": broker.url, "subprotocol": ["mqtt"], "do": [f"0.4 send-binary {connect('other', 30)}"]},
    )
    recorder.keep("kite-mosquitto-without-mqtt", watch)


async def test_stomp_is_said_to_nginx(start: Starter, recorder: Recorder) -> None:
    """A worker's STOMP goes to the port of the web server in front; another has the broker's."""
    broker = start(CoilMq)
    nginx = start(Nginx, broker.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        right = {"right": stomp(broker.port, "0,0", COIL)}
        await turned_away(watch, {"worker": stomp(nginx.port, "0,0", CREW, open_timeout=5.5)}, right)
    recorder.keep("kite-stomp-to-the-port-of-nginx", watch)


async def test_stomp_is_said_to_sshd(start: Starter, recorder: Recorder) -> None:
    """The address of the jump host was taken for the broker's; another worker has the broker's."""
    broker, sshd = start(CoilMq), start(Sshd)
    async with probing("--stdin", **POSTMORTEM) as watch:
        right = {"right": stomp(broker.port, "0,0", COIL)}
        await turned_away(watch, {"worker": stomp(sshd.port, "0,0", CREW, open_timeout=5.5)}, right, 1.3)
    recorder.keep("kite-stomp-to-the-port-of-sshd", watch)


async def test_a_library_of_tomorrow(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A client takes nothing older than STOMP 1.3; CoilMQ behind hitch has 1.2 at most. Another takes 1.1."""
    broker = start(CoilMq)
    hitch = start(Hitch, broker.port, certificate)
    table = stomps(hitch.port, "0,0", certificate, CREW, connect_header=["accept-version: 1.3,2.0"])
    async with probing("--stdin", **POSTMORTEM) as watch:
        await turned_away(watch, {"new": table}, {"old": stomps(hitch.port, "0,0", certificate, COIL)})
        await seen(watch, "stomp", "new", command="ERROR")
    recorder.keep("kite-hitch-coilmq-version-of-tomorrow", watch)
