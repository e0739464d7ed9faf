"""What Spring's simple broker does to a session that says what it should not, over WebSocket and SockJS.

An ERROR and Close 1002 for what an interceptor refuses (the ERROR's text never says which) and for what its parser does
not take; nothing at all for what it does not know: a STOMP version, a destination outside its prefixes.
"""

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.recordings import Recorder
from tests.servers.spring import LOGIN, Spring
from tests.servers.starting import Starter
from tests.servers.takes import Take, extra
from tests.watching import Line, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

TRANSPORTS = {
    "ws": (),
    "sockjs-websocket": ("--sockjs-transport", "websocket"),
    "sockjs-xhr-streaming": ("--sockjs-transport", "xhr-streaming"),
    "sockjs-xhr-polling": ("--sockjs-transport", "xhr-polling"),
}
DENIED = "Failed to send message to ExecutorSubscribableChannel[clientInboundChannel]"


def over(spring: Spring, transport: str) -> tuple[str, ...]:
    """The arguments of a session over this transport."""
    return (spring.ws_url if transport == "ws" else spring.sockjs_url, *TRANSPORTS[transport])


def named(transport: str, what: str) -> str:
    """The scenario's name."""
    return f"spring-{what}" if transport == "ws" else f"spring-{transport}-{what}"


def beats(take: Take) -> tuple[str, ...]:
    """Some interval of heart-beats."""
    return ("--heart-beat", take.one_of("0,0", "1000,1000", "5000,5000"))


def assert_ended(watch: Watch, error: str, session: str = "A") -> Line:
    """An ERROR, then a Close 1002 in the words of the transport; a poll after it may be told 3000 "Go away!" alone."""
    close = watch.the("close", session)
    assert (close["initiator"], close["error"]) == ("remote", error)
    assert close["code"] in (1002, 3000)
    return close


@pytest.mark.parametrize(
    ("what", "transport"),
    [
        ("may-not-read", "ws"),
        extra("may-not-read", "sockjs-websocket"),
        extra("may-not-read", "sockjs-xhr-polling"),
        extra("may-not-publish", "ws"),
        extra("may-not-publish", "sockjs-xhr-streaming"),
    ],
)
async def test_a_destination_its_interceptor_keeps_to_itself(
    spring: Spring, recorder: Recorder, take: Take, what: str, transport: str
) -> None:
    words = "subscribe /topic/staff" if what == "may-not-read" else "stomp-send /topic/staff hello"
    arguments = (*LOGIN, *beats(take), "--do", f"{take.between(0.1, 1.5)} {words}")
    watch, status = await run(*over(spring, transport), *arguments)
    assert status == 1
    assert_ended(watch, DENIED)
    recorder.keep(take.of(named(transport, what)), watch)


async def test_one_of_two_asks_for_what_it_may_not(spring: Spring, recorder: Recorder, take: Take) -> None:
    transport = take.one_of("ws", "sockjs-websocket", "sockjs-xhr-streaming")
    url, *rest = over(spring, transport)
    async with probing(f"anna={url}", f"bert={url}", *rest, *LOGIN, *beats(take), "--stdin") as watch:
        for name in ("anna", "bert"):
            await seen(watch, "stomp", name, command="CONNECTED")
        await ask(watch, "subscribe /topic/staff", "bert")
        await seen(watch, "close", "bert")
        await ask(watch, "subscribe /topic/x", "anna")
        await ask(watch, "stomp-send /topic/x still here", "anna")
        await seen(watch, "stomp", "anna", command="MESSAGE")
        await watch.command("quit")
        assert await watch.finish() == 1
    assert_ended(watch, DENIED, "bert")
    recorder.keep(take.of("spring-one-may-not-read"), watch)


@pytest.mark.parametrize("transport", ["sockjs-websocket", "sockjs-xhr-streaming", "sockjs-xhr-polling"])
async def test_a_refused_login_over_sockjs(spring: Spring, recorder: Recorder, take: Take, transport: str) -> None:
    login = ("--login", take.one_of("anna", "mallory"), "--passcode", "not-the-passcode")
    watch, status = await run(*over(spring, transport), *login, *beats(take))
    assert status == 3
    assert_ended(watch, DENIED)
    recorder.keep(take.of(named(transport, "refused-login")), watch)


FRAMES = {
    "too-large": (
        r"SEND\ndestination:/topic/x\n\n" + 5000 * "x" + r"\0",
        "The configured STOMP buffer size limit of 4096 bytes has been exceeded",
    ),
    "too-large-announced": (
        r"SEND\ndestination:/topic/x\ncontent-length:5000\n\nx\0",
        "STOMP 'content-length' header value 5000  exceeds configured buffer size limit 4096",
    ),
    "no-colon": (
        r"SEND\ndestination:/topic/x\nno colon here\n\nx\0",
        "Illegal header: 'no colon here'. A header must be of the form <name>:[<value>].",
    ),
    "unknown-command": (
        r"PUBLISH\n\nx\0",
        "No enum constant org.springframework.messaging.simp.stomp.StompCommand.PUBLISH",
    ),
}


@pytest.mark.parametrize(
    ("what", "transport"),
    [
        ("too-large", "sockjs-websocket"),
        ("no-colon", "ws"),
        extra("too-large", "sockjs-xhr-streaming"),
        extra("too-large", "sockjs-xhr-polling"),
        extra("too-large-announced", "sockjs-websocket"),
        extra("too-large-announced", "sockjs-xhr-polling"),
        extra("no-colon", "sockjs-xhr-streaming"),
        extra("unknown-command", "sockjs-websocket"),
        extra("unknown-command", "sockjs-xhr-polling"),
    ],
)
async def test_a_frame_it_does_not_take(
    spring: Spring, recorder: Recorder, take: Take, what: str, transport: str
) -> None:
    """A frame that is too large by its header is refused when more of it comes: the next beat, here every second."""
    frame, message = FRAMES[what]
    arguments = (*LOGIN, "--heart-beat", "1000,1000", "--do", f"{take.between(0.1, 1.5)} stomp-frame {frame}")
    watch, status = await run(*over(spring, transport), *arguments)
    assert status == 1
    assert_ended(watch, message)
    recorder.keep(take.of(named(transport, what)), watch)


async def test_a_binary_message_to_the_text_endpoint_of_sockjs(spring: Spring, recorder: Recorder, take: Take) -> None:
    session = take.one_of("000/abcdefgh", "417/x7k2m9qp")
    url = f"{spring.sockjs_url.removeprefix('stomp+').replace('http', 'ws')}/{session}/websocket"
    watch, status = await run(url, "--do", f"{take.between(0.1, 2)} send-binary {take.one_of('0102', '5b22585d')}")
    assert status == 1
    close = watch.the("close")
    assert close["received"] == {"code": 1003, "reason": "Binary messages not supported"}
    assert close["initiator"] == "remote"
    recorder.keep(take.of("spring-sockjs-binary-to-text"), watch)


@pytest.mark.parametrize("transport", ["ws", extra("sockjs-websocket")])
async def test_a_version_it_does_not_speak(spring: Spring, recorder: Recorder, take: Take, transport: str) -> None:
    """It says nothing to CONNECT, and ends the session when three times the beats that CONNECT offered are over."""
    arguments = (*LOGIN, "--connect-header", "accept-version: 3.0", "--heart-beat", take.one_of("600,0", "1000,1000"))
    watch, status = await run(*over(spring, transport), *arguments)
    assert status == 3
    assert not watch.of("stomp", command="CONNECTED", dir="in")
    assert_ended(watch, "Session closed.")
    recorder.keep(take.of(named(transport, "no-common-version")), watch)


@pytest.mark.parametrize("transport", ["ws", extra("sockjs-xhr-streaming")])
async def test_what_comes_after_disconnect(spring: Spring, recorder: Recorder, take: Take, transport: str) -> None:
    """It gives the RECEIPT, leaves the connection to us and drops what we still send."""
    async with probing(*over(spring, transport), *LOGIN, "--heart-beat", "0,0", "--stdin") as watch:
        await seen(watch, "stomp", command="CONNECTED")
        await ask(watch, "subscribe /topic/x")
        await ask(watch, r"stomp-frame DISCONNECT\nreceipt:bye\n\n\0")
        await seen(watch, "stomp", command="RECEIPT")
        await ask(watch, "stomp-send /topic/x late")
        await watch.command("quit")
        await watch.finish()
    assert not watch.of("stomp", command="MESSAGE")
    assert watch.the("close")["initiator"] == "local"
    recorder.keep(take.of(named(transport, "late-send")), watch)


async def test_a_connect_that_never_comes_is_noticed_when_another_client_comes(
    start: Starter, recorder: Recorder, take: Take
) -> None:
    """``timeToFirstMessage`` (60 s by default) is looked at only then."""
    spring = start(Spring, heart_beat="", first_message=1500)
    arguments = ("--no-stomp-connect", "--stagger", f"{take.between(3.5, 6)}", "--stdin")
    async with probing(f"silent={spring.ws_url}", f"later={spring.ws_url}", *arguments) as watch:
        await seen(watch, "close", "silent")
        await seen(watch, "open", "later")
        await watch.command("quit")
        assert await watch.finish() == 1
    close = watch.the("close", "silent")
    assert (close["code"], close["initiator"]) == (4500, "remote")
    assert abs(close["m"] - watch.the("open", "later")["m"]) < 1
    recorder.keep(take.of("spring-no-connect"), watch)
