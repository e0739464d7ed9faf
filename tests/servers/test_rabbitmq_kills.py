"""How a real RabbitMQ 3.10 ends sessions when its administrator or its login timeout says so, over every transport.

Over TCP and TLS an ERROR repeats the reason as Erlang prints it, then comes a FIN; over WebSocket every end is
1000 "STOMP died". ``stop_app`` is a bare FIN everywhere. With its vhost the queue of a subscriber goes, and an ERROR
says so first.
"""

import asyncio
from collections.abc import Iterator

import pytest

from tests.probing import ask, open_session, probing, run, seen
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.takes import Take, extra
from tests.watching import Watch

pytestmark = pytest.mark.real


def named(transport: str, what: str) -> str:
    """The scenario's name."""
    return f"rabbitmq-{what}" if transport == "ws" else f"rabbitmq-{transport}-{what}"


def beats(take: Take) -> tuple[str, ...]:
    """Some interval of heart-beats."""
    return ("--heart-beat", take.one_of("0,0", "1000,1000", "5000,5000"))


def assert_killed(watch: Watch, transport: str, session: str, reason: str) -> None:
    """The broker ended it; over TCP it gave this reason."""
    close = watch.the("close", session)
    assert (close["initiator"], close.get("asked", False)) == ("remote", False)
    assert close["transport"]["how"] in ("fin", "reset")
    if transport == "ws":
        assert close["received"] == {"code": 1000, "reason": "STOMP died"}
        assert close.get("error") in (None, "Server cancelled subscription")
    else:
        assert (close["code"], close["error"]) == (None, "AMQP channel died")
        said = "".join(line["text"] for line in watch.of("bytes", session, dir="in"))
        assert "server_initiated_close" in said and reason in said


@pytest.fixture
def temp(broker: RabbitMq) -> Iterator[RabbitMq]:
    """The broker with a user ``temp`` and a vhost ``shop`` that both users may use."""
    broker.ctl("add_user", "temp", "crew")
    broker.ctl("add_vhost", "shop")
    for user, vhost in (("temp", "/"), ("guest", "shop")):
        broker.ctl("set_permissions", "-p", vhost, user, ".*", ".*", ".*")
    yield broker
    known = broker.ctl("list_users") + broker.ctl("list_vhosts")
    for kind, name in (("user", "temp"), ("vhost", "shop")):
        if name in known:
            broker.ctl(f"delete_{kind}", name)


KILLS = {
    "user-deleted": ("delete_user", "temp"),
    "vhost-deleted": ("delete_vhost", "shop"),
    "vhost-killed": ("close_all_connections", "--vhost", "shop", "moved to another node"),
}
REASONS = {"user-deleted": "user 'temp' is deleted", "vhost-deleted": "vhost 'shop' is "}


@pytest.mark.parametrize(
    ("what", "transport"),
    [
        ("user-deleted", "tcp"),
        extra("vhost-deleted", "ws"),
        extra("user-deleted", "ws"),
        extra("user-deleted", "tls"),
        extra("vhost-deleted", "tcp"),
        extra("vhost-killed", "ws"),
        extra("vhost-killed", "tls"),
    ],
)
async def test_an_administrator_ends_one_of_two(
    temp: RabbitMq, recorder: Recorder, take: Take, what: str, transport: str
) -> None:
    """The other session has another user, or another vhost, and lives."""
    words = KILLS[what]
    other = {"login": "temp", "passcode": "crew", "vhost": "/"}
    if "vhost" in what:
        other = {"login": "guest", "passcode": "guest", "vhost": "shop"}
    secure = {"cacert": temp.trust[1]} if transport == "tls" else {}
    beat = beats(take)
    async with probing(f"staff={temp.at(transport)}", *temp.trust, *LOGIN, *beat, "--stdin") as watch:
        opened = await open_session(watch, name="temp", url=temp.at(transport), heart_beat=beat[1], **other, **secure)
        assert opened["ok"] is True
        for name in ("staff", "temp"):
            await seen(watch, "stomp", name, command="CONNECTED")
            await ask(watch, f"stomp-frame SUBSCRIBE\\nid:1\\ndestination:/queue/{name}\\nreceipt:1\\n\\n\\0", name)
            await seen(watch, "stomp", name, command="RECEIPT")
        await asyncio.to_thread(temp.ctl, *words)
        await seen(watch, "close", "temp")
        await ask(watch, "stomp-send /queue/staff still here", "staff")
        await seen(watch, "stomp", "staff", command="MESSAGE")
        await watch.command("quit")
        assert await watch.finish() == 1
    assert_killed(watch, transport, "temp", REASONS.get(what, words[-1]))
    assert watch.the("close", "staff")["asked"] is True
    recorder.keep(take.of(named(transport, what)), watch)


@pytest.fixture
def impatient(broker: RabbitMq, take: Take) -> Iterator[float]:
    """The seconds in which the broker wants to see a login on its TCP port; 10 otherwise."""
    seconds = take.between(1.5, 4)
    broker.ctl("eval", f"application:set_env(rabbitmq_stomp, login_timeout, {round(seconds * 1000)}).")
    yield seconds
    broker.ctl("eval", "application:unset_env(rabbitmq_stomp, login_timeout).")


@pytest.mark.parametrize(
    ("what", "transport", "words"),
    [
        ("no-connect", "tcp", ""),
        extra("no-connect", "tls", ""),
        extra("send-before-connect", "tcp", "0.3 stomp-send /queue/a early"),
        extra("newline-instead-of-connect", "tcp", r"0.5 stomp-frame \n"),
    ],
)
async def test_a_login_that_never_comes(
    broker: RabbitMq, recorder: Recorder, take: Take, impatient: float, what: str, transport: str, words: str
) -> None:
    """It waits for ``login_timeout`` from the start, whatever else is said, and ends with a bare FIN."""
    said = ("--do", words) if words else ()
    watch, status = await run(broker.at(transport), *broker.trust, "--no-stomp-connect", *said)
    assert status == 1
    close = watch.the("close")
    assert (close["initiator"], close["transport"]["how"]) == ("remote", "fin")
    assert impatient - 0.3 <= close["age"] <= impatient + 2
    assert close.get("error") == ("Illegal command" if "stomp-send" in words else None)
    recorder.keep(take.of(named(transport, what)), watch)


LOGINS = {
    "no-common-version": (("--connect-header", "accept-version: 3.0"), "Version mismatch"),
    "no-such-vhost": (("--vhost", "nowhere"), "Bad CONNECT"),
    "wrong-passcode": (("--passcode", "not-the-passcode"), "Bad CONNECT"),
}


@pytest.mark.extra
@pytest.mark.parametrize(
    ("what", "transport"), [("no-common-version", "tcp"), ("no-such-vhost", "tcp"), ("wrong-passcode", "tls")]
)
async def test_a_login_it_does_not_take(
    broker: RabbitMq, recorder: Recorder, take: Take, impatient: float, what: str, transport: str
) -> None:
    """The ERROR comes at once, the FIN with the login timeout."""
    words, message = LOGINS[what]
    watch, status = await run(broker.at(transport), *broker.trust, *LOGIN, *words)
    assert status == 3
    close = watch.the("close")
    assert (close["error"], close["initiator"], close["transport"]["how"]) == (message, "remote", "fin")
    assert impatient - 1 <= close["idle_rx"] <= impatient + 2
    recorder.keep(take.of(named(transport, what)), watch)


@pytest.mark.extra
@pytest.mark.parametrize(
    ("alarm", "transport"), [("memory", "tcp"), extra("memory", "ws"), extra("disk", "ws"), extra("disk", "tcp")]
)
async def test_an_alarm_blocks_publishers_and_nobody_is_dropped(
    broker: RabbitMq, recorder: Recorder, take: Take, alarm: str, transport: str
) -> None:
    """Over TCP it stops reading from a session that publishes, and looks for no beats of it, until the alarm is over.

    Over WebSocket it reads on.
    """
    on = {"memory": ("set_vm_memory_high_watermark", "0.00001"), "disk": ("set_disk_free_limit", "900000GB")}[alarm]
    off = {"memory": ("set_vm_memory_high_watermark", "0.4"), "disk": ("set_disk_free_limit", "50MB")}[alarm]
    url = broker.at(transport)
    beat = take.one_of("1000,1000", "2000,2000")
    async with probing(f"writer={url}", f"reader={url}", *LOGIN, "--heart-beat", beat, "--stdin") as watch:
        for name in ("writer", "reader"):
            await seen(watch, "stomp", name, command="CONNECTED")
        await ask(watch, r"stomp-frame SUBSCRIBE\nid:1\ndestination:/topic/news\nreceipt:1\n\n\0", "reader")
        await seen(watch, "stomp", "reader", command="RECEIPT")
        await asyncio.to_thread(broker.ctl, *on)
        try:
            for _ in range(3):
                await ask(watch, "stomp-send /topic/news more", "writer")
            beats = len(watch.of("stomp", "writer", command="beat", dir="in"))
            await seen(watch, "stomp", "writer", command="beat", dir="out", count=beats + 3)
            if transport == "tcp":
                assert len(watch.of("stomp", "reader", command="MESSAGE")) < 3
        finally:
            await asyncio.to_thread(broker.ctl, *off)
        await seen(watch, "stomp", "reader", command="MESSAGE", count=3)
        await watch.command("quit")
        assert await watch.finish() == 0
    recorder.keep(take.of(named(transport, f"{alarm}-alarm")), watch)


@pytest.mark.extra
@pytest.mark.parametrize("transport", ["ws", "tcp"])
async def test_a_vhost_its_user_may_not_enter(temp: RabbitMq, recorder: Recorder, take: Take, transport: str) -> None:
    """The broker's words are those for a vhost that is not there."""
    login = ("--login", "temp", "--passcode", "crew", "--vhost", "shop", "--open-timeout", f"{take.between(2, 4)}")
    watch, status = await run(temp.at(transport), *login)
    assert status == 3
    close = watch.the("close")
    assert (close["error"], close["initiator"], close["transport"]["how"]) == ("Bad CONNECT", "local", "timeout")
    recorder.keep(take.of(named(transport, "vhost-forbidden")), watch)


@pytest.mark.extra
async def test_maintenance(own_broker: RabbitMq, recorder: Recorder, take: Take) -> None:
    """What ``rabbitmq-upgrade drain`` does: nobody new is let in, and every session ends with a bare FIN."""
    urls = [f"{transport}={own_broker.at(transport)}" for transport in ("ws", "tcp", "tls")]
    async with probing(*urls, *own_broker.trust, *LOGIN, *beats(take), "--stdin") as watch:
        for name in ("ws", "tcp", "tls"):
            await seen(watch, "stomp", name, command="CONNECTED")
        await asyncio.to_thread(own_broker.ctl, "eval", "rabbit_maintenance:drain().")
        await seen(watch, "close", count=3)
        assert await watch.finish() == 1
    for close in watch.of("close"):
        assert close["initiator"] == "remote" and close["transport"]["how"] in ("fin", "reset")
    recorder.keep(take.of("rabbitmq-drain"), watch)


@pytest.mark.extra
async def test_the_application_stops(own_broker: RabbitMq, recorder: Recorder, take: Take) -> None:
    """``stop_app`` leaves the machine and its port mapper up; every session ends with a bare FIN."""
    urls = [f"{transport}={own_broker.at(transport)}" for transport in ("ws", "tcp", "tls")]
    async with probing(*urls, *own_broker.trust, *LOGIN, *beats(take), "--stdin") as watch:
        for name in ("ws", "tcp", "tls"):
            await seen(watch, "stomp", name, command="CONNECTED")
        await asyncio.to_thread(own_broker.ctl, "stop_app")
        await seen(watch, "close", count=3)
        assert await watch.finish() == 1
    for close in watch.of("close"):
        assert (close["initiator"], close["transport"]["how"], close.get("received")) == ("remote", "fin", None)
    recorder.keep(take.of("rabbitmq-stop-app"), watch)
