"""Ways that lead to no door: a gateway that is gone, names nobody knows, ports nobody listens at, SYNs unanswered."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.between import opened, refused, says, sockjs, stomp, ws
from tests.servers.frameworks import Aiohttp
from tests.servers.joined import CREW
from tests.servers.lines import THERE, elsewhere, leave, over
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.recordings import Recorder
from tests.servers.routed import FAR, INSIDE, OTHER, SERVER, Routed, routed
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

LIVE = f"ws://{SERVER}:8080/"
NAMES = str(Path(__file__).with_name("namesd.py"))


def knows(hosts: Routed, **names: str | None) -> None:
    """The client asks a server that knows these names; a double underscore is a dot."""
    table = {name.replace("__", "."): address for name, address in names.items()}
    hosts.start(sys.executable, NAMES, FAR, json.dumps(table))
    place = Path("/etc/netns") / hosts.client.name
    place.mkdir(parents=True, exist_ok=True)
    (place / "resolv.conf").write_text(f"nameserver {FAR}\noptions timeout:2 attempts:1\n")


async def test_the_default_route_is_gone(recorder: Recorder) -> None:
    """A VPN's client took its default route along; what has a route of its own is still reached, the rest is not."""
    with routed() as hosts:
        hosts.start_node()
        hosts.client.ip("route", "add", f"{SERVER}/32", "via", INSIDE)
        hosts.client.ip("route", "del", "default")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, split={"url": LIVE, "do": says(1.1, 6)})
            await open_session(watch, name="rest", url=f"ws://{OTHER}:8080/", open_timeout=6.0)
            await over(watch, "rest")
            await leave(watch, "split", status=3)
    assert watch.the("end", "rest")["how"] == "unreachable"
    recorder.keep("dove-unreachable-default-route-went-with-the-vpn", watch)


async def test_a_router_has_no_way_to_a_private_network(recorder: Recorder) -> None:
    """A job has the broker's address inside the data centre; the router knows no such network and says so, twice."""
    with routed() as hosts:
        hosts.start_python(8081)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, page={"url": f"ws://{SERVER}:8081/", "do": says(1.2, 8)})
            await open_session(
                watch, name="job", url="stomp://172.20.14.8:61613", heart_beat="5000,5000", reconnect=True
            )
            await seen(watch, "close", "job", count=2)
            await leave(watch, "page", status=3)
    assert {line["how"] for line in watch.of("end", "job")} == {"unreachable"}
    recorder.keep("dove-unreachable-broker-of-the-data-centre-again", watch)


async def test_a_name_of_the_living_room(recorder: Recorder) -> None:
    """``.local`` is nobody's name for the company's resolver: a panel was made for a home. Another name is known."""
    with routed() as hosts:
        hosts.start_node()
        knows(hosts, panel__depot__example=SERVER)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, depot={"url": "ws://panel.depot.example:8080/", "do": says(1.0, 6)})
            await open_session(watch, name="home", url="ws://homeassistant.local:8123/api/websocket")
            await over(watch, "home")
            await leave(watch, "depot", status=3)
    assert watch.the("end", "home")["how"] == "dns"
    recorder.keep("dove-dns-local-name-in-the-office", watch)


async def test_a_zone_cannot_be_validated(recorder: Recorder) -> None:
    """The signatures of one zone ran out and the resolver says SERVFAIL to its names; another zone is well."""
    with routed() as hosts:
        hosts.start_node()
        knows(hosts, live__shop__example=None, chat__shop__example=None, mq__depot__example=SERVER)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, mq={"url": "ws://mq.depot.example:8080/", "do": says(1.3, 10)})
            await open_session(watch, name="live", url="wss://live.shop.example/feed", open_timeout=8.0)
            await open_session(watch, name="chat", url="https://chat.shop.example/echo", open_timeout=8.0)
            await over(watch, "live", "chat")
            await leave(watch, "mq", status=3)
    assert {line["how"] for line in watch.of("end") if line["s"] != "mq"} == {"dns"}
    recorder.keep("dove-dns-servfail-of-one-zone-two", watch)


async def test_a_unit_hit_its_start_limit(start: Starter, recorder: Recorder) -> None:
    """One leaves in order; the program dies of a bad setting and is not started any more: two who come are refused."""
    server, other = start(SockJsNode), start(NodeWs)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=ws(other.port, do=says(1.1, 6)), before=sockjs(server.port, "xhr-streaming"))
        await ask(watch, "close", "before")
        await seen(watch, "close", "before")
        await asyncio.to_thread(server.end)
        await open_session(watch, name="anna", **sockjs(server.port, "xhr-streaming"))
        await open_session(watch, name="bert", **sockjs(server.port, "websocket"))
        await over(watch, "anna", "bert")
        await leave(watch, "other", status=3)
    assert {watch.the("end", name)["how"] for name in ("anna", "bert")} == {"refused"}
    recorder.keep("dove-refused-start-limit-two", watch)


async def test_a_port_is_off_by_one(start: Starter, recorder: Recorder) -> None:
    """A settings file names a port at which nobody listens; the session with the right one is well."""
    server = start(Aiohttp)
    (nobody,) = free_ports(1)
    watch = await refused(
        {"job": stomp(nobody, "10000,10000", CREW)}, after=0.9, before=0.9, right=ws(server.port, do=says(0.8, 4))
    )
    assert watch.the("end", "job")["how"] == "refused"
    recorder.keep("dove-refused-stomp-port-of-nobody", watch)


async def test_a_security_group_forgot_the_new_office(recorder: Recorder) -> None:
    """The server's own rules let the new office at one port alone; two at another hear nothing."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_stomp()
        hosts.start_python(8081)
        hosts.server.wall("ip saddr 10.78.1.0/24 tcp dport { 8081, 8082 } drop", "input")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, live={"url": LIVE, "do": says(1.4, 10)})
            await open_session(watch, name="anna", url=f"ws://{SERVER}:8081/", open_timeout=4.0)
            await open_session(watch, name="bert", url=f"stomp+ws://{SERVER}:8082/", open_timeout=4.0)
            await over(watch, "anna", "bert")
            await leave(watch, "live", status=3)
    assert {watch.the("end", name)["how"] for name in ("anna", "bert")} == {"timeout"}
    recorder.keep("dove-timeout-security-group-two", watch)


async def test_an_instance_has_no_public_way_back(recorder: Recorder) -> None:
    """The new instance's answers leave by nothing: its default route is missing. The old one is well. SockJS polls."""
    with routed() as hosts, elsewhere(hosts):
        hosts.start_node()
        hosts.server.ip("route", "del", "default")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, old={"url": THERE, "do": says(1.2, 8)})
            page = {"url": f"http://{SERVER}:8080/echo", "sockjs_transport": "xhr-polling", "open_timeout": 3.6}
            await open_session(watch, name="new", **page)
            await over(watch, "new")
            await leave(watch, "old", status=3)
    assert watch.the("end", "new")["how"] == "timeout"
    recorder.keep("dove-timeout-instance-without-a-way-back-sockjs", watch)


async def test_a_proxy_at_the_wrong_port(start: Starter, recorder: Recorder) -> None:
    """The system's proxy setting is left from another office, where nobody is now; who needs none is let in."""
    server = start(NodeWs)
    (nobody,) = free_ports(1)
    laptop = ws(server.port, proxy=f"http://{LOOPBACK}:{nobody}")
    watch = await refused({"laptop": laptop}, after=1.0, before=0.8, desk=ws(server.port, do=says(1.0, 4)))
    recorder.keep("dove-refused-proxy-of-another-office", watch)
