"""How sessions end by what a real RabbitMQ 3.10 delivers to them: bytes that are no text, messages nobody acknowledges.

Web-stomp sends every frame as text, whatever the body of the message is. A message that is not acknowledged within
``consumer_timeout`` (30 minutes by default; looked at with ``channel_tick_interval``, once a minute) ends its session.
"""

from collections.abc import Iterator

import pytest

from tests.probing import ask, probing, seen
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.takes import Take, extra

pytestmark = [pytest.mark.real, pytest.mark.extra]

RECEIPT = r"receipt:1\n\n\0"


def beats(take: Take) -> tuple[str, ...]:
    """Some interval of heart-beats."""
    return ("--heart-beat", take.one_of("0,0", "1000,1000", "5000,5000"))


async def test_a_body_that_is_no_text_reaches_a_websocket(broker: RabbitMq, recorder: Recorder, take: Take) -> None:
    """The writer speaks STOMP over TCP, where a body may be any bytes; so does one of the two readers."""
    body = take.one_of(r"\xff\xfe", r"\x89PNG", r"price: 5 \x80")
    arguments = (f"writer={broker.tcp_url}", f"page={broker.url}", f"daemon={broker.tcp_url}", "--stdin")
    async with probing(*arguments, *LOGIN, *beats(take)) as watch:
        for name in ("page", "daemon"):
            await seen(watch, "stomp", name, command="CONNECTED")
            await ask(watch, rf"stomp-frame SUBSCRIBE\nid:1\ndestination:/topic/pictures\n{RECEIPT}", name)
            await seen(watch, "stomp", name, command="RECEIPT")
        await seen(watch, "stomp", "writer", command="CONNECTED")
        await ask(watch, rf"stomp-frame SEND\ndestination:/topic/pictures\n\n{body}\0", "writer")
        await seen(watch, "close", "page")
        await seen(watch, "stomp", "daemon", command="MESSAGE")
        await watch.command("quit")
        assert await watch.finish() == 1
    close = watch.the("close", "page")
    assert close["sent"]["code"] == 1007
    recorder.keep(take.of("rabbitmq-body-no-text"), watch)


@pytest.fixture
def strict(broker: RabbitMq, take: Take) -> Iterator[float]:
    """The seconds in which sessions that begin then must acknowledge a message."""
    seconds = take.between(1.5, 3)
    settings = {"consumer_timeout": round(seconds * 1000), "channel_tick_interval": 500}
    words = (f"application:set_env(rabbit, {name}, {value})" for name, value in settings.items())
    broker.ctl("eval", ", ".join(words) + ".")
    yield seconds
    usual = {"consumer_timeout": 1_800_000, "channel_tick_interval": 60_000}
    words = (f"application:set_env(rabbit, {name}, {value})" for name, value in usual.items())
    broker.ctl("eval", ", ".join(words) + ".")


@pytest.mark.parametrize("transport", [extra("ws"), "tcp"])
async def test_a_message_nobody_acknowledges(
    broker: RabbitMq, recorder: Recorder, take: Take, strict: float, transport: str
) -> None:
    url = broker.at(transport)
    async with probing(f"slow={url}", f"quick={url}", *LOGIN, *beats(take), "--stdin") as watch:
        for name, mode in (("slow", "client"), ("quick", "auto")):
            await seen(watch, "stomp", name, command="CONNECTED")
            headers = rf"id:1\nack:{mode}\ndestination:/topic/work\n{RECEIPT}"
            await ask(watch, f"stomp-frame SUBSCRIBE\\n{headers}", name)
            await seen(watch, "stomp", name, command="RECEIPT")
        await ask(watch, "stomp-send /topic/work hello", "quick")
        await seen(watch, "close", "slow")
        assert not watch.of("close", "quick")
        await watch.command("quit")
        assert await watch.finish() == 1
    close = watch.the("close", "slow")
    assert close["initiator"] == "remote"
    waited = close["m"] - watch.the("stomp", "slow", command="MESSAGE")["m"]
    assert strict - 0.3 <= waited <= strict + 3
    if transport == "ws":
        assert close["received"] == {"code": 1000, "reason": "STOMP died"} and close.get("error") is None
    else:
        assert close["error"] == "precondition_failed"
    recorder.keep(take.of("rabbitmq-unacknowledged" if transport == "ws" else "rabbitmq-tcp-unacknowledged"), watch)
