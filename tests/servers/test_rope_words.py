"""Words that break rules, of clients and of servers, one who says too much, and much that looks bad and is well."""

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, seen
from tests.servers.apache import Apache
from tests.servers.asgi_hosts import Daphne
from tests.servers.between import Table, says, staged, stomp, ws, wss
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import ANNA, beaten
from tests.servers.jvm import Artemis, Jetty
from tests.servers.lesser import Hitch, Varnish
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import Rules
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def spoken(watch: Watch, name: str, count: int) -> None:
    """Returns once so many messages have come in."""
    await seen(watch, "frame", name, dir="in", opcode=1, count=count)


async def test_a_bot_says_too_much(start: Starter, recorder: Recorder) -> None:
    """Six messages a second are the bot's at most; it is told so by 1008. Who asks now and then stays. By Apache."""
    server = start(Rules, rate={"most": 6, "end": [1008, "rate limit exceeded: 6 msg/s"]})
    apache = start(Apache, server.port)
    tables = {
        "user": ws(apache.port, do=says(1.1, 5)),
        "bot": ws(apache.port, do=["0.6 send hi", "1.5 send hi", *(f"{2.6 + n / 50:.2f} send hi" for n in range(9))]),
    }
    watch = await staged(tables, "bot")
    assert watch.the("close", "bot")["code"] == 1008
    recorder.keep("rope-apache-too-many-messages-1008", watch)


async def test_a_device_sets_a_reserved_bit(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Its firmware compresses where nothing of it was agreed; Daphne minds it. Another device is well. By hitch."""
    server = start(Daphne)
    hitch = start(Hitch, server.port, certificate)
    table = wss(hitch.port, certificate, no_compression=True)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "new", 3)
        await ask(watch, "raw-frame c1850102030473676f6b2f", "new")

    tables = {"old": table | {"do": says(1.2, 6)}, "new": table | {"do": says(0.7, 3)}}
    watch = await staged(tables, "new", strike=strike, stage="tls")
    assert watch.the("close", "new")["initiator"] == "remote"
    recorder.keep("rope-hitch-daphne-device-sets-rsv1", watch)


async def test_a_server_masks(start: Starter, recorder: Recorder) -> None:
    """A home-made relay hands a client's frame on as it came, mask and all; the other's answers are in order."""

    async def relay(user: str, client: ServerConnection, message: str | bytes) -> None:
        if str(message) == "history":
            client.transport.write(bytes.fromhex("81850102030469676f686e"))
        else:
            await client.send(message)

    async with house(relay) as app:
        haproxy = start(HaProxy, app.port)

        async def strike(watch: Watch) -> None:
            await spoken(watch, "anna", 3)
            await ask(watch, "send history", "anna")

        tables = {
            "bert": ws(haproxy.port, "/?user=bert", do=says(1.1, 5)),
            "anna": ws(haproxy.port, "/?user=anna", do=says(0.8, 3)),
        }
        watch = await staged(tables, "anna", strike=strike)
    recorder.keep("rope-haproxy-relay-hands-on-a-masked-frame", watch)


async def test_a_ticket_printer_speaks_latin_1(start: Starter, recorder: Recorder) -> None:
    """A printer says a guest's name in Latin-1 in a text message; Jetty minds. Another printer is well. By Varnish."""
    server = start(Jetty)
    varnish = start(Varnish, server.port)

    async def strike(watch: Watch) -> None:
        await spoken(watch, "hall2", 3)
        await ask(watch, "raw-frame 8187000000004dfc6c6c657220", "hall2")

    tables = {
        "hall1": ws(varnish.port, "/live?user=hall1", do=says(1.3, 6)),
        "hall2": ws(varnish.port, "/live?user=hall2", do=says(0.9, 3, "send ticket A17")),
    }
    watch = await staged(tables, "hall2", strike=strike)
    assert watch.the("close", "hall2")["initiator"] == "remote"
    recorder.keep("rope-varnish-jetty-printer-in-latin-1", watch)


async def test_an_old_database_answers(start: Starter, recorder: Recorder) -> None:
    """What an old program reads from its database it sends as text, and one name there is in GB 18030; by HAProxy."""

    async def lookup(user: str, client: ServerConnection, message: str | bytes) -> None:
        name = "张伟".encode("gb18030") if str(message) == "find 4711" else str(message).encode()
        client.transport.write(bytes([0x81, len(name)]) + name)

    async with house(lookup, compression=None) as app:
        haproxy = start(HaProxy, app.port)

        async def strike(watch: Watch) -> None:
            await spoken(watch, "desk", 3)
            await ask(watch, "send find 4711", "desk")

        tables = {
            "other": ws(haproxy.port, "/?user=other", do=says(1.2, 5, "send find 12")),
            "desk": ws(haproxy.port, "/?user=desk", do=says(0.8, 3, "send find 3")),
        }
        watch = await staged(tables, "desk", strike=strike)
    assert watch.the("close", "desk")["sent"]["code"] == 1007
    recorder.keep("rope-haproxy-server-answers-in-gb18030", watch)


async def test_four_kinds_of_silence(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """One listens, one says much at once and stops for a second, one polls in vain, one is beaten to: all are well."""
    server, sockjs_node = start(NodeWs, pingEvery=1900), start(SockJsNode, heartbeat_delay=2300)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "broker", 2)
        await spoken(watch, "burst", 12)
        await ask(watch, "freeze 1.2", "burst")
        await beaten(watch, "broker", 1)
        await seen(watch, "frame", "burst", opcode=9, dir="in", count=3)

    tables: dict[str, Table] = {
        "quiet": ws(server.port),
        "burst": ws(server.port, no_compression=True, do=[f"{2.2 + n / 40:.2f} send burst {n}" for n in range(12)]),
        "stream": {"url": f"http://{LOOPBACK}:{sockjs_node.port}/echo", "sockjs_transport": "xhr-polling"},
        "broker": stomp(artemis.port, "2100,2100", ANNA),
    }
    watch = await staged(tables, strike=strike, status=0)
    recorder.keep("rope-four-kinds-of-silence-all-well", watch)
