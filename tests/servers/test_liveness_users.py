"""Who may stay, once more: tokens, newer logins, HTTP sessions, logins that never come, queues taken away."""

import asyncio
from contextlib import suppress

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.between import TCP, opened, says, staged, stomps, web_stomp, ws, wss
from tests.servers.endings import assert_said
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.lines import beaten
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.test_spring_boot_logins import LOGIN_PAGE, ORDERS, asked
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_token_of_one_of_two_runs_out(start: Starter, recorder: Recorder) -> None:
    """Behind nginx, plain: the till's token is good for 5.3 s and is looked at whenever it says something."""
    since: dict[str, float] = {}

    async def shop(user: str, client: ServerConnection, message: str | bytes) -> None:
        now = asyncio.get_running_loop().time()
        if user == "till" and now - since.setdefault(user, now) > 5.3:
            await client.close(4010, "access token has expired")
        else:
            await client.send(f"ok {message!s}")

    async with house(shop, ping_interval=None) as app:
        proxy = start(Nginx, app.port, 40)
        watch = await staged(
            {
                "till": ws(proxy.port, "/?user=till", do=says(1.1, 9, "send sold 1")),
                "office": ws(proxy.port, "/?user=office", do=says(1.7, 9, "send how much")),
            },
            "till",
        )
    assert_said(watch.the("close", "till"), 4010, "access token has expired")
    recorder.keep("liveness-nginx-till-token-4010", watch)


async def test_somebody_signs_in_elsewhere(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Behind HAProxy with TLS, one session alone: its user signs in on a device that is not watched."""
    inside: dict[str, ServerConnection] = {}

    async def chat(user: str, client: ServerConnection, message: str | bytes) -> None:
        if message == "sign in":
            if user in inside:
                await inside[user].close(4040, "Signed in from another location")
            inside[user] = client
        await client.send(f"you said {message!s}")

    async with house(chat, ping_interval=2.9) as app:
        proxy = start(HaProxy, app.port, tunnel=40, certificate=certificate)
        base = wss(proxy.port, certificate)
        here = base | {"url": f"{base['url']}?user=anna", "do": ["0.3 send sign in", *says(0.9, 3)]}

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "desk", dir="in", opcode=1, count=4)
            async with connect(f"ws://{LOOPBACK}:{app.port}/?user=anna") as phone:
                await phone.send("sign in")
                with suppress(TimeoutError):
                    await asyncio.wait_for(phone.recv(), 3)

        watch = await staged({"desk": here}, "desk", strike=strike, stage="http")
    assert_said(watch.the("close", "desk"), 4040, "Signed in from another location")
    recorder.keep("liveness-haproxy-signed-in-elsewhere", watch)


async def test_the_login_ran_out_under_a_stream(start: Starter, recorder: Recorder) -> None:
    """Spring over XHR streaming: the page is read for longer than its HTTP session lasts; what it then posts is 401."""
    spring = start(Spring, options=LOGIN_PAGE, door="401", heart_beat="", sockjs_heart_beat=25000)
    short, long = await asked(spring, "/login?seconds=4"), await asked(spring, "/login?seconds=900")
    base = {"url": f"stomp+http://{LOOPBACK}:{spring.port}/sockjs", "sockjs_transport": "xhr-streaming"}
    base |= {"heart_beat": "0,0"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        for name, cookie, do in (("page", short, [f"8.3 {ORDERS}"]), ("staff", long, says(2.2, 12, ORDERS))):
            assert (await open_session(watch, name=name, cookie=[cookie], do=do, **base))["ok"]
            await seen(watch, "stomp", name, command="CONNECTED")
            await ask(watch, "subscribe /topic/news", name)
        await looked(watch, "page")
        assert not watch.of("close", "staff")
        assert await watch.finish() == 1
    assert watch.of("http", "page", dir="in", status=401)
    recorder.keep("liveness-spring-stream-login-ran-out", watch)


async def test_a_stream_that_never_connects(start: Starter, recorder: Recorder) -> None:
    """Spring over XHR streaming behind nginx: the page's script fails before CONNECT; the next who comes is well."""
    spring = start(Spring, heart_beat="4100,4100", first_message=2300)
    proxy = start(Nginx, spring.port, 30, rules="proxy_buffering off;")
    url = f"stomp+http://{LOOPBACK}:{proxy.port}/sockjs"
    async with probing("--stdin", **POSTMORTEM) as watch:
        mute = {"url": url, "sockjs_transport": "xhr-streaming", "no_stomp_connect": True}
        assert (await open_session(watch, name="page", **mute))["ok"]
        await seen(watch, "sockjs", "page", kind="o")
        await asyncio.sleep(3.4)  # the fault takes its time
        await opened(watch, next={"url": url, "sockjs_transport": "websocket", "heart_beat": "4100,4100"})
        await looked(watch, "page")
        await ask(watch, ORDERS, "next")
        assert await watch.finish() == 1
    assert watch.the("close", "page")["initiator"] == "remote"
    recorder.keep("liveness-nginx-stream-never-connects", watch)


async def test_a_queue_is_deleted_under_tls(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """STOMP over TLS at HAProxy: one reader of two has its queue deleted while a message waits for its ack."""
    proxy = start(HaProxy, broker.stomp_port, client=40, certificate=certificate, options=TCP)
    base = stomps(proxy.port, "2300,3100", certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, packer=base, driver=base, clerk=web_stomp(broker.port, "2900,2900"))
        for session in ("packer", "driver"):
            frame = (
                rf"stomp-frame SUBSCRIBE\nid:a\ndestination:/queue/live.{session}\nack:client-individual\n"
                r"receipt:in\n\n\0"
            )
            await ask(watch, frame, session)
            await seen(watch, "stomp", session, command="RECEIPT")
            await ask(watch, f"stomp-send /queue/live.{session} parcel 1", "clerk")
            await seen(watch, "stomp", session, command="MESSAGE")
        await asyncio.to_thread(broker.ctl, "delete_queue", "live.packer")
        await seen(watch, "stomp", "packer", command="ERROR")
        await seen(watch, "stomp", "packer", command="ERROR")
        await ask(watch, "disconnect", "clerk")
        await seen(watch, "close", "clerk")
        await beaten(watch, 2, "packer", "driver")
        await watch.finish()
    assert watch.the("close", "packer")["error"] == "Server cancelled subscription"
    recorder.keep("liveness-haproxy-stomps-queue-deleted", watch)
