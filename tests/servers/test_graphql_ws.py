"""What graphql-ws does to clients that do not keep to graphql-transport-ws, by its own close codes."""

import json

import pytest

from tests.probing import run
from tests.servers.node import GraphqlWs
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take, extra

pytestmark = [pytest.mark.real, pytest.mark.extra]

PROTOCOL = ("--subprotocol", "graphql-transport-ws")


def init(user: str) -> str:
    """A connection_init of that user."""
    return json.dumps({"type": "connection_init", "payload": {"user": user}})


def subscribe(operation: str, name: str = "ticks") -> str:
    """A subscribe by that id."""
    query = "subscription { ticks }" if name == "ticks" else "{ hello }"
    return json.dumps({"id": operation, "type": "subscribe", "payload": {"query": query}})


@pytest.mark.parametrize(
    ("name", "messages", "code", "reason"),
    [
        extra("4400", (init("anna"), '{"type":"start","id":"1"}'), 4400, "Invalid message received"),
        extra("4400-no-json", (init("anna"), "hello"), 4400, "Invalid message received"),
        ("4401", (subscribe("1"),), 4401, "Unauthorized"),
        extra("4403", (init("bert"),), 4403, "Forbidden"),
        extra("4408", (), 4408, "Connection initialisation timeout"),
        extra("4409", (init("anna"), subscribe("1"), subscribe("1")), 4409, "Subscriber for 1 already exists"),
        ("4429", (init("anna"), init("anna")), 4429, "Too many initialisation requests"),
        extra("4500", (init("broken"),), 4500, "no way to the user database"),
    ],
)
async def test_it_says_why(
    graphql: GraphqlWs,
    recorder: Recorder,
    take: Take,
    name: str,
    messages: tuple[str, ...],
    code: int,
    reason: str,
) -> None:
    first, apart = take.between(0.1, 0.5), take.between(0.2, 0.4)
    orders = [word for n, one in enumerate(messages) for word in ("--do", f"{first + n * apart:.1f} send {one}")]
    watch, status = await run(graphql.url, *PROTOCOL, *orders)
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["reason"], close["initiator"]) == (code, reason, "remote")
    recorder.keep(take.of(f"graphql-ws-{name}"), watch)


@pytest.mark.parametrize("offer", [(), extra(("--subprotocol", "graphql-ws"))])
async def test_another_subprotocol(graphql: GraphqlWs, recorder: Recorder, take: Take, offer: tuple[str, ...]) -> None:
    """Its 101 names none then, and its Close says why; ``graphql-ws`` is what its predecessor spoke."""
    watch, _ = await run(graphql.url, *offer)
    recorder.keep(take.of(f"graphql-ws-4406{'-predecessor' if offer else ''}"), watch)


async def test_no_pong(start: Starter, recorder: Recorder, take: Take) -> None:
    """It terminates who has not answered the last ping by the time of the next."""
    every = take.between(0.4, 0.9)
    server = start(GraphqlWs, keepAlive=every * 1000)
    watch, status = await run(server.url, *PROTOCOL, "--do", f"0 send {init('anna')}", "--do", "0.1 hold-pongs")
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["initiator"], close["transport"]["how"]) == (1006, "remote", "fin")
    recorder.keep(take.of("graphql-ws-no-pong"), watch)
