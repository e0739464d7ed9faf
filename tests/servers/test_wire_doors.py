"""Doors on the network that nobody gets through: names, walls, dead ways and ports that are not published."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec

import pytest

from tests.probing import open_session, seen
from tests.servers.between import Table, opened, says
from tests.servers.child import Daemon
from tests.servers.lines import DEFAULT_RETRIES, behind_nginx, leave, open_doors, over
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.recordings import Recorder
from tests.servers.routed import FAR, OTHER, SERVER, Routed, routed
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

NAMESD = Path(__file__).parent / "namesd.py"
TALK = "stomp-send /topic/a one"

Options = ParamSpec("Options")


def ashore(
    hosts: Routed,
    start: Starter,
    kind: Callable[Concatenate[Path, Options], Daemon],
    *args: Options.args,
    **options: Options.kwargs,
) -> int:
    """Starts a server on the server host; the port that leads to it from everywhere."""
    with hosts.server.inside():
        server = start(kind, *args, **options)
    open_doors(hosts.server, server.port)
    return server.port


def names(hosts: Routed, resolver: str, **known: object) -> None:
    """The client asks a name server on the server host, with these options of its resolver."""
    said = {name.replace("__", "."): address for name, address in known.items()}
    hosts.start(sys.executable, str(NAMESD), FAR, json.dumps(said))
    place = Path("/etc/netns") / hosts.client.name
    place.mkdir(parents=True, exist_ok=True)
    (place / "resolv.conf").write_text(f"nameserver {FAR}\noptions {resolver}\n")


def trusts(certificate: Certificate) -> Table:
    """What has a session believe that certificate, whatever address it goes to."""
    return {"cacert": str(certificate.ca), "servername": "localhost"}


async def test_the_name_server_fails(start: Starter, recorder: Recorder) -> None:
    """SERVFAIL for one name of the domain; the other is known, and its session talks."""
    with routed() as hosts:
        port = ashore(hosts, start, Spring, heart_beat="2700,2700")
        names(hosts, "timeout:2 attempts:1", orders__ground__example=None, live__ground__example=SERVER)
        table = {"heart_beat": "2700,2700", "sockjs_transport": "websocket"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            live = {"url": f"stomp+http://live.ground.example:{port}/sockjs", "do": says(0.9, 4, TALK)} | table
            await opened(watch, live=live)
            url = f"stomp+http://orders.ground.example:{port}/sockjs"
            await open_session(watch, name="orders", url=url, **table)
            await over(watch, "orders")
            await leave(watch, "live", status=3)
    assert watch.the("end", "orders")["how"] == "dns"
    recorder.keep("wire-dns-servfail-spring", watch)


async def test_the_name_server_is_too_late(recorder: Recorder) -> None:
    """It answers after nine seconds; the resolver asks once and waits for four."""
    with routed() as hosts:
        names(hosts, "timeout:4 attempts:1", mq__ground__example=SERVER, delay=9)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            url = "stomps://mq.ground.example:61614"
            await open_session(watch, name="orders", url=url, heart_beat="10000,10000", open_timeout=8.2)
            await over(watch, "orders")
            await leave(watch, status=3)
    assert watch.the("end", "orders")["phase"] == "dns"
    recorder.keep("wire-dns-late-alone", watch)


async def test_its_port_is_not_published(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """sockjs-node listens on its host's loopback; by nginx it is reached, past nginx it is not."""
    with routed() as hosts:
        with hosts.server.inside():
            server = start(SockJsNode, heartbeat_delay=2300)
        _, url = behind_nginx(hosts, start, certificate, server.port)
        through = url.replace("wss:", "https:") + "echo"
        table = {"sockjs_transport": "xhr-polling", "do": says(1.3, 5, "send tick")} | trusts(certificate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, through={"url": through} | table)
            past = f"http://{SERVER}:{server.port}/echo"
            await open_session(watch, name="past", url=past, sockjs_transport="websocket")
            await over(watch, "past")
            await leave(watch, "through", status=3)
    assert watch.the("end", "past")["how"] == "refused"
    recorder.keep("wire-refused-not-published", watch)


async def test_only_newcomers_are_walled_off(start: Starter, recorder: Recorder) -> None:
    """A new rule of the firewall swallows who comes anew; who is in stays in, and talks."""
    with routed() as hosts:
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        port = ashore(hosts, start, Uvicorn, ws_ping_interval=2.1, ws_ping_timeout=3)
        url = f"ws://{SERVER}:{port}/feed"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, first={"url": url, "do": says(1.7, 12, "send tick")})
            hosts.router.wall(f"tcp dport {port} ct state new drop")
            await open_session(watch, name="second", url=url, open_timeout=7.3)
            await over(watch, "second")
            await leave(watch, "first", status=3)
    assert (watch.the("end", "second")["how"], watch.the("end", "second")["phase"]) == ("timeout", "tcp")
    recorder.keep("wire-connect-timeout-only-newcomers", watch)


async def test_an_address_that_leads_nowhere(recorder: Recorder) -> None:
    """A broker that was moved: the router swallows what goes to its old address and says nothing."""
    with routed() as hosts:
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        hosts.router.ip("route", "add", "blackhole", "10.79.0.9/32")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            url = "stomps://10.79.0.9:61614"
            await open_session(watch, name="orders", url=url, heart_beat="5000,5000", open_timeout=3.8)
            await over(watch, "orders")
            await leave(watch, status=3)
    assert (watch.the("end", "orders")["how"], watch.the("end", "orders")["phase"]) == ("timeout", "tcp")
    recorder.keep("wire-connect-timeout-nowhere-alone", watch)


async def test_a_desk_that_is_switched_off(start: Starter, recorder: Recorder) -> None:
    """A development server on a colleague's machine in the same office: nobody has that address at the moment."""
    with routed() as hosts:
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        port = ashore(hosts, start, SockJsNode, heartbeat_delay=1900)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, test={"url": f"http://{SERVER}:{port}/echo", "sockjs_transport": "xhr-streaming"})
            url = "http://10.78.1.77:8080/echo"
            await open_session(watch, name="desk", url=url, sockjs_transport="xhr-streaming", open_timeout=9)
            await over(watch, "desk")
            await leave(watch, "test", status=3)
    assert watch.the("end", "desk")["how"] == "unreachable"
    recorder.keep("wire-unreachable-own-lan", watch)


async def test_a_kill_switch(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """The VPN of one site is off, and its program has made the site unreachable until it is on; another site is not."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_python(ping_interval=3)
        nginx, url = behind_nginx(hosts, start, certificate, 8081)
        hosts.client.ip("route", "add", "unreachable", f"{OTHER}/32")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, site={"url": url, "do": says(1.1, 4, "send tick")} | trusts(certificate))
            await open_session(watch, name="other", url=f"wss://{OTHER}:{nginx.port}/", **trusts(certificate))
            await over(watch, "other")
            await seen(watch, "frame", "site", opcode=1, dir="in", count=2)
            await leave(watch, "site", status=3)
    assert watch.the("end", "other")["how"] == "unreachable"
    recorder.keep("wire-unreachable-kill-switch", watch)
