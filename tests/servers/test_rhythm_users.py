"""Who may stay: HTTP sessions, logins that never come, queues taken away, newer logins, tokens."""

import asyncio
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.between import TCP, opened, says, staged, stomp, stomps, web_stomp, ws
from tests.servers.endings import assert_said
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.lines import beaten
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node_apps import Gateway
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_spring_boot_logins import LOGIN_PAGE, ORDERS, asked
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_login_runs_out_under_polls(start: Starter, recorder: Recorder) -> None:
    """Spring behind HAProxy: polls last longer than the page's HTTP session, and the next one is answered 401.

    A colleague over WebSocket is signed in for longer.
    """
    spring = start(Spring, options=LOGIN_PAGE, door="401", heart_beat="", sockjs_heart_beat=6300)
    proxy = start(HaProxy, spring.port, tunnel=40)
    short, long = await asked(spring, "/login?seconds=3"), await asked(spring, "/login?seconds=900")
    base = {"url": f"stomp+http://{LOOPBACK}:{proxy.port}/sockjs", "heart_beat": "0,0"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        for name, cookie, transport, do in (
            ("page", short, "xhr-polling", [f"0.8 {ORDERS}"]),
            ("staff", long, "websocket", says(2.7, 9, ORDERS)),
        ):
            table = base | {"cookie": [cookie], "sockjs_transport": transport, "do": do}
            assert (await open_session(watch, name=name, **table))["ok"]
            await seen(watch, "stomp", name, command="CONNECTED")
        await looked(watch, "page")
        assert not watch.of("close", "staff")
        assert await watch.finish() == 1
    assert watch.of("http", "page", dir="in", status=401)
    recorder.keep("rhythm-haproxy-polls-login-ran-out", watch)


@pytest.fixture
def hasty(broker: RabbitMq) -> Iterator[RabbitMq]:
    """The broker, which wants a login within 2.7 seconds; 10 otherwise."""
    broker.ctl("eval", "application:set_env(rabbitmq_stomp, login_timeout, 2700).")
    yield broker
    broker.ctl("eval", "application:unset_env(rabbitmq_stomp, login_timeout).")


async def test_a_script_waits_for_its_password(
    hasty: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """RabbitMQ's STOMP over TCP, TLS at HAProxy: a lone script opens it and sends no CONNECT."""
    proxy = start(HaProxy, hasty.stomp_port, client=40, certificate=certificate, options=TCP)
    base = stomps(proxy.port, "2600,2600", certificate)
    async with probing("--stdin", **POSTMORTEM) as watch:
        assert (await open_session(watch, name="script", **base, no_stomp_connect=True))["ok"]
        await looked(watch, "script", stage="tls")
        assert await watch.finish() == 1
    assert watch.the("close", "script")["initiator"] == "remote"
    recorder.keep("rhythm-haproxy-stomps-script-waits", watch)


async def test_a_queue_with_two_readers_is_deleted(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """RabbitMQ: a page behind stunnel and a script over TCP read it; a third one reads another queue and is well."""
    front = start(Stunnel, broker.port, certificate)
    page = web_stomp(front.port, "2700,2700", cacert=str(certificate.ca))
    page["url"] = f"stomp+wss://localhost:{front.port}/ws"
    script = stomp(broker.stomp_port, "3300,3300")
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, page=page, script=script, third=script)
        for session in ("page", "script", "third"):
            queue = "rhythm.other" if session == "third" else "rhythm.prints"
            frame = rf"stomp-frame SUBSCRIBE\nid:q\ndestination:/queue/{queue}\nack:client\nreceipt:in\n\n\0"
            await ask(watch, frame, session)
            await seen(watch, "stomp", session, command="RECEIPT")
        await ask(watch, "stomp-send /queue/rhythm.other label", "third")
        await seen(watch, "stomp", "third", command="MESSAGE")
        await asyncio.to_thread(broker.ctl, "delete_queue", "rhythm.prints")
        for session in ("page", "script"):
            await seen(watch, "stomp", session, command="ERROR")
        await beaten(watch, 2, "third")
        await watch.finish()
    for session in ("page", "script"):
        assert watch.the("close", session)["error"] == "Server cancelled subscription"
    recorder.keep("rhythm-stunnel-rabbitmq-two-readers-cancelled", watch)


async def test_a_newer_login_in_words_of_stomp(start: Starter, recorder: Recorder) -> None:
    """A home-made broker behind HAProxy lets a user in once: the older one gets an ERROR that says so, and 1008."""
    inside: dict[str, ServerConnection] = {}

    async def broker(_: str, client: ServerConnection, message: str | bytes) -> None:
        frame = str(message)
        if frame.startswith("CONNECT"):
            (login,) = (line.partition(":")[2] for line in frame.splitlines() if line.startswith("login:"))
            await client.send("CONNECTED\nversion:1.2\nheart-beat:0,0\nserver:home/3.1\n\n\0")
            if login in inside:
                await inside[login].send("ERROR\nmessage:Superseded by a newer connection of this user\n\n\0")
                await inside[login].close(1008)
            inside[login] = client
        elif frame.startswith("DISCONNECT"):
            await client.send("RECEIPT\nreceipt-id:disconnect\n\n\0")

    async with house(broker, ping_interval=2.8, subprotocols=["v12.stomp"]) as app:
        proxy = start(HaProxy, app.port, tunnel=40)
        base = {"url": f"stomp+ws://{LOOPBACK}:{proxy.port}/?user=x", "heart_beat": "0,0", "passcode": "crew"}
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, bert=base | {"login": "bert", "do": says(2.1, 8, "stomp-send /queue/a 1")})
            await opened(watch, desk=base | {"login": "anna", "do": says(0.9, 3, "stomp-send /queue/a 2")})
            await seen(watch, "stomp", "desk", command="SEND", count=3)
            await opened(watch, phone=base | {"login": "anna", "do": says(0.7, 2, "stomp-send /queue/a 3")})
            await looked(watch, "desk")
            await seen(watch, "stomp", "phone", command="SEND", count=2)
            assert {line["s"] for line in watch.of("close")} == {"desk"}
            await watch.finish()
    assert_said(watch.the("close", "desk"), 1008)
    recorder.keep("rhythm-haproxy-stomp-error-superseded", watch)


async def test_a_token_is_not_renewed(start: Starter, recorder: Recorder) -> None:
    """The gateway behind nginx pushes ticks; the token of a lone session is good for 5 s."""
    server = start(Gateway, expired=[4100, "credentials no longer valid, please refresh"], tick=1700)
    proxy = start(Nginx, server.port, 40)
    watch = await staged(
        {
            "short": ws(proxy.port, f"/?token={server.token('anna', 5)}", do=says(1.1, 9, "send hello")),
        },
        "short",
        stage="http",
    )
    assert_said(watch.the("close", "short"), 4100, "credentials no longer valid, please refresh")
    recorder.keep("rhythm-nginx-gateway-token-4100", watch)
