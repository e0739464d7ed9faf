"""Sessions that are ended on purpose, from here or from there, and some that only look as if they would end."""

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, probing, seen
from tests.servers.apache import Apache
from tests.servers.between import Table, opened, says, sockjs, staged, stomp, ws, wss
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.frozen import frozen
from tests.servers.house import house
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis, Vertx
from tests.servers.lesser import Hitch, Nghttpx, Redir
from tests.servers.lines import beaten, leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.node_apps import Rules
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.starting import Starter
from tests.servers.toxiproxy import Toxiproxy
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_webinar_is_over(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Behind hitch: the host ends it, two of its guests get 1000; one in another room talks on."""
    guests: dict[str, ServerConnection] = {}

    async def room(name: str, client: ServerConnection, message: str | bytes) -> None:
        guests[name] = client
        await client.send(f"{name}: {message!s}")

    async with house(room, ping_interval=4.3) as app:
        front = start(Hitch, app.port, certificate)
        base = wss(front.port, certificate, do=says(1.3, 5, "send a question"))
        tables = {name: base | {"url": f"{base['url']}?user={name}"} for name in ("anna", "bert", "carl")}
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, **tables)
            for name in tables:
                await seen(watch, "frame", name, dir="in", opcode=1, count=2)
            for name in ("anna", "bert"):
                await guests[name].send("the webinar is over, thank you for coming")
            for name in ("anna", "bert"):
                await guests[name].close(1000)
            await looked(watch, "anna", "bert", stage="tls")
            await seen(watch, "frame", "carl", dir="in", opcode=1, count=3)
            assert {line["s"] for line in watch.of("close")} == {"anna", "bert"}
            await watch.finish()
    for name in ("anna", "bert"):
        assert_said(watch.the("close", name), 1000)
    recorder.keep("beat-hitch-webinar-over-1000", watch)


async def test_a_shift_ends(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Vert.x, STOMP over WebSocket behind Envoy with TLS: DISCONNECT and its RECEIPT; a colleague stays."""
    server = start(Vertx)
    proxy = start(Envoy, server.port, certificate=certificate, route={"timeout": "0s", "idle_timeout": "60s"})
    base: Table = {"url": f"stomp+wss://localhost:{proxy.port}/stomp", "cacert": str(certificate.ca)}
    base |= {"heart_beat": "2600,2600", "subscribe": ["orders"]}
    watch = await staged(
        {
            "stays": base,
            "leaves": base | {"do": [*says(0.9, 3, "stomp-send orders done"), "3.6 disconnect"]},
        },
        "leaves",
        status=0,
    )
    assert watch.the("close", "leaves")["asked"] is True
    recorder.keep("beat-envoy-vertx-shift-ends", watch)


async def test_a_lot_is_sold(start: Starter, recorder: Recorder) -> None:
    """Node's ws behind nghttpx: the application closes the bidder with 4310 and says why; a watcher stays."""
    server = start(Rules)
    proxy = start(Nghttpx, server.port)
    bids = [*says(0.7, 3, "send bid 40"), "3.3 send end 4310 lot 17 sold"]
    watch = await staged(
        {
            "watcher": ws(proxy.port, "/?user=watcher", do=says(1.7, 6)),
            "bidder": ws(proxy.port, "/?user=bidder", do=bids),
        },
        "bidder",
    )
    assert_said(watch.the("close", "bidder"), 4310, "lot 17 sold")
    recorder.keep("beat-nghttpx-lot-sold-4310", watch)


async def test_a_kitchen_closes(start: Starter, recorder: Recorder) -> None:
    """sockjs-node over XHR streaming behind Apache: its application says c[3501] to a lone display."""
    server = start(SockJsNode, heartbeat_delay=2600)
    proxy = start(Apache, server.port)
    words = [*says(0.9, 3, "send plate"), "3.4 send close 3501 kitchen closed for today"]
    watch = await staged({"kitchen": sockjs(proxy.port, "xhr-streaming", do=words)}, "kitchen", stage="http")
    close = watch.the("close", "kitchen")
    assert (close["code"], close["reason"]) == (3501, "kitchen closed for today")
    recorder.keep("beat-apache-sockjs-stream-3501-lone", watch)


async def test_an_importer_is_aborted(start: Starter, recorder: Recorder) -> None:
    """Artemis, STOMP over TCP behind redir: the importer's socket is closed here in mid-work, without DISCONNECT."""
    broker = start(Artemis)
    way = start(Redir, broker.port)
    base = stomp(way.port, "1900,1900", ANNA)
    watch = await staged(
        {
            "importer": base | {"do": [*says(0.5, 3, "stomp-send q row"), "3.2 abort"]},
            "reader": base | {"subscribe": ["q"]},
        },
        "importer",
        status=0,
    )
    assert watch.the("close", "importer")["initiator"] == "local"
    recorder.keep("beat-redir-artemis-importer-aborted", watch)


async def test_a_script_resets(start: Starter, recorder: Recorder) -> None:
    """Node's ws behind socat: a script that is done resets its socket; another one goes on."""
    server = start(NodeWs)
    way = start(Socat, server.port)
    watch = await staged(
        {
            "script": ws(way.port, do=[*says(0.8, 3, "send hello"), "3.9 reset"]),
            "page": ws(way.port, do=says(1.9, 7, "send hello")),
        },
        "script",
        status=0,
    )
    assert watch.the("close", "script")["initiator"] == "local"
    recorder.keep("beat-socat-node-reset-by-a-script", watch)


async def test_a_line_with_jitter(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """RabbitMQ, STOMP over TCP: every byte from it is late by up to 3.7 s; both sessions are well."""
    way = start(Toxiproxy, broker.stomp_port)
    base = stomp(way.port, "2100,2100")
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, first=base, second=base | {"do": says(1.7, 8, "stomp-send /queue/beat.jitter x")})
        await beaten(watch, 1, "first")
        way.poison("latency", latency=1900, jitter=1800)
        await beaten(watch, 4, "first", "second")
        way.cure("latency")
        await beaten(watch, 1, "first", "second")
        await leave(watch, "first", "second", status=0)
    recorder.keep("beat-toxiproxy-jitter-and-well", watch)


async def test_words_that_sound_like_an_end(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Behind Envoy with TLS: messages speak of timeouts and of closing; one session naps 2.7 s, one hardly talks.

    A third has connected anew.
    """
    lines = (
        {"type": "error", "code": 4001, "message": "payment provider timed out, trying again"},
        {"type": "close", "reason": "the position is closed"},
        {"type": "notice", "text": "connection to warehouse 7 lost; rate limit at 93 %"},
        {"type": "auth", "expires_in": 3},
        {"type": "disconnect", "user": "carl", "reason": "session expired"},
    )

    async def alarms(_: str, client: ServerConnection, message: str | bytes) -> None:
        for line in lines:
            await client.send(json.dumps(line))
            await asyncio.sleep(0.6)

    async with house(alarms, ping_interval=2.1, ping_timeout=9) as app:
        proxy = start(Envoy, app.port, certificate=certificate, route={"timeout": "0s", "idle_timeout": "60s"})
        base = wss(proxy.port, certificate)
        tables = {name: base | {"url": f"{base['url']}?user={name}"} for name in ("naps", "quiet", "anew")}
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, **tables)
            await ask(watch, "reconnect", "anew")
            await seen(watch, "open", "anew", count=2)
            for name in ("naps", "anew"):
                await ask(watch, "send watch", name)
            await seen(watch, "frame", "naps", dir="in", opcode=1, count=3)
            await ask(watch, "freeze 2.7", "naps")
            await seen(watch, "frame", "naps", dir="in", opcode=1, count=5)
            await seen(watch, "frame", "quiet", dir="in", opcode=9, count=3)
            await leave(watch, "naps", "quiet", status=0)
    assert len(watch.of("close", "anew")) == 2
    recorder.keep("beat-envoy-words-of-closing-and-well", watch)


async def test_a_short_nap(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """The laptop stands still for 3.6 s; RabbitMQ, Artemis and a SockJS poller forgive it, and all go on."""
    artemis, node = start(Artemis), start(SockJsNode, heartbeat_delay=25000, disconnect_delay=9000)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            rabbit=stomp(broker.stomp_port, "3700,3700"),
            artemis={"url": artemis.ws_url, "heart_beat": "4100,4100"} | ANNA,
            poller=sockjs(node.port, "xhr-polling", do=says(2.3, 24, "send hello")),
        )
        await beaten(watch, 1, "rabbit", "artemis")
        with frozen(watch.process.pid):
            await asyncio.sleep(3.6)  # the nap
        await seen(watch, "stall")
        replies = len(watch.of("sockjs", "poller", dir="in", kind="a"))
        await seen(watch, "sockjs", "poller", dir="in", kind="a", count=replies + 1)
        await beaten(watch, 1, "rabbit", "artemis")
        await leave(watch, "rabbit", "artemis", "poller", status=0)
    recorder.keep("beat-short-nap-of-a-laptop-and-well", watch)
