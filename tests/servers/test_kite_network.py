"""Networks that lead nowhere: an uplink, names, ports, a hotel's portal, a SOCKS proxy without a way."""

import sys
from pathlib import Path

import pytest

from tests.probing import ask, open_session, seen
from tests.servers.ashore import begun
from tests.servers.between import Table, opened, says
from tests.servers.child import installed
from tests.servers.forward import Socks
from tests.servers.lines import THERE, elsewhere, leave, over
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import FAR, INSIDE, SERVER, Routed, routed
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

LIVE = f"ws://{SERVER}:8080/"
PORTAL = """
import http.server, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<html><head><title>Welcome to Hotel Krone WiFi</title></head><body>Please sign in</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.HTTPServer((sys.argv[1], 8088), Page)
print("up", flush=True)
server.serve_forever()
"""


def dnsmasq(hosts: Routed, *options: str) -> None:
    """The client asks a dnsmasq on the server host."""
    program = installed("dnsmasq", "dnsmasq-base")
    words = [
        program,
        "-k",
        "-h",
        "-R",
        "--log-facility=-",
        "-u",
        "root",
        f"--listen-address={FAR}",
        "--bind-interfaces",
    ]
    hosts.start("sh", "-c", 'exec "$@" 2>&1', "sh", *words, *options, says="started")
    place = Path("/etc/netns") / hosts.client.name
    place.mkdir(parents=True, exist_ok=True)
    (place / "resolv.conf").write_text(f"nameserver {FAR}\noptions timeout:2 attempts:1\n")


async def test_the_uplink_is_down(recorder: Recorder) -> None:
    """The office's router lost its way out and says so; what is in the office is reached."""
    with routed() as hosts, elsewhere(hosts):
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, office={"url": THERE, "do": says(1.1, 8)})
            hosts.router.ip("link", "set", "wan", "down")
            await open_session(watch, name="feed", url=LIVE, open_timeout=6.0)
            await over(watch, "feed")
            await leave(watch, "office", status=3)
    assert watch.the("end", "feed")["phase"] == "tcp"
    recorder.keep("kite-uplink-of-the-router-is-down", watch)


async def test_a_resolver_has_nobody_to_ask(recorder: Recorder) -> None:
    """The branch's dnsmasq lost its upstream and refuses all names but its own; a session by one of those is in."""
    with routed() as hosts:
        hosts.start_node()
        dnsmasq(hosts, f"--address=/live.ground.example/{SERVER}")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, live={"url": "ws://live.ground.example:8080/", "do": says(0.9, 9)})
            await open_session(watch, name="partner", url="wss://feed.partner.example/v2", open_timeout=8.0)
            await over(watch, "partner")
            await leave(watch, "live", status=3)
    assert watch.the("end", "partner")["how"] == "dns"
    recorder.keep("kite-dnsmasq-has-no-upstream", watch)


async def test_a_record_was_not_made_yet(recorder: Recorder) -> None:
    """The staging host is up, its name is not in the zone: NXDOMAIN. The live one is."""
    with routed() as hosts:
        hosts.start_stomp()
        dnsmasq(hosts, f"--address=/mq.ground.example/{SERVER}", "--local=/ground.example/")
        base: Table = {"heart_beat": "1500,1500", "login": "anna", "passcode": "crew"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, live=base | {"url": "stomp+ws://mq.ground.example:8082/"})
            await open_session(watch, name="staging", **base, url="stomp+ws://mq-staging.ground.example:8082/")
            await over(watch, "staging")
            await leave(watch, "live", status=3)
    assert watch.the("end", "staging")["how"] == "dns"
    recorder.keep("kite-dnsmasq-record-not-made-yet", watch)


async def test_a_release_binds_to_loopback(recorder: Recorder) -> None:
    """A first session leaves in order; the new release listens on 127.0.0.1 alone, and the next one is refused."""
    with routed() as hosts:
        hosts.start_node()
        old = hosts.start_python(8081)
        api: Table = {"url": f"ws://{SERVER}:8081/"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, live={"url": LIVE, "do": says(1.2, 8)}, before=api)
            await ask(watch, "close 1000", "before")
            await seen(watch, "close", "before")
            old.kill()
            old.wait()
            release = [sys.executable, str(Path(__file__).parent / "websocketd.py"), LOOPBACK, "8081", "{}"]
            hosts.start(*release)
            await open_session(watch, name="after", **api)
            await over(watch, "after")
            await leave(watch, "live", status=3)
    assert watch.the("end", "after")["how"] == "refused"
    recorder.keep("kite-refused-bound-to-loopback-since-the-release", watch)


async def test_one_port_is_not_let_through(recorder: Recorder) -> None:
    """The new firewall lets 8080 through and nobody thought of STOMP's port: two attempts hear nothing."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_stomp()
        hosts.router.wall("tcp dport 8082 drop")
        broker: Table = {"url": f"stomp+ws://{SERVER}:8082/", "heart_beat": "2000,2000", "open_timeout": 3.4}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, page={"url": LIVE, "do": says(1.3, 12)})
            await open_session(watch, name="broker", reconnect=True, **broker)
            await seen(watch, "close", "broker", count=2)
            await leave(watch, "page", status=3)
    assert not watch.of("open", "broker")
    recorder.keep("kite-connect-timeout-port-of-stomp-not-let-through", watch)


async def test_a_hotel_shows_its_page(recorder: Recorder) -> None:
    """The hotel's router answers whatever goes to one port by its own page; another port it does not look at."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_python(8081)
        hosts.start(sys.executable, "-c", PORTAL, INSIDE, on=hosts.router)
        hosts.router.wall(f"tcp dport 8080 dnat ip to {INSIDE}:8088", "prerouting", "nat", name="portal")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, other={"url": f"ws://{SERVER}:8081/", "do": says(1.0, 6)})
            await open_session(watch, name="chat", url=f"{LIVE}rooms/4")
            await over(watch, "chat")
            await leave(watch, "other", status=3)
    assert watch.the("http", "chat", dir="in")["status"] == 200
    recorder.keep("kite-hotel-portal-answers-200", watch)


async def test_a_socks_proxy_has_no_way(start: Starter, recorder: Recorder) -> None:
    """A SOCKS proxy is asked for a host of the other site, whose line is down; a host of this one it reaches."""
    with routed() as hosts:
        hosts.start_node()
        socks = await begun(hosts.client, start, Socks)
        way = {"proxy": f"socks5://{LOOPBACK}:{socks.port}"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, here={"url": LIVE, "do": says(0.9, 6)} | way)
            await open_session(watch, name="site", url="ws://10.99.4.20:8080/", **way)
            await over(watch, "site")
            await leave(watch, "here", status=3)
    recorder.keep("kite-socks-no-way-to-the-other-site", watch)
