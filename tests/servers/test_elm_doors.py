"""Doors that stay shut on an ordinary day: a machine that is off, a firewall, a stopped service, names and TLS."""

import asyncio
import datetime
import json
import sys
from pathlib import Path

import pytest

from tests.probing import ask, open_session, seen
from tests.servers import certificates
from tests.servers.ashore import begun, doors
from tests.servers.between import Table, opened, refused, says, sockjs, ws
from tests.servers.frameworks import Aiohttp, Sanic, Tornado
from tests.servers.goapps import Gobwas
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis
from tests.servers.lesser import Hitch
from tests.servers.lines import THERE, elsewhere, leave, over
from tests.servers.node import SockJsNode
from tests.servers.recordings import Recorder
from tests.servers.routed import FAR, SERVER, routed
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

OFF = "10.78.2.9"
"""A machine's address in the server's network while the machine is off."""


async def test_the_machine_is_off(start: Starter, recorder: Recorder) -> None:
    """A dashboard is told of a second machine that nobody switched on: its router says so. The first one talks."""
    with routed() as hosts:
        hosts.client.set(net__ipv4__tcp_syn_retries=4)
        server = await begun(hosts.server, start, Sanic)
        doors(hosts, server)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, first={"url": f"ws://{SERVER}:{server.port}/", "do": says(1.3, 12)})
            await open_session(watch, name="second", url=f"ws://{OFF}:{server.port}/", open_timeout=12.0)
            await over(watch, "second", patience=1.5)
            await leave(watch, "first", status=3)
    assert watch.the("end", "second")["how"] == "unreachable"
    recorder.keep("elm-sanic-second-machine-is-off", watch)


async def test_the_firewall_knows_one_port(start: Starter, recorder: Recorder) -> None:
    """The new application server may talk to the site but not to the broker: nobody asked for that rule."""
    with routed() as hosts:
        broker = await begun(hosts.server, start, Artemis)
        site = await begun(hosts.server, start, Tornado)
        doors(hosts, broker, site)
        hosts.router.wall(f"tcp dport {broker.port} drop", name="rules")
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, site={"url": f"ws://{SERVER}:{site.port}/", "do": says(1.7, 12)})
            table: Table = {"heart_beat": "10000,10000"} | ANNA
            await open_session(watch, name="jobs", url=f"stomp://{SERVER}:{broker.port}", open_timeout=6.0, **table)
            await over(watch, "jobs", patience=1.5)
            await leave(watch, "site", status=3)
    assert not watch.of("stomp", "jobs")
    recorder.keep("elm-artemis-firewall-swallows-its-port", watch)


async def test_the_service_was_stopped(start: Starter, recorder: Recorder) -> None:
    """Somebody leaves a chat and comes again when its service has been stopped; another machine is well."""
    with routed() as hosts, elsewhere(hosts):
        server = await begun(hosts.server, start, Gobwas)
        doors(hosts, server)
        url = f"ws://{SERVER}:{server.port}/ws"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(1.1, 12)}, morning={"url": url, "do": says(0.5, 1)})
            await seen(watch, "frame", "morning", dir="in", opcode=1, count=2)
            await ask(watch, "close", "morning")
            await seen(watch, "close", "morning")
            await asyncio.to_thread(server.stop)
            await asyncio.sleep(1.2)
            await open_session(watch, name="noon", url=url)
            await over(watch, "noon")
            await leave(watch, "third", status=3)
    assert watch.the("end", "noon")["how"] == "refused"
    recorder.keep("elm-gobwas-stopped-at-noon", watch)


async def test_names_are_not_answered_any_more(start: Starter, recorder: Recorder) -> None:
    """A firewall update swallows what is asked of the name server; who came in by name before goes on."""
    with routed() as hosts:
        server = await begun(hosts.server, start, SockJsNode, heartbeat_delay=2100)
        doors(hosts, server)
        hosts.start(sys.executable, str(Path(__file__).parent / "namesd.py"), FAR, json.dumps({"live.example": SERVER}))
        place = Path("/etc/netns") / hosts.client.name
        place.mkdir(parents=True, exist_ok=True)
        (place / "resolv.conf").write_text(f"nameserver {FAR}\noptions timeout:3 attempts:2\n")
        table = {"url": f"http://live.example:{server.port}/echo", "sockjs_transport": "websocket"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, early=table)
            await seen(watch, "frame", "early", opcode=9)
            hosts.router.wall("udp dport 53 drop", name="no_names")
            await open_session(watch, name="late", open_timeout=12.0, **table)
            await over(watch, "late", patience=1.5)
            await leave(watch, "early", status=3)
    assert watch.the("end", "late")["how"] == "dns"
    recorder.keep("elm-sockjs-names-not-answered", watch)


async def test_the_certificate_ran_out_on_sunday(tmp_path: Path, start: Starter, recorder: Recorder) -> None:
    """Hitch in front of aiohttp was never reloaded after the renewal, and its client tries again; one goes past it."""
    end = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)
    (tmp_path / "old").mkdir()
    old = certificates.issue(tmp_path / "old", not_before=end - datetime.timedelta(days=90), not_after=end)
    server = start(Aiohttp)
    hitch = start(Hitch, server.port, old)
    page = {"url": f"wss://localhost:{hitch.port}/", "cacert": str(old.ca)}
    watch = await refused({"page": page}, after=1.0, before=1.2, past=ws(server.port, do=says(0.9, 4)))
    assert watch.of("tls", "page")[0]["ok"] is False
    recorder.keep("elm-hitch-aiohttp-expired-on-sunday", watch)


async def test_https_to_a_plain_port(start: Starter, recorder: Recorder) -> None:
    """The page's configuration says https, the development server speaks no TLS; the other tab says http."""
    server = start(SockJsNode, heartbeat_delay=1300)
    wrong = sockjs(0, "xhr-streaming", url=f"https://localhost:{server.port}/echo")
    watch = await refused({"tab2": wrong}, after=0.8, before=1.6, tab1=sockjs(server.port, "xhr-streaming"))
    assert watch.of("tls", "tab2")[0]["ok"] is False
    recorder.keep("elm-sockjs-node-https-to-its-plain-port", watch)
