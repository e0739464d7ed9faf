"""What RabbitMQ refuses behind a Spring relay: its ERROR is handed on word for word, and Spring closes with 1002.

RabbitMQ alone says some of these ERRORs and stays; behind Spring every ERROR is the end of the session. Where RabbitMQ
ends TCP behind its ERROR, Spring may say "Connection to broker closed." first or instead (1 of 16 runs), or say nothing
and close (1 of 50). Over ``xhr-polling`` the poll after the ERROR may be told 3000 "Go away!" instead of the 1002.
"""

import asyncio
from collections.abc import Iterator

import pytest

from tests.probing import ask, probing, seen
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import starting
from tests.servers.takes import Take, extra
from tests.watching import Watch

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory, broker: RabbitMq) -> Iterator[Spring]:
    """A Spring application that relays to the broker."""
    with starting(tmp_path_factory.mktemp("relay")) as start:
        yield start(Spring, relay=broker.stomp_port, inbound_threads=1)


def over(relay: Spring, transport: str) -> tuple[str, ...]:
    """The URL of a session over this transport, and its options."""
    if transport == "ws":
        return (relay.ws_url,)
    return (relay.sockjs_url, "--sockjs-transport", transport)


def named(transport: str, what: str) -> str:
    """The scenario's name."""
    return f"spring-relay-{what}" if transport == "ws" else f"spring-relay-{transport}-{what}"


def beats(take: Take) -> tuple[str, ...]:
    """Some interval of heart-beats."""
    return ("--heart-beat", take.one_of("0,0", "1000,1000", "5000,5000"))


def assert_ended(watch: Watch, session: str, *errors: str | None) -> None:
    """Spring ended the session, behind one of these ERRORs as the last one."""
    close = watch.the("close", session)
    assert close.get("error") in errors
    assert close["initiator"] == "remote" and close["code"] in (1002, 3000)


ERRORS = {
    "queue-locked": ("resource_locked", "Connection to broker closed.", None),
    "queue-deleted": ("Server cancelled subscription",),
    "unknown-transaction": ("Bad transaction",),
}

over_all = pytest.mark.parametrize(
    "transport", ["ws", extra("websocket"), extra("xhr-streaming"), extra("xhr-polling")]
)


@over_all
@pytest.mark.extra
@pytest.mark.parametrize("what", ["queue-locked", extra("queue-deleted"), extra("unknown-transaction")])
async def test_an_error_of_the_broker_ends_one_of_two(
    relay: Spring, broker: RabbitMq, recorder: Recorder, take: Take, what: str, transport: str
) -> None:
    """``first`` has a queue for itself; ``second`` loses its own, or asks for what it cannot have."""
    url, *options = over(relay, transport)
    async with probing(f"first={url}", f"second={url}", *options, *beats(take), "--stdin") as watch:
        for name, headers in (("first", r"exclusive:true\nauto-delete:true\n"), ("second", "")):
            await seen(watch, "stomp", name, command="CONNECTED")
            own = rf"stomp-frame SUBSCRIBE\nid:1\ndestination:/queue/{name}\n{headers}receipt:1\n\n\0"
            await ask(watch, own, name)
            await seen(watch, "stomp", name, command="RECEIPT")
        if what == "queue-locked":
            await ask(watch, "subscribe /queue/first", "second")
        elif what == "queue-deleted":
            await asyncio.to_thread(broker.ctl, "delete_queue", "second")
        else:
            await ask(watch, r"stomp-frame COMMIT\ntransaction:none\n\n\0", "second")
        await seen(watch, "close", "second")
        await ask(watch, "stomp-send /queue/first still here", "first")
        await seen(watch, "stomp", "first", command="MESSAGE")
        await watch.command("quit")
        assert await watch.finish() == 1
    assert_ended(watch, "second", *ERRORS[what])
    recorder.keep(take.of(named(transport, what)), watch)
