"""What a real RabbitMQ 3.10 does to a session that asks for what it may not, what is not there, or what it cannot read.

Two kinds of ERROR: what its STOMP adapter refuses it says and stays; what the broker behind it refuses ends the
session. Over TCP the ERROR comes first and a FIN behind it, over WebSocket the ERROR is lost: the client is told
1000 "STOMP died" and nothing else (every run). A frame that cannot be read ends it with 1007 or 1011 over WebSocket,
over TCP with a bare FIN.
"""

from collections.abc import Iterator

import pytest

from tests.probing import ask, open_session, probing, run, seen
from tests.servers.activemq import LOGIN as ACTIVEMQ_LOGIN
from tests.servers.activemq import ActiveMq
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.takes import Take, extra
from tests.watching import Line, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

CLERK = ("--login", "clerk", "--passcode", "desk", "--vhost", "/")

over_both = pytest.mark.parametrize("transport", ["ws", "tcp"])


@pytest.fixture(scope="module")
def clerk(broker: RabbitMq) -> RabbitMq:
    """The broker, where ``clerk`` may make any queue but a ``/queue/closed``, and read and write only his own."""
    broker.ctl("add_user", "clerk", "desk")
    broker.ctl("set_permissions", "clerk", "^(?!closed)", "^clerk", "^clerk")
    return broker


def named(transport: str, what: str) -> str:
    """The scenario's name."""
    return f"rabbitmq-{what}" if transport == "ws" else f"rabbitmq-{transport}-{what}"


def assert_ended(watch: Watch, transport: str, message: str, session: str = "A") -> Line:
    """The broker ended it at once: over WebSocket without a word, over TCP behind an ERROR."""
    close = watch.the("close", session)
    assert (close["initiator"], close.get("asked", False)) == ("remote", False)
    assert close["transport"]["how"] in ("fin", "reset") and close["idle_tx"] < 5
    if transport == "ws":
        assert close["received"] == {"code": 1000, "reason": "STOMP died"}
        assert close.get("error") is None and not watch.of("stomp", session, command="ERROR")
    else:
        assert (close["code"], close["error"]) == (None, message)
    return close


def beats(take: Take) -> tuple[str, ...]:
    """Some interval of heart-beats."""
    return ("--heart-beat", take.one_of("0,0", "1000,1000", "5000,5000"))


FATAL = {
    "may-not-declare": ("subscribe /queue/closed", "access_refused"),
    "may-not-read": ("subscribe /queue/theirs", "access_refused"),
    "may-not-write": ("stomp-send /queue/theirs hello", "access_refused"),
    "may-not-publish": ("stomp-send /topic/prices hello", "access_refused"),
    "no-such-queue": ("subscribe /amq/queue/none", "not_found"),
    "no-such-exchange": ("stomp-send /exchange/none/key hello", "not_found"),
    "no-such-exchange-to-read": ("subscribe /exchange/none/key", "not_found"),
}


@pytest.mark.parametrize(
    ("what", "transport"),
    [
        ("may-not-read", "ws"),
        ("may-not-read", "tcp"),
        ("no-such-queue", "ws"),
        extra("no-such-exchange", "tcp"),
        extra("may-not-declare", "ws"),
        extra("may-not-declare", "tls"),
        extra("may-not-write", "ws"),
        extra("may-not-write", "tcp"),
        extra("may-not-publish", "ws"),
        extra("may-not-publish", "tcp"),
        extra("no-such-queue", "tcp"),
        extra("no-such-exchange", "ws"),
        extra("no-such-exchange-to-read", "ws"),
        extra("no-such-exchange-to-read", "tls"),
    ],
)
async def test_what_the_broker_refuses(
    clerk: RabbitMq, recorder: Recorder, take: Take, what: str, transport: str
) -> None:
    words, message = FATAL[what]
    login = CLERK if message == "access_refused" else LOGIN
    watch, status = await run(
        clerk.at(transport), *clerk.trust, *login, *beats(take), "--do", f"{take.between(0.1, 1.5)} {words}"
    )
    assert status == 1
    assert_ended(watch, transport, message)
    recorder.keep(take.of(named(transport, what)), watch)


@over_both
async def test_a_queue_another_session_has_for_itself(
    broker: RabbitMq, recorder: Recorder, take: Take, transport: str
) -> None:
    url = broker.at(transport)
    exclusive = r"id:1\ndestination:/queue/one\nexclusive:true\nauto-delete:true\nreceipt:one\n\n\0"
    async with probing(f"first={url}", f"second={url}", *LOGIN, *beats(take), "--stdin") as watch:
        for name in ("first", "second"):
            await seen(watch, "stomp", name, command="CONNECTED")
        await ask(watch, rf"stomp-frame SUBSCRIBE\n{exclusive}", "first")
        await seen(watch, "stomp", "first", command="RECEIPT")
        await ask(watch, "subscribe /queue/one", "second")
        await seen(watch, "close", "second")
        await ask(watch, "stomp-send /queue/one still here", "first")
        await seen(watch, "stomp", "first", command="MESSAGE")
        await watch.command("quit")
        assert await watch.finish() == 1
    assert_ended(watch, transport, "resource_locked", "second")
    assert watch.the("close", "first")["asked"] is True
    recorder.keep(take.of(named(transport, "queue-locked")), watch)


STAYS = {
    "unknown-prefix": (r"stomp-send /orders/new hello", "Unknown destination"),
    "unknown-prefix-to-read": (r"subscribe /orders/new", "Unknown destination"),
    "no-destination": (r"stomp-frame SEND\n\nhello\0", "Missing destination"),
    "unknown-command": (r"stomp-frame PUBLISH\ndestination:/topic/x\n\nhello\0", "Bad command"),
    "unknown-transaction": (r"stomp-frame COMMIT\ntransaction:none\n\n\0", "Bad transaction"),
    "unknown-acknowledgement": (r"stomp-frame ACK\nid:T_1@@session-x@@9\n\n\0", "Subscription not found"),
}


@pytest.mark.parametrize(
    ("what", "transport"),
    [
        ("unknown-prefix", "ws"),
        extra("no-destination", "tcp"),
        extra("unknown-prefix", "tcp"),
        extra("unknown-prefix-to-read", "ws"),
        extra("unknown-prefix-to-read", "tls"),
        extra("no-destination", "ws"),
        extra("unknown-command", "ws"),
        extra("unknown-command", "tcp"),
        extra("unknown-transaction", "ws"),
        extra("unknown-transaction", "tcp"),
        extra("unknown-acknowledgement", "ws"),
        extra("unknown-acknowledgement", "tcp"),
    ],
)
async def test_what_its_adapter_refuses_and_stays(
    broker: RabbitMq, recorder: Recorder, take: Take, what: str, transport: str
) -> None:
    words, message = STAYS[what]
    async with probing(broker.at(transport), *broker.trust, *LOGIN, *beats(take), "--stdin") as watch:
        await seen(watch, "stomp", command="CONNECTED")
        await ask(watch, words)
        await seen(watch, "stomp", command="ERROR")
        # What comes after it is served as ever.
        await ask(watch, "subscribe /queue/alive")
        await ask(watch, "stomp-send /queue/alive hello")
        await seen(watch, "stomp", command="MESSAGE")
        await watch.command("quit")
        assert await watch.finish() == 0
    close = watch.the("close")
    assert (close["initiator"], close["asked"], close["error"]) == ("local", True, message)
    recorder.keep(take.of(named(transport, what)), watch)


@over_both
async def test_a_queue_deleted_under_its_subscriber(
    broker: RabbitMq, recorder: Recorder, take: Take, transport: str
) -> None:
    """An ERROR names the subscription, and the session stays."""
    url, queue = broker.at(transport), take.one_of("work", "orders")
    async with probing(f"reader={url}", f"other={url}", *LOGIN, *beats(take), "--stdin") as watch:
        for name in ("reader", "other"):
            await seen(watch, "stomp", name, command="CONNECTED")
        await ask(watch, rf"stomp-frame SUBSCRIBE\nid:1\ndestination:/queue/{queue}\nreceipt:r\n\n\0", "reader")
        await seen(watch, "stomp", "reader", command="RECEIPT")
        broker.ctl("delete_queue", queue)
        await seen(watch, "stomp", "reader", command="ERROR")
        await watch.command("quit")
        assert await watch.finish() == 0
    assert watch.the("close", "reader")["error"] == "Server cancelled subscription"
    assert watch.the("close", "other").get("error") is None
    recorder.keep(take.of(named(transport, "queue-deleted")), watch)


@over_both
async def test_two_ask_at_once_for_what_they_may_not(
    clerk: RabbitMq, recorder: Recorder, take: Take, transport: str
) -> None:
    words = f"{take.between(0.3, 2)} {take.one_of('subscribe /queue/theirs', 'stomp-send /topic/prices hello')}"
    watch, status = await run(clerk.at(transport), "-n", "2", *CLERK, *beats(take), "--do", words)
    assert status == 1
    for name in ("A1", "A2"):
        assert_ended(watch, transport, "access_refused", name)
    recorder.keep(take.of(named(transport, "both-may-not")), watch)


@over_both
async def test_one_asks_in_vain_while_another_broker_serves_the_other(
    broker: RabbitMq, activemq: ActiveMq, recorder: Recorder, take: Take, transport: str
) -> None:
    async with probing(f"lost={broker.at(transport)}", *LOGIN, *beats(take), "--stdin") as watch:
        opened = {"login": ACTIVEMQ_LOGIN[1], "passcode": ACTIVEMQ_LOGIN[3], "heart_beat": beats(take)[1]}
        await open_session(watch, name="served", url=activemq.url, **opened)
        for name in ("lost", "served"):
            await seen(watch, "stomp", name, command="CONNECTED")
        await ask(watch, "subscribe /queue/lobby.a", "served")
        await ask(watch, "subscribe /amq/queue/none", "lost")
        await seen(watch, "close", "lost")
        await ask(watch, "stomp-send /queue/lobby.a hello", "served")
        await seen(watch, "stomp", "served", command="MESSAGE")
        await watch.command("quit")
        assert await watch.finish() == 1
    assert_ended(watch, transport, "not_found", "lost")
    recorder.keep(take.of(named(transport, "no-such-queue-other-served")), watch)


LARGEST = 2000


@pytest.fixture
def small(broker: RabbitMq) -> Iterator[RabbitMq]:
    """The broker with a small ``max_message_size``, which holds for the sessions that begin then; 128 MiB otherwise."""
    broker.ctl("eval", f"application:set_env(rabbit, max_message_size, {LARGEST}).")
    yield broker
    broker.ctl("eval", "application:set_env(rabbit, max_message_size, 134217728).")


@pytest.mark.parametrize("transport", [extra("ws"), "tcp"])
async def test_a_message_that_is_too_large(small: RabbitMq, recorder: Recorder, take: Take, transport: str) -> None:
    words = ("--subscribe", "/queue/large", "--do", f"{take.between(0.2, 1)} send-repeat x {LARGEST + 500}")
    watch, status = await run(small.at(transport), *LOGIN, *beats(take), *words)
    assert status == 1
    assert_ended(watch, transport, "precondition_failed")
    recorder.keep(take.of(named(transport, "too-large")), watch)


FRAMES = {
    "no-colon": (r"SEND\ndestination:/queue/a\nno colon here\n\nx\0", 1007, '{header_no_value,"no colon here"}'),
    "bad-escape": (r"SEND\ndestination:/queue/a\\tb\n\nx\0", 1007, '{bad_escape,"\\\\t"}'),
    "bad-content-length": (r"SEND\ndestination:/queue/a\ncontent-length:5 b\n\nhello\0", 1011, ""),
    "connect-twice": (r"CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0", 1011, ""),
}


@pytest.mark.parametrize(
    ("what", "transport"),
    [
        ("no-colon", "ws"),
        ("connect-twice", "tcp"),
        extra("no-colon", "tcp"),
        extra("bad-escape", "ws"),
        extra("bad-content-length", "ws"),
        extra("bad-content-length", "tls"),
        extra("connect-twice", "ws"),
    ],
)
async def test_a_frame_it_cannot_read(
    broker: RabbitMq, recorder: Recorder, take: Take, what: str, transport: str
) -> None:
    frame, code, reason = FRAMES[what]
    words = ("--do", f"{take.between(0.1, 1.5)} stomp-frame {frame}")
    watch, status = await run(broker.at(transport), *broker.trust, *LOGIN, *beats(take), *words)
    assert status == 1
    close = watch.the("close")
    assert (close["initiator"], close.get("error")) == ("remote", None)
    assert close["received"] == ({"code": code, "reason": reason} if transport == "ws" else None)
    recorder.keep(take.of(named(transport, what)), watch)


@over_both
async def test_what_comes_behind_disconnect(broker: RabbitMq, recorder: Recorder, take: Take, transport: str) -> None:
    """The broker ends the session as it was asked to, whatever else lies in the same message."""
    words = r"stomp-frame DISCONNECT\nreceipt:bye\n\n\0SEND\ndestination:/queue/a\n\nlate\0"
    watch, _ = await run(broker.at(transport), *LOGIN, *beats(take), "--do", f"{take.between(0.1, 1.5)} {words}")
    close = watch.the("close")
    assert close.get("error") is None and close["transport"]["how"] in ("fin", "reset")
    recorder.keep(take.of(named(transport, "late-send")), watch)
