"""What Spring's simple broker does to STOMP clients over WebSocket, and what ``watch`` says of it."""

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.recordings import Recorder
from tests.servers.spring import LOGIN, Spring
from tests.watching import Line, Watch

pytestmark = pytest.mark.real


def header(line: Line, name: str) -> str | None:
    """A header of a STOMP frame."""
    return next((value for key, value in line["headers"] if key == name), None)


def error(watch: Watch) -> str | None:
    """The message of the one ERROR frame."""
    return header(watch.the("stomp", command="ERROR", dir="in"), "message")


async def subscribe(watch: Watch, session: str, destination: str) -> None:
    """Returns when the broker knows of the subscription: it gives no RECEIPT, but takes frames in order."""
    await ask(watch, f"subscribe {destination}", session)
    await ask(watch, f"subscribe /queue/{session}", session)
    await ask(watch, f"stomp-send /queue/{session} subscribed", session)
    await seen(watch, "stomp", session, command="MESSAGE")


def assert_ended_by(close: Line, code: int, reason: str = "") -> None:
    """The server's Close says so, and TCP ends in order."""
    assert (close["code"], close["reason"], close["synthetic"]) == (code, reason, False)
    assert (close["initiator"], close["clean"], close["transport"]["how"]) == ("remote", True, "fin")


async def test_two_sessions_exchange_messages_and_beats(spring: Spring, recorder: Recorder) -> None:
    async with probing(
        f"anna={spring.ws_url}", f"bert={spring.ws_url}", *LOGIN, "--heart-beat", "1000,700", "--stdin"
    ) as watch:
        for name in ("anna", "bert"):
            await seen(watch, "stomp", name, command="CONNECTED")
            await subscribe(watch, name, "/topic/x")
        await ask(watch, "stomp-send /topic/x from anna: 你好", "anna")
        await ask(watch, "stomp-send /topic/x from bert", "bert")
        for name in ("anna", "bert"):
            await seen(watch, "stomp", name, command="MESSAGE", count=3)
            await seen(watch, "stomp", name, command="beat", dir="in", count=2)
        await watch.command("quit")
        assert await watch.finish() == 0
    for name in ("anna", "bert"):
        agreed = {beat["layer"]: beat["every_ms"] for beat in watch.of("heartbeat", name, state="negotiated")}
        assert agreed == {"stomp-out": 1000, "stomp-in": 700}
        assert header(watch.the("stomp", name, command="CONNECTED"), "heart-beat") == "500,500"
    recorder.keep("spring-two-sessions", watch)


async def test_held_beats(spring: Spring, recorder: Recorder) -> None:
    # It beats from the same look by which it ends late clients: of an ERROR beside a beat only the close may leave.
    watch, status = await run(spring.ws_url, *LOGIN, "--heart-beat", "1000,0", "--do", "0 hold-beats")
    assert status == 1
    assert error(watch) == "Session closed."
    close = watch.the("close")
    assert_ended_by(close, 1002)
    # It looks every 500 ms (the smaller number of its pair) for clients silent for more than three times 1000 ms.
    assert 3 <= close["idle_tx"] <= 3.7
    recorder.keep("spring-held-beats", watch)


async def test_a_disconnect_that_asks_for_no_receipt_is_answered_as_if_it_were_missed_beats(
    spring: Spring, recorder: Recorder
) -> None:
    watch, _ = await run(spring.ws_url, *LOGIN, "--do", r"0.2 stomp-frame DISCONNECT\n\n\0")
    assert error(watch) == "Session closed."
    assert (watch.the("close")["code"], watch.the("close")["initiator"]) == (1002, "local")
    recorder.keep("spring-disconnect-without-receipt", watch)


async def test_a_refused_login(spring: Spring, recorder: Recorder) -> None:
    watch, status = await run(spring.ws_url, "--login", "mallory", "--passcode", "crew")
    assert status == 3
    assert error(watch) == "Failed to send message to ExecutorSubscribableChannel[clientInboundChannel]"
    assert_ended_by(watch.the("close"), 1002)
    recorder.keep("spring-refused-login", watch)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (r"BOGUS\n\nx\0", "No enum constant org.springframework.messaging.simp.stomp.StompCommand.BOGUS"),
        (r"SEND\ndestination:/topic/x\nnote:a\\tb\n\nx\0", r"Illegal escape sequence at index 1: a\tb"),
        (
            r"SEND\ndestination:/topic/x\n\n" + "x" * 5000 + r"\0",
            "The configured STOMP buffer size limit of 4096 bytes has been exceeded",
        ),
    ],
    ids=["unknown-command", "bad-escape", "too-large"],
)
async def test_a_frame_it_does_not_take(
    spring: Spring, recorder: Recorder, request: pytest.FixtureRequest, frame: str, message: str
) -> None:
    watch, status = await run(spring.ws_url, *LOGIN, "--do", f"0.2 stomp-frame {frame}")
    assert status == 1
    assert error(watch) == message
    assert_ended_by(watch.the("close"), 1002)
    recorder.keep(f"spring-{request.node.callspec.id}", watch)


async def test_a_message_its_container_does_not_take(spring: Spring, recorder: Recorder) -> None:
    """Tomcat takes 16 640 bytes, whatever the STOMP limit: no ERROR then, and a reason of its own."""
    watch, status = await run(
        spring.ws_url, *LOGIN, "--do", "0.1 subscribe /topic/x", "--do", "0.2 send-repeat x 16700"
    )
    assert status == 1
    assert not watch.of("stomp", command="ERROR")
    close = watch.the("close")
    assert (close["code"], close["initiator"]) == (1009, "remote")
    assert close["reason"].startswith("The decoded text message was too big for the output buffer")
    recorder.keep("spring-too-large-for-tomcat", watch)


async def test_the_application_ends_the_session(spring: Spring, recorder: Recorder) -> None:
    watch, status = await run(
        spring.ws_url, *LOGIN, "--do", r"0.2 stomp-frame SEND\ndestination:/app/close/4005/logged in elsewhere\n\n\0"
    )
    assert status == 1
    assert_ended_by(watch.the("close"), 4005, "logged in elsewhere")
    recorder.keep("spring-4005", watch)


async def test_an_origin_it_does_not_allow(spring: Spring, recorder: Recorder) -> None:
    watch, status = await run(spring.ws_url, *LOGIN, "--origin", "http://elsewhere.example")
    assert status == 3
    assert watch.the("http", dir="in")["status"] == 403
    recorder.keep("spring-refused-origin", watch)
