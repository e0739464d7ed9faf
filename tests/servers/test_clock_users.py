"""Who may stay: newer logins, sessions and tokens that run out, logins that never come, subscriptions taken away."""

import asyncio
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.between import (
    TCP,
    Table,
    opened,
    says,
    staged,
    stomp,
    stomps,
    web_stomp,
    wss,
)
from tests.servers.endings import assert_said
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.looks import every, looked, watched
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring, sessions
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_spring_boot_logins import LOGIN_PAGE, asked
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDERS = "stomp-send /topic/orders one more"


def user(base: Table, name: str, **options: object) -> Table:
    """A session of that user."""
    return base | {"url": f"{base['url']}?user={name}"} | options


async def test_a_login_on_another_desk(start: Starter, recorder: Recorder) -> None:
    """Spring over polling, through HAProxy: the older session of the same login gets a code of its application."""
    spring = start(Spring, one_session="4101/Logged in elsewhere", heart_beat="2700,2700")
    proxy = start(HaProxy, spring.port, tunnel=30)
    words = [*sessions(proxy.port, "xhr-polling", "old", "new"), "--stagger", "3.1", "--login", "anna"]
    words += ["--heart-beat", "2700,2700", *every(1.3, ORDERS, 3, "old")]
    watch = await watched(words, ("old",))
    close = watch.the("close", "old")
    assert (close["code"], close["initiator"]) == (4101, "remote")
    recorder.keep("clock-haproxy-polling-logged-in-elsewhere", watch)


async def test_two_tabs_that_take_the_seat_from_each_other(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """The desk comes back by itself after the phone's login, and so the phone is sent away too."""
    server = start(
        NodeEndings, cert=str(certificate.chain), key=str(certificate.key), one=[4008, "another connection was opened"]
    )
    base = wss(server.port, certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=user(base, "bert", do=says(1.4, 6)))
        await opened(watch, desk=user(base, "anna", reconnect=True, do=says(0.9, 3)))
        await seen(watch, "frame", "desk", dir="in", opcode=1, count=2)
        await opened(watch, phone=user(base, "anna"))
        await looked(watch, "desk", "phone")
        await seen(watch, "open", "desk", count=2)
        await ask(watch, "send back at my desk", "desk")
        assert await watch.finish() == 1
    assert_said(watch.of("close", "desk")[0], 4008, "another connection was opened")
    assert_said(watch.the("close", "phone"), 4008, "another connection was opened")
    recorder.keep("clock-wss-two-tabs-one-seat", watch)


async def test_one_http_session_runs_out(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """SockJS through nginx with TLS; a colleague signed in for longer and stays."""
    spring = start(Spring, options=LOGIN_PAGE, door="401", heart_beat="3700,3700")
    proxy = start(Nginx, spring.port, 30, certificate)
    short, long = await asked(spring, "/login?seconds=5"), await asked(spring, "/login?seconds=900")
    base = {"url": f"stomp+https://localhost:{proxy.port}/sockjs", "sockjs_transport": "websocket"}
    base |= {"cacert": str(certificate.ca), "heart_beat": "3700,3700"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        for name, cookie in (("short", short), ("long", long)):
            words = says(1.6, 8, ORDERS)
            assert (await open_session(watch, name=name, cookie=[cookie], do=words, **base))["ok"]
        for name in ("short", "long"):
            await seen(watch, "stomp", name, command="CONNECTED")
        await looked(watch, "short")
        assert not watch.of("close", "long")
        assert await watch.finish() == 1
    assert watch.the("close", "short")["code"] == 1008
    recorder.keep("clock-nginx-http-session-ran-out", watch)


async def test_a_tab_that_was_in_the_background(start: Starter, recorder: Recorder) -> None:
    """It did not poll for longer than Spring keeps its SockJS session; a stream beside it goes on, through nginx."""
    spring = start(Spring, sockjs_disconnect_delay=1700, heart_beat="", sockjs_heart_beat=2400)
    proxy = start(Nginx, spring.port, 30, rules="proxy_buffering off;")
    base = {"url": f"stomp+http://{LOOPBACK}:{proxy.port}/sockjs", "heart_beat": "0,0"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        for name, transport in (("tab", "xhr-polling"), ("stream", "xhr-streaming")):
            assert (await open_session(watch, name=name, sockjs_transport=transport, **base))["ok"]
            await seen(watch, "stomp", name, command="CONNECTED")
        await ask(watch, "subscribe /topic/orders", "stream")
        await ask(watch, ORDERS, "tab")
        await ask(watch, "pause-polling 5.2", "tab")
        await looked(watch, "tab")
        await ask(watch, ORDERS, "stream")
        await seen(watch, "stomp", "stream", command="MESSAGE")
        assert await watch.finish() == 1
    recorder.keep("clock-nginx-tab-did-not-poll", watch)


async def test_a_jwt_runs_out(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The session lives as long as its token, however busy it is."""
    server = start(NodeWs, tokenLasts=5300, tokenEnd=[4003, "jwt expired"])
    proxy = start(HaProxy, server.port, tunnel=30, certificate=certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, morning=wss(proxy.port, certificate, do=says(0.8, 7)))
        await looked(watch, "morning", stage="http")
        assert await watch.finish() == 1
    assert_said(watch.the("close", "morning"), 4003, "jwt expired")
    recorder.keep("clock-haproxy-jwt-expired-4003", watch)


async def test_a_stomp_error_says_that_the_token_is_too_old(
    certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """A home-made STOMP server looks at the token at each SEND. Behind stunnel."""
    since: dict[str, float] = {}

    async def broker(name: str, client: ServerConnection, message: str | bytes) -> None:
        now, frame = asyncio.get_running_loop().time(), str(message)
        if frame.startswith("CONNECT"):
            since[name] = now
            await client.send("CONNECTED\nversion:1.2\nheart-beat:0,0\nserver:home/1.4\n\n\0")
        elif frame.startswith("SEND") and now - since[name] > 3.3:
            await client.send("ERROR\nmessage:Access token expired\ncontent-type:text/plain\n\nPlease sign in again.\0")
            await client.close(1008, "token expired")

    async with house(broker, ping_interval=None, subprotocols=["v12.stomp"]) as app:
        front = start(Stunnel, app.port, certificate)
        base = {"url": f"stomp+wss://localhost:{front.port}/", "cacert": str(certificate.ca), "heart_beat": "0,0"}
        watch = await staged(
            {
                "desk": user(base, "desk", do=says(1.2, 6, "stomp-send /queue/jobs print")),
            },
            "desk",
        )
    assert watch.the("close", "desk")["error"] == "Access token expired"
    recorder.keep("clock-stunnel-stomp-error-token-expired", watch)


@pytest.fixture
def impatient(broker: RabbitMq) -> Iterator[RabbitMq]:
    """The broker, which wants a login on its TCP ports within 4.1 seconds; 10 otherwise."""
    broker.ctl("eval", "application:set_env(rabbitmq_stomp, login_timeout, 4100).")
    yield broker
    broker.ctl("eval", "application:unset_env(rabbitmq_stomp, login_timeout).")


async def test_a_script_that_forgot_to_log_in(
    impatient: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Through HAProxy, which ends TLS; a till that has logged in sells on."""
    proxy = start(HaProxy, impatient.stomp_port, client=30, certificate=certificate, options=TCP)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, till=stomps(proxy.port, "2100,2100", certificate))
        script = stomps(proxy.port, "2100,2100", certificate, no_stomp_connect=True)
        assert (await open_session(watch, name="script", **script))["ok"]
        await looked(watch, "script", stage="tls")
        await ask(watch, "stomp-send /queue/sales 9", "till")
        assert await watch.finish() == 1
    assert watch.the("close", "script")["initiator"] == "remote"
    recorder.keep("clock-haproxy-stomps-forgot-to-log-in", watch)


async def test_a_page_that_never_connects(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Spring looks for a first message when the next client comes; the page's socket is open, its STOMP never began."""
    spring = start(Spring, heart_beat="", first_message=2600)
    proxy = start(Nginx, spring.port, 30, certificate)
    words = [*sessions(proxy.port, "websocket", "page", "next", tls=True), "--cacert", str(certificate.ca)]
    words += ["--no-stomp-connect", "--stagger", "4.3"]
    watch = await watched(words, ("page",))
    assert watch.the("close", "page")["initiator"] == "remote"
    recorder.keep("clock-nginx-page-never-connects", watch)


async def test_a_queue_is_deleted_behind_ssh(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """The reader's other subscription goes on; a writer with the broker itself is not concerned."""
    tunnel = start(SshTunnel, broker.stomp_port)
    mails = says(0.7, 4, "stomp-send /queue/clock.mail a letter")
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch, reader=stomp(tunnel.port, "1900,1900"), writer=web_stomp(broker.port, "2600,2600", do=mails)
        )
        for number, queue in enumerate(("clock.jobs", "clock.mail")):
            frame = rf"stomp-frame SUBSCRIBE\nid:{number}\ndestination:/queue/{queue}\nreceipt:{queue}\n\n\0"
            await ask(watch, frame, "reader")
        await seen(watch, "stomp", "reader", command="RECEIPT", count=2)
        await ask(watch, "stomp-send /queue/clock.jobs one", "writer")
        await seen(watch, "stomp", "reader", command="MESSAGE", count=4)
        await asyncio.to_thread(broker.ctl, "delete_queue", "clock.jobs")
        await seen(watch, "stomp", "reader", command="ERROR")
        await seen(watch, "stomp", "reader", command="MESSAGE", count=6)
        await watch.finish()
    assert watch.the("close", "reader")["error"] == "Server cancelled subscription"
    recorder.keep("clock-ssh-queue-deleted", watch)


async def test_an_operator_deletes_the_queue_of_a_page(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Web-STOMP behind nginx with TLS, one page alone; it stays connected, beats and hears no more."""
    proxy = start(Nginx, broker.port, 30, certificate)
    page = web_stomp(
        proxy.port, "1400,1400", cacert=str(certificate.ca), do=says(0.9, 3, "stomp-send /queue/clock.p x")
    )
    page["url"] = f"stomp+wss://localhost:{proxy.port}/ws"
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, page=page)
        await ask(watch, r"stomp-frame SUBSCRIBE\nid:7\ndestination:/queue/clock.p\nreceipt:in\n\n\0", "page")
        await seen(watch, "stomp", "page", command="MESSAGE", count=3)
        await asyncio.to_thread(broker.ctl, "delete_queue", "clock.p")
        await seen(watch, "stomp", "page", command="ERROR")
        beats = len(watch.of("stomp", "page", command="beat", dir="in"))
        await seen(watch, "stomp", "page", command="beat", dir="in", count=beats + 2)
        await watch.finish()
    assert watch.the("close", "page")["error"] == "Server cancelled subscription"
    recorder.keep("clock-nginx-page-queue-deleted", watch)
