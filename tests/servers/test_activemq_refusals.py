"""What a real ActiveMQ 5.17 does to a session over TCP that asks for what it may not, or says what it should not.

What its broker refuses it says in an ERROR, and stays: permissions, a durable subscription in use, transactions and
acknowledgements it does not know of. A login it refuses and a frame it cannot read end the session behind the ERROR.
Who never sends CONNECT is dropped after 30 s whatever ``wireFormat.connectionAttemptTimeout`` says.
"""

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.activemq import LOGIN, VISITOR, ActiveMq
from tests.servers.recordings import Recorder
from tests.servers.takes import Take, extra
from tests.watching import Line, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def beats(take: Take) -> tuple[str, ...]:
    """Some interval of heart-beats."""
    return ("--heart-beat", take.one_of("0,0", "2000,2000", "5000,5000"))


def assert_dropped(close: Line, message: str) -> None:
    """The broker said why and ended TCP."""
    assert (close["code"], close["initiator"], close.get("asked", False)) == (None, "remote", False)
    assert close["transport"]["how"] in ("fin", "reset")
    assert message in close["error"]


async def leave(watch: Watch, status: int = 0) -> None:
    """Ends the run from our side."""
    await watch.command("quit")
    assert await watch.finish() == status


STAYS = {
    "may-not-read": ("subscribe /queue/office", "User visitor is not authorized to read from: queue://office"),
    "may-not-write": ("stomp-send /queue/lobby.a hello", "User visitor is not authorized to write to: queue://lobby.a"),
    "may-not-publish": ("stomp-send /topic/news hello", "User visitor is not authorized to write to: topic://news"),
    "no-destination": (r"stomp-frame SEND\n\nhello\0", "SEND received without a Destination specified!"),
    "no-destination-to-read": (r"stomp-frame SUBSCRIBE\nid:9\n\n\0", "Invalid empty or 'null' Destination header"),
    "connect-twice": (r"stomp-frame CONNECT\naccept-version:1.2\nhost:ground\n\n\0", "Already connected."),
    "unknown-transaction": (r"stomp-frame COMMIT\ntransaction:none\n\n\0", "Invalid transaction id: none"),
    "unknown-acknowledgement": (r"stomp-frame ACK\nid:77\n\n\0", "Unexpected ACK received for message-id [null]"),
}


@pytest.mark.parametrize(
    "what",
    [
        "may-not-read",
        "may-not-write",
        extra("may-not-publish"),
        extra("no-destination"),
        extra("no-destination-to-read"),
        extra("connect-twice"),
        extra("unknown-transaction"),
        extra("unknown-acknowledgement"),
    ],
)
async def test_what_it_refuses_and_stays(activemq: ActiveMq, recorder: Recorder, take: Take, what: str) -> None:
    words, message = STAYS[what]
    login = VISITOR if what.startswith("may-not") else LOGIN
    async with probing(activemq.url, *login, *beats(take), "--stdin") as watch:
        await seen(watch, "stomp", command="CONNECTED")
        await ask(watch, words)
        await seen(watch, "stomp", command="ERROR")
        # What comes after it is served as ever.
        await ask(watch, r"stomp-frame SUBSCRIBE\nid:1\ndestination:/queue/lobby.a\nreceipt:alive\n\n\0")
        await seen(watch, "stomp", command="RECEIPT")
        await leave(watch)
    assert (watch.the("close")["asked"], watch.the("close")["error"]) == (True, message)
    recorder.keep(take.of(f"activemq-{what}"), watch)


DROPS = {
    "unknown-command": (r"PUBLISH\ndestination:/topic/x\n\nhello\0", "Unknown STOMP action: PUBLISH"),
    "bad-content-length": (
        r"SEND\ndestination:/queue/a\ncontent-length:5 b\n\nhello\0", "Specified content-length is not a valid integer",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ["unknown-command", extra("bad-content-length")])
async def test_a_frame_it_cannot_read(activemq: ActiveMq, recorder: Recorder, take: Take, what: str) -> None:
    frame, message = DROPS[what]
    words = f"{take.between(0.1, 1.5)} stomp-frame {frame}"
    watch, status = await run(activemq.url, *LOGIN, *beats(take), "--do", words)
    assert status == 1
    assert_dropped(watch.the("close"), message)
    recorder.keep(take.of(f"activemq-{what}"), watch)


LOGINS = {
    "no-common-version": (
        "accept-version: 3.0", "Invalid Protocol version[3.0], supported versions are: [1.2, 1.1, 1.0]",
    ),
    "bad-heart-beat": ("heart-beat: often,never", "Invalid heart-beat header:often,never"),
}  # fmt: skip


@pytest.mark.parametrize("what", ["no-common-version", extra("bad-heart-beat")])
async def test_a_login_it_cannot_read(activemq: ActiveMq, recorder: Recorder, take: Take, what: str) -> None:
    header, message = LOGINS[what]
    watch, status = await run(activemq.url, *LOGIN, *beats(take), "--connect-header", header)
    assert status == 3
    assert_dropped(watch.the("close"), message)
    recorder.keep(take.of(f"activemq-{what}"), watch)


async def test_a_client_id_another_session_has(activemq: ActiveMq, recorder: Recorder, take: Take) -> None:
    """The newer one is refused, the older one lives."""
    name = take.one_of("till-7", "desk", "a9c3")
    arguments = ("--connect-header", f"client-id: {name}", "--stagger", f"{take.between(0.5, 1.5)}", "--stdin")
    async with probing(f"first={activemq.url}", f"second={activemq.url}", *LOGIN, *beats(take), *arguments) as watch:
        await seen(watch, "stomp", "first", command="CONNECTED")
        await seen(watch, "close", "second")
        await ask(watch, r"stomp-frame SEND\ndestination:/queue/lobby.a\nreceipt:alive\n\nhello\0", "first")
        await seen(watch, "stomp", "first", command="RECEIPT")
        await leave(watch, 3)
    assert_dropped(watch.the("close", "second"), f"Client: {name} already connected from")
    recorder.keep(take.of("activemq-client-id-in-use"), watch)


async def test_a_durable_subscription_in_use(activemq: ActiveMq, recorder: Recorder, take: Take) -> None:
    login = (*LOGIN, "--connect-header", f"client-id: {take.one_of('till-8', 'office')}")
    durable = r"destination:/topic/news\nactivemq.subscriptionName:daily\nreceipt:1\n\n\0"
    async with probing(activemq.url, *login, *beats(take), "--stdin") as watch:
        await seen(watch, "stomp", command="CONNECTED")
        await ask(watch, rf"stomp-frame SUBSCRIBE\nid:1\n{durable}")
        await seen(watch, "stomp", command="RECEIPT")
        await ask(watch, rf"stomp-frame SUBSCRIBE\nid:2\n{durable}")
        await seen(watch, "stomp", command="ERROR")
        await leave(watch)
    assert watch.the("close")["error"].startswith("Durable consumer is in use for client")
    recorder.keep(take.of("activemq-durable-in-use"), watch)


async def test_logins_that_never_come(activemq: ActiveMq, recorder: Recorder, take: Take) -> None:
    """One session says nothing, one sends before it has logged in: 30 s from the start, both."""
    sessions = (f"silent={activemq.url}", f"hasty={activemq.url}", "--no-stomp-connect")
    words = ("--do", f"{take.between(1, 9)} hasty: stomp-send /queue/a early")
    async with probing(*sessions, "--stagger", f"{take.between(1, 4)}", *words) as watch:
        assert await watch.finish(50) == 1
    for name, error in (("silent", None), ("hasty", "Not connected.")):
        close = watch.the("close", name)
        assert (close["initiator"], close["transport"]["how"], close.get("error")) == ("remote", "fin", error)
        assert 29 <= close["age"] <= 34
    recorder.keep(take.of("activemq-no-connect"), watch)
