"""Plain words for stunnel, a SOCKS proxy whose target refuses, and what home-made STOMP servers answer."""

import pytest
from websockets.asyncio.server import ServerConnection

from tests.servers.between import Table, says, stomp, ws
from tests.servers.forward import Socks
from tests.servers.homely import deliver, refuse, stomping
from tests.servers.house import house
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.pond import refusals, run
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_plain_words_for_stunnel(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """``ws:`` where stunnel wants TLS, one alone."""
    stunnel = start(Stunnel, start(NodeWs).port, certificate)
    recorder.keep("tuna-tls-expected-stunnel", await refusals({"plain": ws(stunnel.port)}))


async def test_socks_finds_nobody(start: Starter, recorder: Recorder) -> None:
    """Nobody listens where a SOCKS proxy is told to lead; it leads another well."""
    (dead,) = free_ports(1)
    app = start(NodeWs)
    way = f"socks5://{LOOPBACK}:{start(Socks).port}"
    refused = {"dead": stomp(dead, "9000,9000", proxy=way)}
    watch = await refusals(refused, live=ws(app.port, proxy=way, do=says(1.1, 4)))
    recorder.keep("tuna-proxy-socks-target-refuses", watch)


async def test_a_destination_misspelt(recorder: Recorder) -> None:
    """A home-made server says ERROR and 1002 to who sends to a queue that it does not have; another is well."""

    async def rule(user: str, client: ServerConnection, frame: str | bytes) -> None:
        if user == "app":
            await refuse(client, "destination not found", "No destination /queue/odrers")
        else:
            await deliver(client, "/queue/orders", "ok")

    async with house(stomping(rule, "homely/1.3"), ping_interval=None, subprotocols=["v12.stomp"]) as shop:

        def at(user: str, do: list[str]) -> Table:
            url = f"stomp+ws://{LOOPBACK}:{shop.port}/stomp?user={user}"
            return {"url": url, "heart_beat": "0,0", "login": user, "passcode": "x", "do": do}

        tables = {
            "other": at("other", says(1.0, 4, "stomp-send /queue/orders 1")),
            "app": at("app", ["0.9 stomp-send /queue/odrers 1"]),
        }
        watch = await run(tables, "app")
    recorder.keep("tuna-homely-no-such-destination", watch)


async def test_an_answer_that_is_no_stomp(recorder: Recorder) -> None:
    """A home-made server says WELCOME, which is no command, to a CONNECT over TCP."""

    def script(client: Connection) -> None:
        client.read_stomp()
        client.send(b"WELCOME\nversion:1.2\n\n\0")
        client.read_to_end()

    with ScriptedServer(script) as server:
        watch = await refusals({"app": {"url": server.stomp_url, "heart_beat": "0,0", "open_timeout": 4}})
    recorder.keep("tuna-stomp-answer-broken-command", watch)
