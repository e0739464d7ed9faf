"""Sessions that somebody ends on purpose, queues that are taken or go, sessions that run out, and two that are well."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, probing, seen
from tests.servers.between import Table, opened, says, staged, stomp, stomps, web_stomp, ws, wss
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import ANNA, CREW, GUEST, subscribe
from tests.servers.jvm import Artemis
from tests.servers.lesser import Hitch, Rinetd, Varnish
from tests.servers.lines import beaten, echoed, leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.python_apps import CoilMq
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

NEWS = (
    "1006 abnormal closure from till 4",
    "ERROR connection reset by peer (104)",
    "heart-beat missed, closing session",
    "503 Service Unavailable: broker not available",
)


def close_user(broker: RabbitMq, user: str, reason: str) -> None:
    """Closes the connection of a user, as a click in the broker's management page does."""
    told = 'lists:flatten(io_lib:format("~p", [C]))'
    found = f'[element(6, C) || C <- rabbit_connection_tracking:list(), string:find({told}, "{user}") =/= nomatch]'
    broker.ctl("eval", f'[Pid] = {found}, amqp_direct_connection:server_close(Pid, 320, <<"{reason}">>).')


async def test_one_is_closed_by_hand(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A batch that fills the memory is closed by the one on call, behind rinetd; another user's session beats on."""
    for order in (("add_user", "bulk17", "crew"), ("set_permissions", "bulk17", ".*", ".*", ".*")):
        await asyncio.to_thread(broker.ctl, *order)
    rinetd = start(Rinetd, broker.stomp_port)

    async def strike(watch: Watch) -> None:
        await beaten(watch, 2, "desk")
        await asyncio.to_thread(close_user, broker, "bulk17", "memory alarm: stopped by on-call (K. Lehmann)")

    batch = {"login": "bulk17", "passcode": "crew", "vhost": "/"}
    tables = {
        "desk": web_stomp(broker.port, "2800,2800"),
        "batch": stomp(rinetd.port, "0,0", batch, do=says(0.9, 6, "stomp-send /topic/bulk row")),
    }
    try:
        watch = await staged(tables, "batch", strike=strike)
    finally:
        await asyncio.to_thread(broker.ctl, "delete_user", "bulk17")
    recorder.keep("dock-rinetd-rabbitmq-closed-by-hand", watch)


async def test_an_administrator_disconnects_one(start: Starter, recorder: Recorder) -> None:
    """4000 from the operators' page of a python application behind Varnish; the other user goes on."""
    async with house() as app:
        varnish = start(Varnish, app.port)

        async def strike(watch: Watch) -> None:
            await echoed(watch, 4, "carl")
            await app.clients["carl"].close(4000, "Disconnected by administrator")

        tables = {name: ws(varnish.port, f"/?user={name}", do=says(0.8, 6)) for name in ("dora", "carl")}
        watch = await staged(tables, "carl", strike=strike)
    assert_said(watch.the("close", "carl"), 4000, "Disconnected by administrator")
    recorder.keep("dock-varnish-administrator-disconnects-4000", watch)


async def test_the_job_of_yesterday(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """It still has the queue for itself, by stunnel; today's job comes to the plain port and reads it too."""
    front = start(Stunnel, broker.stomp_port, certificate)
    headers = r"destination:/queue/dock.nightly\nexclusive:true\nauto-delete:true\nreceipt:in"
    own = rf"stomp-frame SUBSCRIBE\nid:1\n{headers}\n\n\0"
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, yesterday=stomps(front.port, "2700,2700", certificate, GUEST))
        await ask(watch, own, "yesterday")
        await seen(watch, "stomp", "yesterday", command="RECEIPT")
        await opened(watch, today=stomp(broker.stomp_port, "3100,3100"))
        await beaten(watch, 1, "today")
        await ask(watch, "subscribe /queue/dock.nightly", "today")
        await looked(watch, "today")
        await beaten(watch, 1, "yesterday")
        await leave(watch, "yesterday", status=1)
    recorder.keep("dock-stunnel-rabbitmq-yesterdays-job-has-the-queue", watch)


async def test_a_queue_goes_under_two(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A wall and a till read a queue that is deleted in a clean-up; the third one reads another."""
    haproxy = start(HaProxy, broker.port, certificate=certificate)
    wall: Table = {"url": f"stomp+wss://localhost:{haproxy.port}/ws", "cacert": str(certificate.ca)} | GUEST

    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            wall=wall | {"heart_beat": "3300,3300"},
            till=stomp(broker.stomp_port, "0,0"),
            kitchen=stomp(broker.stomp_port, "2900,2900"),
        )
        for name, queue in (("wall", "dock.orders"), ("till", "dock.orders"), ("kitchen", "dock.meals")):
            await subscribe(watch, name, f"/queue/{queue}")
        await beaten(watch, 1, "kitchen")
        await asyncio.to_thread(broker.ctl, "delete_queue", "dock.orders")
        for name in ("wall", "till"):
            await seen(watch, "stomp", name, command="ERROR")
        await beaten(watch, 1, "kitchen", "wall")
        await leave(watch, "wall", "till", "kitchen")
    recorder.keep("dock-haproxy-rabbitmq-queue-deleted-under-two", watch)


async def test_a_poller_comes_too_late(start: Starter, recorder: Recorder) -> None:
    """Spring forgets a SockJS session after 1.5 s without a poll; a tab slept for six. The streaming one is well."""
    spring = start(Spring, sockjs_heart_beat=2500, sockjs_disconnect_delay=1500, heart_beat="0,0")
    nginx = start(Nginx, spring.port)
    base: Table = {"url": f"stomp+http://localhost:{nginx.port}/sockjs", "heart_beat": "0,0"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            stream=base | {"sockjs_transport": "xhr-streaming", "do": says(1.9, 9, "stomp-send /app/x 1")},
            poller=base | {"sockjs_transport": "xhr-polling"},
        )
        await seen(watch, "sockjs", "poller", dir="in", kind="h")
        await ask(watch, "pause-polling 6", "poller")
        await looked(watch, "poller")
        await leave(watch, "stream", status=1)
    recorder.keep("dock-nginx-spring-poller-comes-too-late", watch)


async def test_the_login_has_a_timeout(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A long form: the web session behind the socket has run out and the application says so; Envoy with TLS."""
    async with house() as app:
        envoy = start(Envoy, app.port, certificate=certificate)

        async def strike(watch: Watch) -> None:
            await echoed(watch, 3, "list")
            await app.clients["form"].close(4440, "Session expired after 20 minutes of inactivity. Sign in again.")

        table = wss(envoy.port, certificate)
        tables = {
            "list": table | {"url": f"wss://localhost:{envoy.port}/?user=list", "do": says(0.9, 6)},
            "form": table | {"url": f"wss://localhost:{envoy.port}/?user=form", "do": ["0.4 send draft"]},
        }
        watch = await staged(tables, "form", strike=strike)
    assert watch.the("close", "form")["code"] == 4440
    recorder.keep("dock-envoy-login-timeout-4440", watch)


async def test_an_export_is_complete(start: Starter, recorder: Recorder) -> None:
    """The server has sent all rows and closes with 1000; the page that listens stays. Behind Envoy."""

    async def exports(name: str, client: ServerConnection, message: str | bytes) -> None:
        if name != "export":
            return await client.send(message)
        for part in range(1, 6):
            await client.send(f'{{"rows":{part * 2000},"progress":{part * 20}}}')
            await asyncio.sleep(0.6)
        return await client.close(1000, "export complete")

    async with house(exports) as app:
        envoy = start(Envoy, app.port)
        tables = {
            "page": ws(envoy.port, "/?user=page", do=says(1.0, 6)),
            "export": ws(envoy.port, "/?user=export", do=["0.3 send start orders-2026-11"]),
        }
        watch = await staged(tables, "export")
    assert_said(watch.the("close", "export"), 1000, "export complete")
    recorder.keep("dock-envoy-export-is-complete", watch)


async def test_a_shift_disconnects(start: Starter, recorder: Recorder) -> None:
    """Somebody goes home: DISCONNECT with a receipt, over TCP, and CoilMQ ends it; the next shift is there already."""
    broker = start(CoilMq)
    table = stomp(broker.port, "0,0", CREW, stomp_version="1.0,1.1")

    async def strike(watch: Watch) -> None:
        await asyncio.sleep(2.6)
        await ask(watch, "disconnect", "shift")

    tables = {
        "next": table | {"do": says(1.3, 4, "stomp-send /queue/log on")},
        "shift": table | {"do": says(0.8, 2, "stomp-send /queue/log off")},
    }
    watch = await staged(tables, "shift", strike=strike, status=0)
    recorder.keep("dock-coilmq-shift-disconnects", watch)


async def test_a_table_is_closed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A game's own code for two of its players when the third has left the table; another table plays on."""
    async with house() as app:
        hitch = start(Hitch, app.port, certificate)

        async def strike(watch: Watch) -> None:
            await echoed(watch, 3, "anna")
            for name in ("anna", "bert"):
                await app.clients[name].close(3010, "table 12 closed: not enough players")

        table = wss(hitch.port, certificate)
        pace = {"anna": 0.7, "bert": 1.1, "carl": 0.9}
        tables = {
            name: table | {"url": f"wss://localhost:{hitch.port}/?user={name}", "do": says(every, 5, "send call")}
            for name, every in pace.items()
        }
        watch = await staged(tables, "anna", "bert", strike=strike)
    for name in ("anna", "bert"):
        assert_said(watch.the("close", name), 3010, "table 12 closed: not enough players")
    recorder.keep("dock-hitch-table-is-closed-3010", watch)


async def test_news_of_failures(start: Starter, recorder: Recorder) -> None:
    """What a monitor tells its reader over Artemis is full of failures, of other things; both sessions are well."""
    artemis = start(Artemis)
    base: Table = {"heart_beat": "1500,1500"} | ANNA
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, reader=base | {"url": artemis.ws_url}, monitor=base | {"url": artemis.tcp_url})
        await subscribe(watch, "reader", "/queue/alerts")
        for number, words in enumerate(NEWS, 1):
            await ask(watch, f"stomp-send /queue/alerts {words}", "monitor")
            await seen(watch, "stomp", "reader", command="MESSAGE", count=number)
            await beaten(watch, 1, "reader")
        await leave(watch, "reader", "monitor", status=0)
    recorder.keep("dock-artemis-news-of-failures-and-well", watch)


async def test_a_quiet_night(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A watchman's page and a till of STOMP without beats say one word and nothing for ten seconds; then one more."""
    page, broker = start(NodeWs), start(CoilMq)
    nginx, stunnel = start(Nginx, page.port), start(Stunnel, broker.port, certificate)
    till = stomps(stunnel.port, "0,0", certificate, CREW, stomp_version="1.0,1.1")
    night = {"do": ["0.7 stomp-send /queue/log in", "11.2 stomp-send /queue/log still here"]}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, watchman=ws(nginx.port, do=["0.5 send in", "10.9 send still here"]), till=till | night)
        await seen(watch, "frame", "watchman", dir="in", opcode=1, count=2)
        await seen(watch, "stomp", "till", dir="out", command="SEND", count=2)
        await leave(watch, "watchman", "till", status=0)
    recorder.keep("dock-quiet-night-and-well", watch)
