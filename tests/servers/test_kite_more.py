"""More doors that do not open: one that stands still, a dead backend for two, limits, plans, a reboot."""

import asyncio
import os
import signal
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.servers.between import Table, answer, refused, says, stomp, stomps, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.forward import Dante
from tests.servers.frameworks import Tornado
from tests.servers.house import echo, house
from tests.servers.joined import CREW
from tests.servers.lesser import Hitch, Lighttpd
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.python_apps import CoilMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.traefik import Traefik

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /queue/orders one"
COIL: Table = CREW | {"stomp_version": "1.0,1.1", "do": says(1.2, 7, ORDER)}


async def test_stunnel_stands_still(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Its kernel takes a till in, and nobody answers its ClientHello; the broker behind is well."""
    broker = start(CoilMq)
    stunnel = start(Stunnel, broker.port, certificate)
    os.kill(stunnel.pid, signal.SIGSTOP)
    till = stomps(stunnel.port, "0,0", certificate, CREW, open_timeout=4.4)
    watch = await refused({"till": till}, after=0.8, before=0.5, straight=stomp(broker.port, "0,0", COIL))
    os.kill(stunnel.pid, signal.SIGCONT)
    assert watch.the("end", "till")["how"] == "timeout"
    recorder.keep("kite-stunnel-stopped-before-its-hello", watch)


async def test_two_meet_a_dead_backend(start: Starter, recorder: Recorder) -> None:
    """The program behind Traefik was killed for its memory; two come and are told so, a third is at another."""
    server, other = start(NodeWs), start(NodeWs)
    traefik = start(Traefik, server.port)
    await asyncio.to_thread(server.end)
    two = {"anna": ws(traefik.port), "bert": ws(traefik.port)}
    watch = await refused(two, after=0.9, before=0.8, carl=ws(other.port, do=says(0.8, 3)))
    assert answer(watch, "anna") == answer(watch, "bert") == 502
    recorder.keep("kite-traefik-two-meet-502", watch)


async def test_lighttpd_waits_no_longer(start: Starter, recorder: Recorder) -> None:
    """Tornado stands still before it answers; lighttpd's ``read-timeout`` is 2 s. Another program is well."""
    server, other = start(Tornado), start(NodeWs)
    lighttpd = start(Lighttpd, server.port, idle=2)
    os.kill(server.pid, signal.SIGSTOP)
    watch = await refused({"board": ws(lighttpd.port)}, after=1.2, before=0.5, other=ws(other.port, do=says(1.3, 6)))
    os.kill(server.pid, signal.SIGCONT)
    assert answer(watch, "board") == 504
    recorder.keep("kite-lighttpd-tornado-frozen-504", watch)


def at_the_door(who: str, status: HTTPStatus, words: str, **headers: str) -> object:
    """What an application says to one of its users at the door."""

    def say(client: ServerConnection, request: Request) -> Response | None:
        if f"user={who}" not in request.path:
            return None
        answered = client.respond(status, words)
        for name, value in headers.items():
            answered.headers[name.replace("_", "-")] = value
        return answered

    return say


async def test_a_bot_logs_in_too_often(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The application counts logins and tells a bot to wait; a user is let in. By hitch."""
    words = '{"code":"too_many_logins","limit":"10 per minute"}\n'
    door = at_the_door("bot", HTTPStatus.TOO_MANY_REQUESTS, words, Retry_After="48")
    async with house(echo, process_request=door, ping_interval=None) as app:
        hitch = start(Hitch, app.port, certificate)
        base = wss(hitch.port, certificate)
        url = f"wss://localhost:{hitch.port}/?user="
        watch = await refused(
            {"bot": base | {"url": f"{url}bot"}},
            after=1.0,
            before=0.6,
            anna=base | {"url": f"{url}anna", "do": says(0.9, 4)},
        )
    assert answer(watch, "bot") == 429
    recorder.keep("kite-hitch-too-many-logins-429", watch)


async def test_a_plan_without_live_data(start: Starter, recorder: Recorder) -> None:
    """A trial's plan has no live data: 403 and a word of it, by Caddy; a paying user is let in."""
    words = '{"error":"plan_does_not_include_streaming","plan":"trial"}\n'
    door = at_the_door("trial", HTTPStatus.FORBIDDEN, words)
    async with house(echo, process_request=door, ping_interval=None) as app:
        caddy = start(Caddy, app.port)
        watch = await refused(
            {"trial": ws(caddy.port, "/?user=trial")},
            after=0.7,
            before=0.9,
            paying=ws(caddy.port, "/?user=paying", do=says(1.1, 4)),
        )
    assert answer(watch, "trial") == 403
    recorder.keep("kite-caddy-plan-without-live-data-403", watch)


async def test_a_broker_was_not_started_after_the_reboot(recorder: Recorder) -> None:
    """Nobody listens at the broker's port since the machine was rebooted; one session, alone."""
    (nobody,) = free_ports(1)
    watch = await refused({"A": stomp(nobody, "9000,9000", CREW)})
    assert watch.the("end", "A")["how"] == "refused"
    recorder.keep("kite-stomp-refused-after-the-reboot-alone", watch)


async def test_a_proxy_does_not_know_the_user(start: Starter, recorder: Recorder) -> None:
    """Dante asks for a user; a van still has the one of the old office. Who needs no proxy is let in."""
    server = start(Tornado)
    dante = start(Dante, method="username")
    van = ws(server.port, proxy=f"socks5://depot:nine@{LOOPBACK}:{dante.port}")
    watch = await refused({"van": van}, after=0.9, before=0.8, desk=ws(server.port, do=says(0.9, 5)))
    assert watch.the("end", "van")["phase"] == "proxy"
    recorder.keep("kite-dante-user-of-the-old-office", watch)
